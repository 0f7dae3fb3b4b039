"""Several postures against one: intervals that hold together, and tests that rarely find what is not there."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cyberrange.errors import CyberrangeError
from cyberrange.results.intervals import mean_interval
from cyberrange.results.paired import holm, p_value, paired_differences

OTHERS = 5
EFFECTS = np.array([0.0, 0.0, -0.3, 0.5, 1.0])
"""True differences of the other postures."""


def four_errors(share: float, trials: int) -> float:
    """Four standard errors of a share observed in some trials."""
    return 4 * math.sqrt(share * (1 - share) / trials)


def worlds(stream: int, runs: int, measures: int, effects: np.ndarray) -> dict[str, pd.DataFrame]:
    """Postures that share the luck of the base; each measure is an independent trial."""
    generator = np.random.default_rng([21, stream])
    luck = generator.normal(10.0, 3.0, (runs, measures))
    others = {
        f"p{i}": pd.DataFrame(luck + generator.normal(effect, 1.0, (runs, measures)))
        for i, effect in enumerate(effects, start=1)
    }
    return {"base": pd.DataFrame(luck), **others}


def held(table: pd.DataFrame) -> pd.DataFrame:
    """Whether each interval holds the true difference; a row per measure, a column per posture."""
    compared = table.dropna(subset="difference")
    truth = compared["posture"].map({f"p{i}": effect for i, effect in enumerate(EFFECTS, start=1)})
    inside = (compared["low"] <= truth) & (truth <= compared["high"])
    return compared.assign(held=inside).pivot(index="measure", columns="posture", values="held")


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    return worlds(1, 15, 1200, EFFECTS)


@pytest.fixture(scope="module")
def table(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return paired_differences(frames)


def test_intervals_of_five_comparisons_hold_all_at_once_as_often_as_they_say(table: pd.DataFrame) -> None:
    together = held(table)
    exact = 0.99**OTHERS  # the luck cancels, so the comparisons are independent; the promise is 0.95
    assert abs(together.all(axis=1).mean() - exact) <= four_errors(exact, len(together))
    each = together.to_numpy().mean()
    assert abs(each - 0.99) <= four_errors(0.99, together.size)


def test_intervals_without_correction_hold_each_for_itself_but_seldom_all_at_once(
    frames: dict[str, pd.DataFrame],
) -> None:
    alone = held(paired_differences(frames, correction="none"))
    assert abs(alone.to_numpy().mean() - 0.95) <= four_errors(0.95, alone.size)
    assert alone.all(axis=1).mean() < 0.95 - four_errors(0.95, len(alone))


def test_holm_seldom_finds_a_difference_where_there_is_none(table: pd.DataFrame) -> None:
    null = table[table["posture"].isin(["p1", "p2"])]
    false = null.assign(found=null["p_holm"] <= 0.05).groupby("measure")["found"].any()
    assert false.mean() <= 0.05 + four_errors(0.05, len(false))
    naive = null.assign(found=null["p"] <= 0.05).groupby("measure")["found"].any()
    assert naive.mean() > 0.05 + four_errors(0.05, len(naive))


def test_holm_finds_all_that_bonferroni_finds(table: pd.DataFrame) -> None:
    compared = table.dropna(subset="p")
    clear = (compared["low"] > 0) | (compared["high"] < 0)
    assert (compared.loc[clear, "p_holm"] <= 0.05 + 1e-12).all()
    assert (compared["p_holm"] <= 0.05).sum() >= clear.sum()


def test_the_chance_of_any_false_finding_among_uniform_p_is_that_of_the_smallest() -> None:
    trials = 20_000
    p = np.random.default_rng([21, 2]).random((trials, OTHERS))
    found = np.mean([(holm(row) <= 0.05).any() for row in p])
    exact = 1 - (1 - 0.05 / OTHERS) ** OTHERS
    assert abs(found - exact) <= four_errors(exact, trials)


def test_holm_multiplies_the_smallest_most_and_keeps_the_order() -> None:
    # By hand: 0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1 raised to the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([0.02]).tolist() == [0.02]
    assert holm([]).tolist() == []


def test_p_is_that_of_a_paired_t_test(frames: dict[str, pd.DataFrame], table: pd.DataFrame) -> None:
    for measure in range(20):
        row = table[(table["measure"] == measure) & (table["posture"] == "p3")].iloc[0]
        expected = stats.ttest_rel(frames["p3"][measure], frames["base"][measure])
        assert row["p"] == pytest.approx(expected.pvalue)
        wide = expected.confidence_interval(1 - 0.05 / OTHERS)
        assert (row["low"], row["high"]) == pytest.approx(tuple(wide))


def test_p_and_interval_agree_where_one_posture_is_compared() -> None:
    table = paired_differences(worlds(3, 15, 200, EFFECTS[2:3])).dropna(subset="p")
    clear = (table["low"] > 0) | (table["high"] < 0)
    assert (clear == (table["p"] < 0.05)).all()
    assert (table["p"] == table["p_holm"]).all()


def test_a_single_comparison_needs_no_correction() -> None:
    frames = worlds(4, 15, 3, EFFECTS[2:3])
    table = paired_differences(frames)
    pd.testing.assert_frame_equal(table, paired_differences(frames, correction="none"), check_exact=True)
    for measure, row in table.dropna(subset="p").set_index("measure").iterrows():
        plain = mean_interval(frames["p1"][measure] - frames["base"][measure])
        assert (row["difference"], row["low"], row["high"]) == plain


def test_a_posture_alone_has_means_and_nothing_compared() -> None:
    table = paired_differences(worlds(5, 10, 2, EFFECTS[:0]))
    assert table.columns.tolist() == ["measure", "posture", "mean", "mean_low", "mean_high"]


def test_the_means_of_the_postures_keep_their_own_level(frames: dict[str, pd.DataFrame], table: pd.DataFrame) -> None:
    row = table[(table["measure"] == 0) & (table["posture"] == "p4")].iloc[0]
    assert (row["mean"], row["mean_low"], row["mean_high"]) == mean_interval(frames["p4"][0])


def test_differences_without_spread_are_certain_and_one_run_tells_nothing() -> None:
    assert p_value(pd.Series([0.0, 0.0, 0.0])) == 1.0
    assert p_value(pd.Series([2.0, 2.0, 2.0])) == 0.0
    one = paired_differences(worlds(6, 1, 1, EFFECTS))
    assert one[["p", "p_holm"]].isna().all(axis=None)
    assert (one["high"].dropna() == math.inf).all()


def test_a_correction_or_a_level_that_does_not_exist_is_refused() -> None:
    with pytest.raises(CyberrangeError, match=r"'sidak'\. Allowed: bonferroni, none"):
        paired_differences(worlds(7, 3, 1, EFFECTS), correction="sidak")
    with pytest.raises(CyberrangeError, match="level is 95"):
        paired_differences(worlds(7, 3, 1, EFFECTS), level=95)
