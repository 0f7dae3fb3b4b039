import math

import pandas as pd
import pytest

from cyberrange.results.intervals import Interval
from cyberrange.views.answer import (
    calm_sentences,
    clock_sentence,
    loss_sentence,
    money_sentence,
    price_sentence,
    verdict,
    wait_sentence,
    whole_sentence,
    wound_sentence,
)
from cyberrange.views.from_tables import Paired, paired
from cyberrange.views.words import SPACE


def pair(mean, low, high, base=100.0):
    ratio = Interval(mean / base, low / base, high / base) if base else None
    return Paired(Interval(base + mean, 0, 0), Interval(mean, low, high), base, ratio)


def plain(text):
    return text.replace(SPACE, " ")


def test_a_clear_fall_is_told_with_its_size_and_its_interval():
    assert plain(verdict(pair(-63, -80, -40), 40, "hours")) == "63 % less (95 % interval: 40 % to 80 % less)"


def test_a_clear_rise_is_told_as_more():
    assert plain(verdict(pair(20, 5, 35), 40, "hours")) == "20 % more (95 % interval: 5.0 % to 35 % more)"


@pytest.mark.parametrize(("mean", "low", "high"), [(-10, -30, 10), (5, -5, 15), (-1, -2, 0)])
def test_an_interval_that_holds_zero_is_no_difference_that_the_runs_can_tell(mean, low, high):
    said = plain(verdict(pair(mean, low, high), 40, "hours"))
    assert said.startswith("no difference that 40 runs can tell (95 % interval: ")


def test_both_sides_of_an_open_interval_are_named():
    said = plain(verdict(pair(-10, -30, 12), 40, "hours", ("sooner", "later")))
    assert said.endswith("(95 % interval: 30 % sooner to 12 % later)")


@pytest.mark.parametrize(
    ("difference", "ratio"),
    [(Interval(-10, -20, 1), Interval(-0.1, -0.2, -0.01)), (Interval(-10, -20, -1), Interval(-0.1, -0.3, 0.01))],
)
def test_the_interval_that_is_shown_agrees_with_what_is_said(difference, ratio):
    said = verdict(Paired(Interval(90, 0, 0), difference, 100.0, ratio), 40, "hours", ("sooner", "later"))
    assert said.startswith("no difference") == (difference.high > 0)
    assert (" later)" in said) == (difference.high > 0)
    assert "20 h" in plain(said)


def test_what_is_the_same_in_every_run_is_said_to_be():
    assert verdict(pair(0.0, 0.0, 0.0), 40, "hours") == "the same in every run"


def test_one_run_cannot_tell_luck_from_effect():
    said = verdict(pair(-5, -math.inf, math.inf), 1, "hours")
    assert said.endswith("in this one run, which cannot tell luck from effect")
    assert "interval" not in said


def test_a_rise_from_nothing_is_told_in_its_own_unit():
    said = plain(verdict(pair(30, 20, 40, base=0.0), 40, "hours"))
    assert said == "1 d 6 h more (95 % interval: 20 h to 1 d 16 h more)"


def test_the_sentences_carry_both_means():
    p = pair(-29.9e5, -41e5, -18e5, base=47.6e5)
    said = plain(loss_sentence(p, "CISO", "Vendor", 40))
    assert said.startswith("Under CISO, citizens lose 17.7 lakh citizen-hours of service on average, against 47.6 lakh")
    assert "instead of Rs 47.6 lakh: 63 % less" in plain(money_sentence(p, "CISO", "Vendor", 40))
    p = pair(-33.0, -34.0, -32.0, base=34.0)
    said = plain(clock_sentence("It comes in", p, "CISO", "Vendor", 40))
    assert said.startswith("It comes in 1 h on average under CISO, 1 d 10 h under Vendor: 97 % sooner")


def test_no_loss_is_not_told_as_a_difference():
    nothing = Paired(Interval(0.0, 0.0, 0.0), Interval(0.0, 0.0, 0.0), 0.0)
    assert "no hour of service" in loss_sentence(nothing, "CISO", "Vendor", 40)
    assert wait_sentence("consent", nothing, "CISO", "Vendor", 40) == "Nothing waits for consent."
    assert "%" not in money_sentence(nothing, "CISO", "Vendor", 40)


def test_the_price_is_told_even_where_it_is_lower_or_the_same():
    assert "Rs 2.0 crore a year more than Vendor" in plain(price_sentence(2e7, "CISO", "Vendor"))
    assert "Rs 2.0 lakh a year less than Vendor" in plain(price_sentence(-2e5, "CISO", "Vendor"))
    assert "as much a year as Vendor" in price_sentence(0.0, "CISO", "Vendor")


def test_censored_runs_are_told():
    said = plain(whole_sentence(0.9, 0.7, "CISO", "Vendor", 3600))
    assert said.startswith(
        "When the scenario ends after 150 d, every service is whole again in 90 % of the runs under CISO"
    )
    assert said.endswith("and in 70 % under Vendor.")


def test_the_responses_own_wound_is_told_under_each_posture():
    said = plain(wound_sentence([("Vendor", 0.015), ("CISO", 0.2)]))
    assert said.endswith("1.5 % under Vendor, 20 % under CISO.")
    assert wound_sentence([("Vendor", 0.0)]).startswith("None of the loss")


def test_calm_days_are_told_as_calm():
    same = pair(0.0, 0.0, 0.0, base=29.0)
    said = calm_sentences(73.8, same, same, "CISO", "Vendor", 40)
    assert said[0] == "Nobody attacks in this scenario. About 74 false alarms come all the same."
    assert all("the same in every run" in sentence for sentence in said[1:])


def test_a_paired_difference_is_taken_run_by_run():
    p = paired(pd.Series([1.0, 2.0, 3.0]), pd.Series([2.0, 3.0, 4.0]), 1)
    assert p.difference == (-1.0, -1.0, -1.0)
    assert p.base == 3.0
    assert p.ratio.mean == pytest.approx(-1 / 3)


def test_differences_of_several_postures_hold_jointly() -> None:
    values, base = pd.Series([1.0, 2.0, 5.0, 3.0]), pd.Series([2.0, 3.0, 4.0, 7.0])
    alone, among_three = (paired(values, base, compared).difference for compared in (1, 3))
    assert among_three.mean == alone.mean
    assert among_three.low < alone.low < alone.high < among_three.high
