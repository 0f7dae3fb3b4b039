"""The log: every line has a cause, every loss a culprit, and the same names give the same run."""

from functools import cache

import pytest

import cyberrange as cr
from cyberrange.engine.events import L_LEVEL, LOG_KINDS
from cyberrange.engine.live import World
from cyberrange.engine.state import N_EFFECT
from cyberrange.inputs.shipped import shipped
from cyberrange.model.build import CannotPlayError, Plan
from tests.build import (
    Hand,
    asset,
    city,
    happenings,
    need,
    plan,
    play,
    posture,
    respond,
    scenario,
    service,
    step,
    team,
)

CITIES = ("suryanagar", "sangam_district")
SCENARIOS = tuple(shipped("scenarios"))
POSTURES = ("vendor_reliant", "inhouse_ciso")
EFFECTS = ("attack.effect", "response.effect")
WHERE_EFFECTS_COME_FROM = {
    "attack.effect": {"attack.success", "attack.spread", "attack.effect"},
    "response.effect": {"task.done"},
}


@cache
def shipped_plan(of: str, attack: str, organisation: str) -> Plan | None:
    try:
        return cr.compile_plan(cr.load_city(of), cr.load_scenario(attack), cr.load_posture(organisation))
    except CannotPlayError:
        return None


@cache
def shipped_run(of: str, attack: str, organisation: str, replicate: int) -> World | None:
    made = shipped_plan(of, attack, organisation)
    if made is None:
        return None
    world = World(made, 7, replicate)
    world.finish()
    return world


def runs(attack, organisation, replicates=range(1)):
    made = [shipped_run(of, attack, organisation, r) for of in CITIES for r in replicates]
    return [world for world in made if world is not None]


def back(world, number):
    """Numbers of the lines from one back to its first cause, itself first."""
    chain = []
    while number >= 0:
        chain.append(number)
        number = world.log[number][5]
    return chain


def drops(world):
    """Numbers of the lines in which a node's level falls."""
    now: dict[int, float] = {}
    fallen = set()
    for number, (_, kind, node, _, level, _) in enumerate(world.log):
        if kind == L_LEVEL:
            if level < now.get(node, 1.0):
                fallen.add(number)
            now[node] = level
    return fallen


def assert_drops_lead_to_effects(world):
    """Walk back from each drop: it comes to an effect with an act behind it, and at last to the beginning."""
    kinds = [LOG_KINDS[line[1]][0] for line in world.log]
    for number in drops(world):
        chain = back(world, number)
        effect = next(i for i in chain if kinds[i] in EFFECTS)
        assert kinds[world.log[effect][5]] in WHERE_EFFECTS_COME_FROM[kinds[effect]]
        assert kinds[chain[-1]] == "scenario.start"


@pytest.mark.parametrize("organisation", POSTURES)
@pytest.mark.parametrize("attack", SCENARIOS)
def test_every_line_follows_from_an_earlier_one(attack, organisation):
    for world in runs(attack, organisation):
        assert world.log[0][5] == -1
        assert all(0 <= line[5] < number for number, line in enumerate(world.log) if number > 0)
        assert all(a[0] <= b[0] for a, b in zip(world.log, world.log[1:], strict=False))


@pytest.mark.parametrize("organisation", POSTURES)
@pytest.mark.parametrize("attack", SCENARIOS)
def test_every_drop_can_be_walked_back_to_an_effect_and_the_act_behind_it(attack, organisation):
    for world in runs(attack, organisation):
        assert_drops_lead_to_effects(world)


@pytest.mark.parametrize("organisation", POSTURES)
@pytest.mark.parametrize("attack", SCENARIOS)
def test_what_is_charged_to_effects_is_what_the_services_lost(attack, organisation):
    for world in runs(attack, organisation):
        effects = sum(world.state.effects[e].lost for e in range(world.state.count[N_EFFECT]))
        assert effects == pytest.approx(sum(a.lost for a in world.state.accounts), rel=1e-9, abs=1e-9)


def test_there_is_something_to_walk_back():
    assert sum(len(drops(world)) for attack in SCENARIOS for world in runs(attack, POSTURES[0])) > 1000


def test_in_a_cycle_each_drop_follows_from_the_drop_before_it():
    """Whatever the order in which the file names the members of a cycle."""
    ring = {f"n{i}": asset(need(f"n{(i + 1) % 5}")) for i in range(5)}
    for struck in ring:
        world = play(city(ring, {"use": service(need("n0"))}), scenario(hit=step(struck, {"do": "impair"}, duration=1)))
        assert_drops_lead_to_effects(world)
        for line in happenings(world, "level"):
            if line.subject not in (struck, "use"):
                supplier = happenings(world)[line.cause]
                assert (supplier.kind, supplier.subject) == ("level", f"n{(int(line.subject[1]) + 1) % 5}")
                assert line.about == "0"
        assert len(happenings(world, "level")) == 6


def test_the_same_seed_and_replicate_give_the_same_log():
    made = shipped_plan("suryanagar", "ransomware_property", "inhouse_ciso")
    again = World(made, 7, 1)
    again.finish()
    assert again.log == shipped_run("suryanagar", "ransomware_property", "inhouse_ciso", 1).log


def test_another_seed_or_replicate_gives_another_run():
    made = shipped_plan("suryanagar", "ransomware_property", "inhouse_ciso")
    logs = []
    for seed, replicate in ((7, 0), (8, 0), (7, 1)):
        world = World(made, seed, replicate)
        world.finish()
        logs.append(world.log)
    assert len({tuple(log) for log in logs}) == 3


def test_a_replicate_alone_is_the_same_as_after_others():
    made = shipped_plan("sangam_district", "iot_worm", "vendor_reliant")
    alone = World(made, 7, 17)
    alone.finish()
    for replicate in range(17):
        World(made, 7, replicate).advance(50)
    after = World(made, 7, 17)
    after.finish()
    assert after.log == alone.log


def test_stopping_on_the_way_changes_nothing():
    made = shipped_plan("suryanagar", "water_setpoints", "inhouse_ciso")
    once = World(made, 7, 3)
    once.finish()
    often = World(made, 7, 3)
    for hour in sorted({line[0] for line in once.log} | {0.5 * h for h in range(200)}):
        often.advance(hour)
    often.finish()
    assert often.log == once.log
    assert often.state.accounts == once.state.accounts


@pytest.mark.parametrize("attack", [name for name in SCENARIOS if name != "calm_day"])
def test_another_organisation_meets_the_same_attackers_with_the_same_luck(attack):
    """The first attempt of each operation takes as long, and goes as well, unless it is stopped."""
    compared = 0
    for of in CITIES:
        first = {}
        for organisation in ("vendor_reliant", "inhouse_ciso", "hybrid"):
            world = shipped_run(of, attack, organisation, 0)
            if world is None:
                continue
            begun = {}
            for line in happenings(world, "attack.start", "attack.success", "attack.failure", "attack.stopped"):
                if line.kind == "attack.start":
                    begun.setdefault(line.subject, (line.number, line.hour))
                elif line.kind != "attack.stopped" and begun[line.subject][0] == line.cause:
                    result = (round(line.hour - begun[line.subject][1], 6), line.kind)
                    assert first.setdefault(line.subject, result) == result
                    compared += 1
    assert compared > 3


def test_adding_people_does_not_change_the_luck_of_anything_else():
    """Durations belong to the task, not to the order in which tasks are drawn."""
    attack = scenario(
        400,
        **{f"hit_{n}": step(n, {"do": "impair"}, duration=1, signs=[{"sensor": "eye", "chance": 1}]) for n in "abcdef"},
    )
    of = city({n: asset() for n in "abcdef"})
    fix = {"fix": respond("found", effect="restore", duration={"lognormal": {"median": 5, "p90": 20}})}
    work = []
    for people in (1, 2, 6):
        world = play(of, attack, posture(fix, teams={"crew": team(people)}))
        work.append({line.about: line.value for line in happenings(world, "task.started") if "fix" in line.subject})
    assert work[0] == work[1] == work[2]


def test_a_cause_is_at_hand_for_changes_that_come_from_outside_the_rules():
    world = World(plan(city({"a": asset(), "b": asset(need("a"))})), seed=1)
    Hand(world).impair("a")
    assert_first_causes(world)


def assert_first_causes(world):
    assert all(-1 <= line[5] < number for number, line in enumerate(world.log))
