import math

import pytest

from cyberrange.results.intervals import Interval
from cyberrange.views import words


def plain(text):
    return text.replace(words.SPACE, " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (99_999, "99,999"),
        (1_00_000, "1,00,000"),
        (12_34_56_789, "12,34,56,789"),
        (-45_67_890, "−45,67,890"),
        (-0.2, "0"),
    ],
)
def test_digits_are_grouped_as_in_india(value, text):
    assert words.grouped(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.25, "0.25"),
        (0.0042, "0.0042"),
        (7, "7"),
        (-3.5, "−3.5"),
        (61.24, "61.2"),
        (76_345.4, "76,345"),
        (99_999.7, "1.0 lakh"),
        (47_63_829, "47.6 lakh"),
        (99_99_999, "1.0 crore"),
        (2.5e9, "250 crore"),
        (math.inf, "unknown"),
        (math.nan, "unknown"),
    ],
)
def test_amounts_are_told_in_lakh_and_crore(value, text):
    assert plain(words.amount(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "Rs 0"),
        (84_300, "Rs 84,300"),
        (35e5, "Rs 35.0 lakh"),
        (-4.2e7, "−Rs 4.2 crore"),
        (-0.3, "Rs 0"),
        (math.nan, "unknown"),
    ],
)
def test_money_is_told_in_rupees(value, text):
    assert plain(words.rupees(value)) == text


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (0, "0"),
        (0.001, "< 1 min"),
        (0.2, "12 min"),
        (5.34, "5 h 20 min"),
        (23.999, "1 d"),
        (24, "1 d"),
        (76, "3 d 4 h"),
        (239.9, "10 d"),
        (2500, "104 d"),
        (-30, "−1 d 6 h"),
        (math.inf, "unknown"),
    ],
)
def test_durations_are_told_in_the_two_units_that_matter(hours, text):
    assert plain(words.duration(hours)) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.0042, "0.4 %"), (0.63, "63 %"), (-0.12, "−12 %"), (1, "100 %")]
)
def test_shares_are_told_in_percent(share, text):
    assert plain(words.percent(share)) == text


def test_a_rise_has_a_plus_and_nothing_has_no_sign():
    assert plain(words.signed(3, "hours")) == "+3 h"
    assert plain(words.signed(-3, "hours")) == "−3 h"
    assert words.signed(0, "hours") == "0"
    assert plain(words.signed(2e5, "Rs")) == "+Rs 2.0 lakh"


@pytest.mark.parametrize(
    ("interval", "clear"),
    [
        (Interval(1, 0.5, 1.5), True),
        (Interval(-1, -2, -0.1), True),
        (Interval(1, -1, 3), False),
        (Interval(0, 0, 0), False),
        (Interval(1, 0, 2), False),
        (Interval(1, -math.inf, math.inf), False),
    ],
)
def test_a_difference_is_clear_when_its_interval_leaves_zero_out(interval, clear):
    assert words.clear(interval) is clear


def test_the_span_of_one_run_is_unknown():
    assert words.span(Interval(1, -math.inf, math.inf), "hours") == "unknown from one run"


def test_a_text_that_is_cut_says_so():
    assert words.shorten("Registration of deeds", 14) == "Registration…"
    assert words.shorten("Water", 14) == "Water"


def test_lists_read_as_in_a_sentence():
    assert words.listed([]) == ""
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
