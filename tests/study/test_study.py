"""A study: its designs have names that can be read back, its frozen spec is all it needs, and only holes are played."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cyberrange as cr
import cyberrange.study.study as module
import cyberrange.study.sweep
from cyberrange.errors import CyberrangeError
from cyberrange.results.store import Cell, Chunk, Failure, Store
from cyberrange.study.choice.portfolios import Design, Offer, allowed
from cyberrange.study.risk.annual import AnnualRisk
from cyberrange.study.study import ENDS, Materials, Study, Variant, key_of, plans_of, variant_of
from cyberrange.study.sweep import Swept
from tests.study.offers import offers
from tests.study.tiny import CONTROLS, often, opened, tiny

SHIPPED = cr.load_catalogue()
HYBRID = Design("hybrid", ("hardening", "mfa"))


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return opened(tmp_path_factory.mktemp("study"))


@pytest.fixture
def written(monkeypatch) -> list[tuple[str, int, int]]:
    """Every chunk that is written from now on: design, first and last replicate."""
    found: list[tuple[str, int, int]] = []
    write = cyberrange.study.sweep.write_chunk

    def write_chunk(folder: Any, spec_hash: str, chunk: Chunk, rows: Any) -> Path:
        found.append((chunk.cell.design, chunk.first, chunk.last))
        return write(folder, spec_hash, chunk, rows)

    monkeypatch.setattr(cyberrange.study.sweep, "write_chunk", write_chunk)
    return found


# --- names of designs -------------------------------------------------------------------------------------------------


@given(offers(most_controls=5), st.data())
def test_a_key_is_read_back_as_what_it_was_made_of(offer: Offer, data: st.DataObject) -> None:
    designs = list(allowed(offer))
    assert len({key_of(Variant(d), offer) for d in designs}) == len(designs)
    design = data.draw(st.sampled_from(designs))
    for strained in (None, *((control, end) for control in design.controls for end in ENDS)):
        variant = Variant(design, strained)
        assert variant_of(key_of(variant, offer), offer) == variant


@given(st.text("0123456789abcdef.~lowhig٣²-+_ ", max_size=8))
def test_a_key_that_is_read_at_all_is_the_one_of_its_design(key: str) -> None:
    offer = Offer({"today": 0.0, "ciso": 1e7}, {key: SHIPPED.controls[key] for key in CONTROLS})
    try:
        variant = variant_of(key, offer)
    except CyberrangeError:
        return
    assert key_of(variant, offer) == key


@pytest.mark.parametrize(
    "key",
    ["", "x", "0", "2.0", "0.10", "0.zz", "00.0", "0.00", "0.01", "0.1 ", "٠.0", "0.1~0", "0.1~0middle", "0.1~1low",
     "0.1~9low", "0.2"],
)  # fmt: skip
def test_a_key_of_no_design_is_refused(study: Study, key: str) -> None:
    with pytest.raises(CyberrangeError, match=r"no design of this study|requires 'mfa'|has no 'vendor_gateway'"):
        study.design(key)


@pytest.mark.parametrize(
    ("design", "told"),
    [
        (Design("nobody"), "organisation 'nobody' is not on offer"),
        (Design("hybrid", ("edr",)), "control 'edr' is not on offer"),
        (Design("hybrid", ("vendor_gateway",)), "'vendor_gateway' requires 'mfa'"),
        (Variant(HYBRID, ("delegation_order", "low")), "has no 'delegation_order' at a 'low' end"),
        (Variant(HYBRID, ("mfa", "middle")), "has no 'mfa' at a 'middle' end"),  # type: ignore[arg-type]
    ],
)
def test_a_design_that_is_not_on_offer_is_not_played(study: Study, design: Design | Variant, told: str) -> None:
    for ask in (study.key, lambda d: study.play([d], 1), lambda d: study.replay(d, "insider", 0)):
        with pytest.raises(CyberrangeError, match=told):
            ask(design)


def test_a_scenario_that_is_not_in_the_study_is_not_played(study: Study) -> None:
    for ask in (lambda: study.play([HYBRID], 1, ["insidr"]), lambda: study.replay(HYBRID, "insidr", 0)):
        with pytest.raises(CyberrangeError, match=r"'insidr' is not in the study. Did you mean 'insider'"):
            ask()


# --- the frozen spec --------------------------------------------------------------------------------------------------


def test_plans_from_the_frozen_spec_are_those_of_the_files(study: Study) -> None:
    thawed = plans_of(json.loads(json.dumps(study.materials.frozen())))
    assert Materials.thaw(study.store.spec) == study.materials
    seen = set()
    for design in allowed(study.offer):
        for scenario in study.scenarios:
            posture = cr.load_posture(design.organisation).model_copy(update={"controls": design.controls})
            plan = cr.compile_plan(cr.load_city("kasba"), cr.load_scenario(scenario), posture)
            again = thawed(Cell(study.key(design), scenario))
            assert (again.nodes, again.units, again.teams) == (plan.nodes, plan.units, plan.teams)
            assert repr(again.lists) == repr(plan.lists)
            seen.add(repr(plan.lists))
    assert len(seen) > len(list(allowed(study.offer)))


def test_a_folder_with_another_study_is_refused_by_what_differs(tmp_path) -> None:
    opened(tmp_path)
    assert opened(tmp_path).store.spec["seed"] == 7
    with pytest.raises(CyberrangeError, match=r"another study: seed \(7 there, 8 asked\); study\.seed"):
        opened(tmp_path, seed=8)
    with pytest.raises(CyberrangeError, match=r"study\.budget\.own \(Rs 2\.4 crore there, Rs 1 crore asked\)"):
        opened(tmp_path, budget={"own": 1e7, "years": 2})


def test_a_folder_that_was_played_under_other_rules_is_refused(tmp_path, monkeypatch) -> None:
    opened(tmp_path)
    monkeypatch.setattr(module, "digest_of_rules", lambda: "f" * 64)
    with pytest.raises(CyberrangeError, match=r"another study: rules \([0-9a-f]{16}.* there, f{16}.* asked\)\."):
        opened(tmp_path)


# --- what is played ---------------------------------------------------------------------------------------------------


def test_only_holes_are_played(study: Study, written: list[tuple[str, int, int]], monkeypatch) -> None:
    designs = [study.offer.today, Design("vendor_reliant", ("mfa",))]
    keys = [study.key(d) for d in designs]

    def played() -> list[tuple[str, int]]:
        found = sorted((key, r) for key, first, last in written for r in range(first, last + 1))
        written.clear()
        return found

    study.play(designs[:1], 20, ["insider"])
    assert played() == [(keys[0], r) for r in range(20)]
    rows = study.play(designs, 30, ["insider"])
    assert played() == [(keys[0], r) for r in range(20, 30)] + [(keys[1], r) for r in range(30)]
    monkeypatch.setattr(module, "sweep", lambda *_, **__: pytest.fail("there was nothing to play"))
    pd.testing.assert_frame_equal(study.play(designs, 30, ["insider"]), rows)
    fewer = study.play(designs, 5, ["insider"])
    assert fewer["replicate"].tolist() == [0, 1, 2, 3, 4] * 2
    assert not written


@pytest.mark.parametrize("scenario", ["insider", "ransomware_property"])
def test_rows_are_those_of_the_live_engine_replicate_by_replicate(study: Study, scenario: str) -> None:
    design = Design("hybrid", ("hardening", "mfa", "vendor_gateway"))
    study.play([design], 6, [scenario])
    posture = cr.load_posture("hybrid").model_copy(update={"controls": design.controls})
    live = cr.replicate(study.materials.city, cr.load_scenario(scenario), posture, runs=6, seed=7, engine="live")
    stored = study.store.read([Cell(study.key(design), scenario)]).set_index("replicate").iloc[:6]
    pd.testing.assert_frame_equal(
        stored[list(live.columns)], live, check_exact=True, check_index_type=False, check_names=False
    )
    losses = study.losses(study.play([design], 6, [scenario])).loc[(study.key(design), scenario)]
    np.testing.assert_allclose(losses.to_numpy(), live["loss_rupees"].to_numpy(), rtol=1e-12)


def test_a_replay_has_the_measures_of_its_row_and_the_whole_log(study: Study) -> None:
    plain, weak = Variant(HYBRID), Variant(HYBRID, ("hardening", "low"))
    study.play([plain, weak], 12, ["ransomware_property"])
    stored = study.store.read(study.cells([plain, weak], ["ransomware_property"])).set_index(["design", "replicate"])
    for variant in (plain, weak):
        for replicate in range(12):
            run = study.replay(variant, "ransomware_property", replicate)
            row = stored.loc[(study.key(variant), replicate), run.measures.index]
            assert run.measures.to_dict() == row.to_dict()
            assert len(run.events) > 20
            assert run.plan.posture.controls == HYBRID.controls
    rows = [stored.loc[study.key(variant), "loss_rupees"] for variant in (plain, weak)]
    assert not rows[0].equals(rows[1])


@pytest.mark.parametrize("control", SHIPPED.controls)
def test_a_strained_control_is_weaker_or_stronger_and_all_else_stays(study: Study, control: str) -> None:
    materials = Materials(study.spec, study.materials.city, {}, {}, study.materials.postures, SHIPPED)
    before = SHIPPED.controls[control]
    found = {end: materials.bought(Variant(Design("hybrid", (control,)), (control, end)))[1] for end in ENDS}
    for catalogue in found.values():
        others = {key: c for key, c in catalogue.controls.items() if key != control}
        assert others == {key: c for key, c in SHIPPED.controls.items() if key != control}
        assert catalogue.controls[control].model_copy(update={"mechanisms": before.mechanisms}) == before
    ends = zip(before.mechanisms, *(found[end].controls[control].mechanisms for end in ENDS), strict=True)
    for mechanism, weak, strong in ends:
        known = sorted(mechanism.times if x is None else x for x in (mechanism.low, mechanism.high))
        assert sorted((weak.times, strong.times)) == known
        assert mechanism == weak.model_copy(update={"times": mechanism.times})
        direction = np.sign(mechanism.times - 1)
        assert direction * weak.times <= direction * mechanism.times <= direction * strong.times


def test_a_weak_second_factor_lets_more_steps_of_an_attack_succeed_than_a_strong_one(study: Study) -> None:
    mfa = Design("vendor_reliant", ("mfa",))
    weak, strong = (study.materials.plan("ransomware_property", Variant(mfa, ("mfa", end))) for end in ENDS)
    easy, hard = weak.arrays.operations["chance"], strong.arrays.operations["chance"]
    assert (easy >= hard).all()
    assert easy.sum() > hard.sum()


def test_what_is_in_place_today_stays_in_place_in_every_design(tmp_path) -> None:
    study = opened(tmp_path, organisations=("hybrid_grant", "inhouse_ciso"), controls=("edr",))
    today = cr.load_posture("hybrid_grant").controls
    assert len(today) > 3
    for design in allowed(study.offer):
        plan = study.materials.plan("insider", Variant(design))
        assert plan.posture.controls == (*today, *design.controls)
    assert study.offer.annual_cost(study.offer.today, 0.08) == 0.0


def test_risk_priced_anew_is_the_risk_of_other_rates_and_values(study: Study) -> None:
    runs = study.runs(HYBRID, 12)
    assert [len(rows) for rows in runs.values()] == [12, 12]
    rates, values = {"insider": 0.5, "ransomware_property": 3.0}, study.values.scaled(citizens=1.7)
    again = study.risk(HYBRID, 12).repriced(per_year=rates, values=values)
    fresh = AnnualRisk(runs, rates, values)
    pd.testing.assert_frame_equal(again.table(1e5), fresh.table(1e5), check_exact=True)
    losses = {name: study.store.read([Cell(study.key(HYBRID), name)]).iloc[:12] for name in rates}
    by_hand = sum(
        rates[name] * (rows["loss_city_rupees"] + 1.7 * rows["loss_citizens_rupees"]).mean()
        for name, rows in losses.items()
    )
    assert again.annual["total"].ale == pytest.approx(by_hand, rel=1e-12)


# --- what goes wrong --------------------------------------------------------------------------------------------------

BAD = {
    "a negative budget": ({"budget": {"own": -5.0}}, r"tiny: budget\.own: .*Rs -5"),
    "an endless budget": ({"budget": {"own": float("inf")}}, "study 'tiny'|budget.own"),
    "no years": ({"budget": {"years": 0}}, r"budget\.years: out of range: found 0, allowed is at least 1"),
    "a negative frequency": (
        {"per_year": -1.0},
        r"scenarios\.insider\.per_year: out of range: found -1.0, allowed is at least 0",
    ),
    "a frequency out of its range": ({"per_year": 60.0}, r"scenarios\.insider: .*low <= per_year <= high"),
    "an unknown control": ({"controls": ("mfaa",)}, "unknown control 'mfaa'.*Did you mean 'mfa'"),
    "a missing prerequisite": ({"controls": ("vendor_gateway",)}, "requires 'mfa', which is neither on offer nor"),
    "a scenario for another city": ({"scenarios": {"iot_worm": often(1.0)}}, "cannot play here.*first_device"),
    "a city that is nowhere": ({"city": "kasbaa"}, "kasbaa"),
    "organisations with controls": ({"organisations": ("hybrid", "hybrid_grant")}, "brings controls that today's"),
}


def changed(spec: cr.StudySpec, changes: dict[str, Any]) -> cr.StudySpec:
    """Change a spec as `model_copy` does, which checks nothing."""
    flat = {name: value for name, value in changes.items() if name not in {"budget", "per_year"}}
    if "budget" in changes:
        flat["budget"] = spec.budget.model_copy(update=changes["budget"])
    if "per_year" in changes:
        insider = spec.scenarios["insider"].model_copy(update={"per_year": changes["per_year"]})
        flat["scenarios"] = {**spec.scenarios, "insider": insider}
    return spec.model_copy(update=flat)


@pytest.mark.parametrize("what", BAD)
def test_a_study_that_makes_no_sense_is_refused_and_leaves_nothing_behind(tmp_path, what: str) -> None:
    changes, told = BAD[what]
    folder = tmp_path / "study"
    with pytest.raises(CyberrangeError, match=told):
        Study(changed(tiny(), changes), folder, workers=1)
    assert not folder.exists()


def test_controls_that_require_each_other_are_refused(tmp_path) -> None:
    text = (Path(cr.__file__).parents[1] / "scenarios" / "controls.yaml").read_text()
    (tmp_path / "controls.yaml").write_text(text.replace("  mfa:\n", "  mfa:\n    requires: [vendor_gateway]\n", 1))
    with pytest.raises(CyberrangeError, match=r"vendor_gateway.*mfa|mfa.*vendor_gateway"):
        opened(tmp_path / "study", catalogue=str(tmp_path / "controls.yaml"))
    assert not (tmp_path / "study").exists()


def test_one_scenario_under_two_names_is_refused(tmp_path) -> None:
    copy = tmp_path / "another.yaml"
    copy.write_text((Path(cr.__file__).parents[1] / "scenarios" / "insider.yaml").read_text())
    with pytest.raises(CyberrangeError, match="scenarios of the study have an id in common: insider"):
        opened(tmp_path / "study", scenarios={"insider": often(1.0), str(copy): often(2.0)})


def test_a_full_disk_loses_nothing_that_was_stored(tmp_path, monkeypatch) -> None:
    study = opened(tmp_path)
    before = study.play([HYBRID], 5, ["insider"])
    moved, replace = [], os.replace

    def full(source: Any, target: Any) -> None:
        moved.append(target)
        if len(moved) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(CyberrangeError, match=r"the disk is full.*make room and start the study again"):
            study.play([HYBRID, study.offer.today], 10)
    assert not list(tmp_path.rglob("*.tmp"))
    again = opened(tmp_path)
    assert len(again.store.read()) > 5
    pd.testing.assert_frame_equal(again.play([HYBRID], 5, ["insider"]), before)
    assert len(again.play([HYBRID, again.offer.today], 10)) == 40
    assert not again.store.missing(again.cells([HYBRID, again.offer.today]), 10)


def test_a_disk_that_is_full_from_the_start_leaves_a_folder_that_can_be_used(tmp_path, monkeypatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(CyberrangeError, match="the disk is full"):
            opened(tmp_path)
    assert len(opened(tmp_path).play([HYBRID], 1, ["insider"])) == 1


@pytest.mark.slow
def test_a_cluster_that_does_not_answer_is_told_and_nothing_is_lost(tmp_path) -> None:
    pytest.importorskip("distributed")
    rows = opened(tmp_path).play([HYBRID], 3, ["insider"])
    lost = Study(tiny(), tmp_path, backend="dask", address="tcp://127.0.0.1:9")
    with pytest.raises(CyberrangeError, match=r"no dask scheduler answers at 'tcp://127.0.0.1:9'"):
        lost.play([HYBRID], 10, ["insider"])
    pd.testing.assert_frame_equal(lost.play([HYBRID], 3, ["insider"]), rows)
    assert len(opened(tmp_path).play([HYBRID], 10, ["insider"])) == 10


def test_replicates_that_cannot_be_played_are_named(tmp_path, monkeypatch) -> None:
    failures = (Failure(Chunk(Cell("1.5", "insider"), 3, 3), "ZeroDivisionError: no luck"),) * 2
    monkeypatch.setattr(module, "sweep", lambda *_, **__: Swept(8, failures, ()))
    with pytest.raises(
        CyberrangeError,
        match=r"2 replicates cannot be played, first 1.5 under insider, replicate 3: ZeroDivisionError: no luck",
    ):
        opened(tmp_path).play([HYBRID], 10, ["insider"])


def test_a_damaged_file_is_played_again(tmp_path) -> None:
    study = opened(tmp_path)
    rows = study.play([HYBRID], 4, ["insider"])
    for path in tmp_path.rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-7])
    again = opened(tmp_path)
    assert isinstance(again.store, Store)
    pd.testing.assert_frame_equal(again.play([HYBRID], 4, ["insider"]), rows)
