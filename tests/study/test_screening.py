"""Screening designs: nothing is mistaken for anything else, and all of it can be bought."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings

import cyberrange as cr
from cyberrange.study.choice.portfolios import Design, Offer, allowed, conflicts
from cyberrange.study.choice.screening import SPARE, fraction, independent_columns, screen
from cyberrange.study.choice.surrogate import model_matrix, term_names
from tests.study.offers import bonded, control, offers, plain


@pytest.mark.parametrize("shared", [0, 1, 2, 3])
@pytest.mark.parametrize("controls", [*range(1, 13), 16, 20, 24])
def test_no_effect_or_pair_is_aliased_with_another(controls: int, shared: int) -> None:
    vectors, bits = fraction(controls, shared)
    organisation = list(range(1, 2**shared))
    pairs = [a ^ b for a, b in combinations(vectors, 2)] + [a ^ o for a in vectors for o in organisation]
    effects = [0, *organisation, *vectors, *pairs]
    assert len(set(effects)) == len(effects)
    assert max(effects) < 2**bits


@pytest.mark.parametrize("runs", [1, 40, 100, 300])
def test_more_runs_repeat_none_and_alias_nothing(runs: int) -> None:
    vectors, bits = fraction(9, 0, runs)
    assert 2**bits >= runs
    rank = {0}
    for vector in vectors:
        rank |= {vector ^ other for other in rank}
    assert len(rank) == 2**bits


@pytest.mark.parametrize(
    ("controls", "runs"), [(5, 16), (6, 32), (7, 64), (8, 64), (9, 128), (11, 128), (12, 256), (17, 256), (20, 512)]
)
def test_a_fraction_is_as_small_as_the_tables_of_resolution_v_designs(controls: int, runs: int) -> None:
    assert 2 ** fraction(controls)[1] == runs


def test_eight_controls_have_words_of_five_letters_and_none_shorter() -> None:
    vectors, _ = fraction(8)
    words = [
        size
        for size in range(1, 9)
        for letters in combinations(vectors, size)
        if not np.bitwise_xor.reduce(np.array(letters))
    ]
    assert min(words) == 5
    assert len(words) == 3  # 2^(8-2): two generators and their product


@pytest.mark.parametrize("controls", [6, 8, 11, 12, 17, 20])
def test_columns_of_effects_and_pairs_are_orthogonal(controls: int) -> None:
    designs = screen(plain(controls)).designs
    sign = 2.0 * designs.levels() - 1
    pairs = [sign[:, i] * sign[:, j] for i, j in combinations(range(controls), 2)]
    columns = np.column_stack([np.ones(len(sign)), sign, *pairs])
    assert np.array_equal(columns.T @ columns, len(sign) * np.eye(columns.shape[1]))


@pytest.mark.parametrize(("controls", "designs"), [(1, 2), (4, 16), (8, 64), (12, 256), (20, 512)])
def test_few_designs_screen_many_controls(controls: int, designs: int) -> None:
    assert len(screen(plain(controls)).designs) == designs


@pytest.mark.parametrize("organisations", [1, 2, 3, 5])
@pytest.mark.parametrize("controls", [*range(10), 13, 20])
def test_organisations_controls_and_all_their_pairs_are_estimable(controls: int, organisations: int) -> None:
    found = screen(plain(controls, organisations))
    matrix = model_matrix(found.designs)
    assert np.linalg.matrix_rank(matrix) == matrix.shape[1] == found.estimable
    assert not found.not_estimable
    assert found.complete or len(found.designs) >= SPARE * found.estimable


def test_organisations_cost_fewer_designs_than_crossing_them() -> None:
    assert len(screen(plain(8, 3)).designs) == 128
    assert len(screen(plain(12, 3)).designs) == 256


def test_today_is_the_first_design() -> None:
    for offer in (plain(3, 3), plain(12, 3), bonded(12, 2), bonded(20)):
        assert screen(offer).designs.design(0) == Design("o0")


@settings(max_examples=60, deadline=None)
@given(offers(most_controls=9))
def test_every_design_can_be_bought_and_all_that_can_be_estimated_is(offer: Offer) -> None:
    found = screen(offer)
    assert not conflicts(offer, found.designs.bits).any()
    assert len(set(found.designs)) == len(found.designs)
    everything = np.linalg.matrix_rank(model_matrix(allowed(offer)))
    assert np.linalg.matrix_rank(model_matrix(found.designs)) == everything == found.estimable
    assert len(found.not_estimable) == len(term_names(offer)) - everything


@pytest.mark.parametrize(("controls", "organisations"), [(12, 1), (12, 3), (20, 1)])
def test_bonds_cost_designs_and_others_stand_in(controls: int, organisations: int) -> None:
    offer = bonded(controls, organisations)
    found = screen(offer)
    assert found.forbidden and found.added
    assert not conflicts(offer, found.designs.bits).any()
    assert len(found.designs) >= SPARE * found.estimable
    assert np.linalg.matrix_rank(model_matrix(found.designs)) == found.estimable
    assert found.estimable == len(term_names(offer)) - len(found.not_estimable)


def test_what_no_design_can_tell_apart_is_named_with_the_reason() -> None:
    assert screen(bonded(8)).not_estimable == {
        "c0 x c1": "the same as c1",
        "c0 x c2": "the same as c2",
        "c1 x c2": "the same as c2",
        "c4 x c5": "the same as c5",
        "c0 x c7": "never together in a design that can be bought",
        "c1 x c7": "never together in a design that can be bought",
        "c2 x c7": "never together in a design that can be bought",
        "c3 x c6": "never together in a design that can be bought",
    }


def test_the_same_offer_gives_the_same_designs() -> None:
    for offer in (plain(12, 3), bonded(20, 3)):
        first, second = screen(offer).designs, screen(offer).designs
        assert list(first) == list(second)


def test_a_long_chain_of_prerequisites_is_screened() -> None:
    chain = {f"c{j}": control(requires=(f"c{j - 1}",) if j else ()) for j in range(20)}
    found = screen(Offer({"today": 0.0, "ciso": 1e7}, chain))
    assert found.complete
    assert len(found.designs) == 42


def test_controls_of_which_only_one_can_be_bought_are_screened() -> None:
    keys = [f"c{j}" for j in range(16)]
    offer = Offer({"today": 0.0}, {key: control(excludes=tuple(k for k in keys if k != key)) for key in keys})
    assert {design.controls for design in screen(offer).designs} == {(), *((key,) for key in keys)}


def test_the_shipped_controls_and_organisations_can_be_screened() -> None:
    postures = {name: cr.load_posture(name) for name in ("vendor_reliant", "hybrid", "inhouse_ciso")}
    offer = Offer.of(cr.load_catalogue(), postures)
    found = screen(offer)
    assert not conflicts(offer, found.designs.bits).any()
    assert np.linalg.matrix_rank(model_matrix(found.designs)) == found.estimable


def test_columns_that_follow_from_others_are_found() -> None:
    chance = np.random.default_rng([5, 1])
    own = chance.integers(0, 2, (60, 5)).astype(float)
    matrix = np.column_stack([own[:, 0], np.zeros(60), own[:, 1], own[:, 0] + own[:, 1], own[:, 2:]])
    assert independent_columns(matrix).tolist() == [True, False, True, False, True, True, True]
