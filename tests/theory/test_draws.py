"""Random numbers with names: the published vectors, the shape of what is drawn, and that names do not collide."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cyberrange.engine import draws
from cyberrange.engine.draws import PURPOSE, STRIDE, normal_quantile, quantile, threefry, two_uniforms, uniform
from cyberrange.engine.state import seed_key
from cyberrange.inputs.records import Duration
from cyberrange.model.names import name_key
from cyberrange.model.tables import DurationTable

WORD = 2**32
PURPOSES = {name: value for name, value in vars(draws).items() if name.startswith("P_")}
inside = st.floats(0, 1, exclude_min=True, exclude_max=True)

DISTRIBUTIONS = [
    ({"exponential": {"mean": 4.0}}, stats.expon(scale=4)),
    ({"lognormal": {"median": 4.0, "p90": 12.0}}, stats.lognorm(math.log(3) / stats.norm.ppf(0.9), scale=4)),
    ({"triangular": {"low": 1.0, "mode": 2.0, "high": 6.0}}, stats.triang(0.2, loc=1, scale=5)),
    ({"triangular": {"low": 1.0, "mode": 1.0, "high": 6.0}}, stats.triang(0.0, loc=1, scale=5)),
    ({"triangular": {"low": 1.0, "mode": 6.0, "high": 6.0}}, stats.triang(1.0, loc=1, scale=5)),
    ({"uniform": {"low": 3.0, "high": 7.0}}, stats.uniform(3, 4)),
    ({"weibull": {"scale": 5.0, "shape": 1.7}}, stats.weibull_min(1.7, scale=5)),
    ({"weibull": {"scale": 5.0, "shape": 0.6}}, stats.weibull_min(0.6, scale=5)),
    ({"empirical": {"quantiles": (1.0, 2.0, 2.0, 9.0)}}, None),
]


class OnlyDurations:
    """As much of a plan as drawing a duration needs."""

    def __init__(self, *records):
        table = DurationTable()
        self.rows = [table.add(Duration.model_validate(record)) for record in records]
        made = table.table()
        self.durations = made["durations"].view(np.recarray)
        self.points = made["points"]


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [
        ((0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
        ((WORD - 1, WORD - 1), (WORD - 1, WORD - 1), (0xFD36D048, 0x2D17272C)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xBA3E4725, 0xF27D669E)),
    ],
)
def test_threefry_gives_the_published_answers_for_13_rounds(key, counter, expected):
    assert threefry(*key, *counter) == expected


def by_the_book(key, counter, rounds):
    """Threefry-2x32 as its authors write it: mix, and add a key word after every four rounds."""
    words = (*key, 0x1BD11BDA ^ key[0] ^ key[1])
    x = [(counter[0] + words[0]) % WORD, (counter[1] + words[1]) % WORD]
    for r in range(rounds):
        turn = (13, 15, 26, 6, 17, 29, 16, 24)[r % 8]
        x[0] = (x[0] + x[1]) % WORD
        x[1] = ((x[1] << turn | x[1] >> (32 - turn)) % WORD) ^ x[0]
        if r % 4 == 3:
            i = r // 4 + 1
            x = [(x[0] + words[i % 3]) % WORD, (x[1] + words[(i + 1) % 3] + i) % WORD]
    return tuple(x)


words = st.integers(0, WORD - 1)


@given(st.tuples(words, words), st.tuples(words, words))
def test_threefry_is_the_one_of_the_book(key, counter):
    assert by_the_book((0, 0), (0, 0), 20) == (0x6B200159, 0x99BA4EFE)
    assert by_the_book((WORD - 1,) * 2, (WORD - 1,) * 2, 20) == (0x1CB996FC, 0xBB002BE7)
    assert by_the_book((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), 20) == (0xC4923A9C, 0x483DF7A0)
    assert threefry(*key, *counter) == by_the_book(key, counter, 13)


def test_the_words_of_seed_and_replicate_all_count():
    keys = {seed_key(s, r) for s in (0, 1, WORD, WORD + 1) for r in (0, 1, WORD)}
    assert len(keys) == 12


def sequences(length):
    """Numbers as the rules draw them: along uses of one thing, along things, along purposes, along replicates."""
    key = seed_key(7, 0)
    lo, hi = name_key("node/pump")
    return {
        "uses": [uniform(key, lo, hi, 0, i) for i in range(length)],
        "things": [uniform(key, *name_key(f"node/{i}"), 1, 0) for i in range(length)],
        "replicates": [uniform(seed_key(7, i), lo, hi, 0, 0) for i in range(length)],
        "seeds": [uniform(seed_key(i, 0), lo, hi, 0, 0) for i in range(length)],
    }


def test_draws_are_uniform_and_do_not_depend_on_the_one_before():
    for name, sample in sequences(20_000).items():
        u = np.array(sample)
        assert u.min() > 0 and u.max() < 1
        assert stats.kstest(u, "uniform").pvalue > 1e-4, name
        pairs = np.histogram2d(u[:-1:2], u[1::2], bins=16, range=[[0, 1], [0, 1]])[0]
        assert stats.chisquare(pairs.ravel()).pvalue > 1e-4, name
        assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 4 / math.sqrt(len(u)), name


def test_two_numbers_of_one_block_are_uniform_and_independent():
    key = seed_key(7, 0)
    pairs = np.array([two_uniforms(key, *name_key(f"node/{i}"), 0, 0) for i in range(20_000)])
    assert pairs.min() > 0 and pairs.max() < 1
    for column in pairs.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-4
    squares = np.histogram2d(*pairs.T, bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(squares.ravel()).pvalue > 1e-4


def test_draws_of_one_thing_for_different_purposes_are_independent():
    key = seed_key(7, 0)
    u = np.array([[uniform(key, *name_key(f"node/{i}"), q, 0) for q in PURPOSES.values()] for i in range(4000)])
    apart = np.corrcoef(u.T)[np.triu_indices(len(PURPOSES), 1)]
    assert abs(apart).max() < 5 / math.sqrt(len(u))


def test_no_two_purposes_of_a_thing_share_a_number_within_a_million_uses():
    assert len(set(PURPOSES.values())) == len(PURPOSES)
    inverse = pow(STRIDE, -1, WORD)
    furthest = max(PURPOSES.values())
    for apart in range(1, furthest + 1):
        uses = apart * PURPOSE * inverse % WORD
        assert 1_000_000 < uses < WORD - 1_000_000


@given(inside)
def test_the_normal_quantile_is_that_of_the_standard_library(u):
    assert normal_quantile(u) == pytest.approx(NormalDist().inv_cdf(u), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("u", [1e-300, 1e-20, 1e-12, 0.074999, 0.075001, 0.5, 1 - 1e-12])
def test_the_normal_quantile_holds_in_the_tails_and_where_its_formulas_meet(u):
    assert normal_quantile(u) == pytest.approx(float(stats.norm.ppf(u)), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(("record", "expected"), DISTRIBUTIONS)
@given(u=st.floats(2**-33, 1 - 2**-33))
def test_each_distribution_is_drawn_by_its_quantile(record, expected, u):
    p = OnlyDurations(record)
    if expected is None:
        quantiles = record["empirical"]["quantiles"]
        wanted = float(np.interp(u, np.linspace(0, 1, len(quantiles)), quantiles))
    else:
        wanted = float(expected.ppf(u))
    assert quantile(p, p.rows[0], u) == pytest.approx(wanted, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("record", [record for record, _ in DISTRIBUTIONS] + [3.0])
@given(u=inside, more=inside)
def test_a_larger_number_never_gives_a_shorter_time(record, u, more):
    p = OnlyDurations(record)
    low, high = sorted((u, more))
    assert quantile(p, p.rows[0], low) <= quantile(p, p.rows[0], high)
