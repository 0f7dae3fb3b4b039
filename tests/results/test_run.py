"""A run's tables: they agree with each other and walk back to their causes."""

import math

import pytest

import cyberrange as cr
from cyberrange.results.measures import MEASURES

SEED = 11


@pytest.fixture(scope="module")
def run() -> cr.Run:
    return cr.simulate(
        cr.load_city("suryanagar"), cr.load_scenario("dispatch_sirens"), cr.load_posture("vendor_reliant"), seed=SEED
    )


def test_measures_bear_the_listed_names_and_are_finite(run: cr.Run) -> None:
    assert list(run.measures.index[: len(MEASURES)]) == [m.name for m in MEASURES]
    assert run.measures.map(math.isfinite).all()


def test_services_wards_effects_and_measures_add_up_to_one_loss(run: cr.Run) -> None:
    total = run.measures["unserved_citizen_hours"]
    assert total > 0
    assert run.services["unserved"].sum() == pytest.approx(total, rel=1e-9)
    assert run.wards["unserved"].sum() == pytest.approx(total, rel=1e-9)
    assert run.effects["unserved"].sum() == pytest.approx(total, rel=1e-9)
    by_side = run.effects.groupby("side")["unserved"].sum()
    assert by_side.get("response", 0.0) == pytest.approx(run.measures["unserved_by_response"], rel=1e-9)


def test_rupees_follow_from_citizen_hours_and_the_values_in_the_city_file(run: cr.Run) -> None:
    services = run.plan.city.services
    lost = run.services["unserved"]
    citizens = sum(services[name].value.citizens * lost[name] for name in services)
    assert run.measures["loss_citizens_rupees"] == pytest.approx(citizens, rel=1e-9)
    recovered = sum(services[n].value.deferred * services[n].value.recovered * lost[n] for n in services)
    city = sum(services[n].value.city * lost[n] for n in services) + run.measures["response_cost"]
    never = run.measures["deferred_rupees"] - recovered
    assert run.measures["loss_city_rupees"] == pytest.approx(city + never, rel=1e-9)


def test_every_event_names_an_earlier_cause(run: cr.Run) -> None:
    events = run.events
    assert events["cause"].iloc[0] == -1
    later = events.iloc[1:]
    assert (later["cause"] < later.index).all()
    assert (later["cause"] >= 0).all()


def test_every_lost_citizen_hour_walks_back_to_a_step_of_the_attack_or_of_the_response(run: cr.Run) -> None:
    steps = {*run.plan.scenario.steps, *run.plan.posture.playbook}
    guilty = run.effects[run.effects["unserved"] > 0]
    assert len(guilty) > 0
    for _, effect in guilty.iterrows():
        assert effect["step"] in steps
        kinds = set(run.why(int(effect["event"]))["kind"])
        assert kinds & {"attack.success", "task.done"}
        assert "scenario.start" in kinds


def test_a_fall_of_a_service_walks_back_through_what_it_needs(run: cr.Run) -> None:
    events = run.events
    falls = events[(events["kind"] == "level") & events["subject"].isin(run.plan.city.services) & (events["value"] < 1)]
    assert len(falls) > 0
    for row in falls.index:
        kinds = list(run.why(int(row))["kind"])
        assert {"attack.effect", "response.effect"} & set(kinds)


def test_waiting_and_work_fill_the_time_of_each_finished_task(run: cr.Run) -> None:
    tasks = run.tasks
    done = tasks[(tasks["started"] > 0) & (tasks["ended"] < math.inf)]
    assert len(done) > 20
    for first, second in (("asked", "approved"), ("approved", "queued"), ("queued", "started"), ("started", "ended")):
        assert (done[second] >= done[first] - 1e-9).all(), (first, second)


def test_provenance_tells_inputs_seed_and_versions(run: cr.Run) -> None:
    assert run.provenance["seed"] == str(SEED)
    assert run.provenance["city"].startswith("suryanagar ")
    assert {"cyberrange", "simpy", "python", "replicate"} <= set(run.provenance)


def test_digests_change_with_the_inputs() -> None:
    scenario, posture = cr.load_scenario("calm_day"), cr.load_posture("hybrid")
    city = cr.load_city("kasba")
    wards = {**city.wards, "khera": city.wards["khera"].model_copy(update={"population": 4001})}
    one = cr.simulate(city, scenario, posture, seed=1)
    two = cr.simulate(city.model_copy(update={"wards": wards}), scenario, posture, seed=1)
    assert one.provenance["city"] != two.provenance["city"]
    assert one.provenance["posture"] == two.provenance["posture"]
