"""Many replicates: the same bits on any number of workers, and postures that meet the same luck."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cyberrange as cr
from cyberrange.engine.events import LOG_KINDS
from cyberrange.results.intervals import mean_interval
from cyberrange.results.paired import paired_differences, relative_difference
from cyberrange.results.store import Cell, Chunk

KASBA = cr.load_city("kasba")
INSIDER = cr.load_scenario("insider")
VENDOR = cr.load_posture("vendor_reliant")
INHOUSE = cr.load_posture("inhouse_ciso")


def test_the_number_of_workers_changes_no_bit() -> None:
    one = cr.replicate(KASBA, INSIDER, VENDOR, runs=9, seed=5, workers=1)
    two = cr.replicate(KASBA, INSIDER, VENDOR, runs=9, seed=5, workers=2)
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_a_replicate_alone_equals_itself_among_others_and_a_single_run() -> None:
    table = cr.replicate(KASBA, INSIDER, VENDOR, runs=18, seed=5, workers=1)
    alone = cr.simulate(KASBA, INSIDER, VENDOR, seed=5, replicate=17)
    pd.testing.assert_series_equal(table.loc[17], alone.measures, check_exact=True, check_names=False)


def test_another_seed_gives_another_table() -> None:
    one = cr.replicate(KASBA, INSIDER, VENDOR, runs=5, seed=5, workers=1)
    two = cr.replicate(KASBA, INSIDER, VENDOR, runs=5, seed=6, workers=1)
    assert not one.equals(two)


def test_two_postures_meet_an_attacker_with_the_same_luck() -> None:
    starts = []
    for posture in (VENDOR, INHOUSE):
        run = cr.simulate(KASBA, INSIDER, posture, seed=5)
        names = [LOG_KINDS[kind][0] for _, kind, *_ in run.world.log]
        first = names.index("attack.success")
        starts.append(run.world.log[first][0])
    assert starts[0] == starts[1]


def test_common_luck_makes_a_difference_easier_to_see() -> None:
    compared = cr.compare(KASBA, [INSIDER], {"vendor": VENDOR, "inhouse": INHOUSE}, runs=60, seed=5, workers=1)
    vendor, inhouse = (compared.of("insider", name)["time_to_notice"] for name in ("vendor", "inhouse"))
    assert np.var(vendor - inhouse) < np.var(vendor) + np.var(inhouse)
    assert len(compared.runs) == 120
    assert set(compared.table["posture"]) == {"vendor", "inhouse"}


def test_chunks_cover_every_replicate_once() -> None:
    for runs in (1, 2, 7, 100, 1001):
        for size in (1, 2, 16, 2000):
            chunks = Chunk(Cell("base", "calm_day"), 0, runs - 1).cut(size)
            assert [r for chunk in chunks for r in range(chunk.first, chunk.last + 1)] == list(range(runs))


def test_progress_counts_up_to_all_replicates() -> None:
    seen: list[tuple[int, int]] = []
    cr.replicate(
        KASBA, INSIDER, VENDOR, runs=4, seed=1, workers=1, progress=lambda done, all_: seen.append((done, all_))
    )
    assert seen[-1] == (4, 4)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_no_runs_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        cr.replicate(KASBA, INSIDER, VENDOR, runs=0, seed=1)


def test_t_intervals_cover_the_mean_of_a_skewed_loss_as_often_as_they_say() -> None:
    generator = np.random.default_rng(3)
    trials = 2000
    hits = 0
    for _ in range(trials):
        low, high = mean_interval(pd.Series(generator.gamma(2.0, 1.0, 200)))[1:]
        hits += low <= 2.0 <= high
    standard_error = np.sqrt(0.95 * 0.05 / trials)
    assert abs(hits / trials - 0.95) <= 4 * standard_error + 0.005


def test_relative_differences_cover_the_true_ratio_as_often_as_they_say() -> None:
    generator = np.random.default_rng(5)
    trials, hits = 2000, 0
    for _ in range(trials):
        base = pd.Series(generator.gamma(2.0, 1.0, 100))
        other = 0.2 * base * generator.gamma(4.0, 0.25, 100)
        hits += (interval := relative_difference(base, other)).low <= -0.8 <= interval.high
    standard_error = np.sqrt(0.95 * 0.05 / trials)
    assert abs(hits / trials - 0.95) <= 4 * standard_error + 0.01


def test_paired_differences_are_those_of_a_paired_t_test() -> None:
    generator = np.random.default_rng(4)
    base = pd.DataFrame({"x": generator.normal(10, 2, 30)})
    other = base + generator.normal(-1, 0.5, (30, 1))
    row = paired_differences({"base": base, "other": other}).iloc[1]
    expected = stats.ttest_rel(other["x"], base["x"]).confidence_interval()
    assert row["low"] == pytest.approx(expected.low)
    assert row["high"] == pytest.approx(expected.high)


@pytest.mark.parametrize("scenario", ["ransomware_property", "integrator_access", "iot_worm", "vendor_withdrawal"])
def test_a_ciso_of_the_citys_own_shortens_the_way_to_the_first_decision(scenario: str) -> None:
    compared = cr.compare(
        cr.load_city("suryanagar"),
        [cr.load_scenario(scenario)],
        {"vendor": VENDOR, "inhouse": INHOUSE},
        runs=12,
        seed=7,
    )
    table = compared.table.set_index(["measure", "posture"])
    assert table.loc[("time_to_decide", "inhouse"), "high"] < 0


def test_comparing_stops_when_the_difference_is_known_well_enough() -> None:
    found = cr.compare_until(KASBA, INSIDER, VENDOR, INHOUSE, indifference=1.0, relative=0.5, seed=5, most=2000)
    table = cr.compare(KASBA, [INSIDER], {"vendor": VENDOR, "inhouse": INHOUSE}, runs=found.runs, seed=5).table
    row = table[(table["measure"] == "loss_rupees") & (table["posture"] == "inhouse")].iloc[0]
    assert found.interval.mean == pytest.approx(row["difference"], rel=1e-12)
    half = found.interval.high - found.interval.mean
    assert found.reason == "precise"
    assert half <= 0.5 * abs(found.interval.mean)


def test_comparing_stops_at_once_where_no_difference_is_worth_paying_for() -> None:
    found = cr.compare_until(KASBA, INSIDER, VENDOR, INHOUSE, indifference=1e15, seed=5)
    assert (found.reason, found.runs) == ("indifferent", 100)


def test_an_unknown_measure_is_named_with_what_may_be_meant() -> None:
    with pytest.raises(cr.CyberrangeError, match=r"'loss_ruppees'.*'loss_rupees'"):
        cr.compare_until(KASBA, INSIDER, VENDOR, INHOUSE, indifference=1.0, seed=5, measure="loss_ruppees")
