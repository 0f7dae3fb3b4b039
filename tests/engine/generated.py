"""Random cities, attacks, organisations and decisions that use whatever the schema offers."""

import datetime as dt
from random import Random
from typing import Any, get_args

from cyberrange.inputs.city import AssetKind, City, Need
from cyberrange.inputs.decisions import Decisions
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.model import codes
from cyberrange.model.build import Plan, compile_plan
from tests.build import MONDAY, asset, city, need, posture, respond, scenario, service, step

KINDS = get_args(AssetKind)[:8]
LEVELS = [0.0, 0.0, 0.3, 0.5, 0.9]
SENSORS = ("eye", "siem", "ot_monitor")
TEAMS = ("crew", "guild", "vendors", "experts")
OFFICE = {"days": "weekdays", "start": 9, "end": 17.5}
NIGHT = {"days": "mon-sat", "start": 20, "end": 6}
ALWAYS = {"days": "all", "start": 0, "end": 24}
PROFILES = {
    "day": {"hours": [float(1 + hour % 4) for hour in range(24)]},
    "shop": {"hours": [0.0] * 9 + [1.0] * 9 + [0.0] * 6, "weekend": [0.5] * 24},
}


def random_case(number: int) -> Plan:
    """Return one city with an attack, an organisation and (two times in three) decisions."""
    random = Random(number)
    of = random_city(random)
    organisation = random_posture(random, of)
    decisions = random_decisions(random, of, organisation) if random.random() < 2 / 3 else None
    return compile_plan(of, random_attack(random, of), organisation, None, decisions)


def some_time(random: Random, mean: float) -> Any:
    """Return a duration of about this mean, of any kind."""
    return random.choice(
        [
            mean,
            0.0,
            {"exponential": {"mean": mean}},
            {"lognormal": {"median": mean, "p90": 3 * mean}},
            {"triangular": {"low": 0, "mode": mean, "high": 2 * mean}},
            {"uniform": {"low": 0.5 * mean, "high": 1.5 * mean}},
            {"weibull": {"scale": mean, "shape": 1.5}},
            {"empirical": {"quantiles": [0.2 * mean, mean, 4 * mean]}},
        ]
    )


def some(random: Random, things: Any, most: int) -> list[Any]:
    """Return one or several of some things, in any order."""
    things = list(things)
    return random.sample(things, random.randint(1, min(most, len(things))))


# --- a city --------------------------------------------------------------------------------------


def random_city(random: Random) -> City:
    """Return a city, or a region that may share assets, with every form of need, cover, take-over and protection."""
    owners = random.choice([[None], [None], ["east", "west"], ["east", "west", "shared"]])
    cities = [owner for owner in owners if owner != "shared"]
    names = [f"n{i}" for i in range(random.randint(4, 20))]
    assets = {name: _random_asset(random, names, name, random.choice(owners)) for name in names}
    loop = {"power": "telecom", "telecom": "power"}
    for name, other in loop.items():
        trip = {"after": random.choice([0, 1]), "start_time": 2, "black_start": random.random() < 0.2}
        assets[name] = asset(need(other), trip=trip, city=cities[0], zone="ot", kind="power")
    services = {
        f"s{i}": service(
            _random_need(random, list(assets), ""),
            city=random.choice(cities),
            critical=random.randint(1, 5),
            complaints=random.choice([0, 0.001, 0.1]),
            profile=random.choice([None, *PROFILES]),
            reach=random.choice([0.2, 1.0]),
        )
        for i in range(random.randint(0, 3))
    }
    access = [
        {"from": some(random, assets, 3), "to": some(random, assets, 3), "both_ways": random.random() < 0.3}
        for _ in range(random.randint(0, 10))
    ]
    return city(
        assets,
        services,
        profiles=PROFILES,
        wards={f"ward{i}": {"name": "", "population": 100, "city": owner} for i, owner in enumerate(cities)},
        cities={owner: {"name": ""} for owner in cities if owner},
        vendors={name: {"name": ""} for name in ("acme", "initech")},
        access=access,
    )


def _random_asset(random: Random, names: list[str], own: str, owner: str | None) -> Any:
    trip = {"after": random.choice([0, 1]), "start_time": 2, "black_start": random.random() < 0.3}
    return asset(
        *(_random_need(random, names, own) for _ in range(random.choice([0, 0, 1, 2]))),
        city=owner,
        kind=random.choice(KINDS),
        zone=random.choice(codes.ZONES),
        records=random.choice([0, 1000]),
        maintained_by=random.choice([None, "acme", "initech"]),
        local_level=random.choice(LEVELS),
        trip=trip if random.random() < 0.3 else None,
        watched_by=random.choice([None, *(name for name in names if name != own)]),
        rebuild=random.choice([None, some_time(random, 8.0)]),
    )


def _random_need(random: Random, names: list[str], own: str) -> Need:
    chosen = some(random, names, 4)
    tank = {
        "lasts": random.choice([2.0, 9.0]),
        "refill": random.choice([0.5, 2.0]),
        "profile": random.choice([None, *PROFILES]),
    }
    cover: dict[str, Any] = random.choice(
        [{}, {}, {"hold": 3.0}, {"buffer": {**tank, "full": random.choice([0.0, 1.0])}}]
    )
    if random.random() < 0.3:
        team, endurance = random.choice(TEAMS), random.choice([5.0, 1e9])
        hands = {"level": 0.5, "after": some_time(random, 1.0), "team": team, "endurance": endurance}
        cover = {**cover, "manual": {**hands, "people": random.choice([1, 2])}}
    form = random.choice(["all_of", "k_of_n", "weighted", "soft"])
    if form == "all_of":
        return need(*chosen, **cover)
    if form == "k_of_n":
        return need(k_of_n={"k": random.randint(1, len(chosen)), "of": chosen}, **cover)
    if form == "weighted":
        return need(weighted=dict.fromkeys(chosen, 1 / len(chosen)), **cover)
    return need(soft={u: random.choice([0.1, 0.4]) for u in chosen if u != own} or {chosen[0]: 0.2}, **cover)


# --- an attack -----------------------------------------------------------------------------------


def random_attack(random: Random, of: City) -> Scenario:
    """Return an attack with effects of every kind: some steps from outside, others from what is held."""
    steps: dict[str, Any] = {}
    targets: dict[str, Any] = {}
    for i in range(random.randint(0, 9)):
        targets[f"t{i}"] = _random_target(random, of)
    for i in range(len(targets)):
        steps[f"step{i}"] = _random_step(random, list(targets), list(steps))
    if random.random() < 0.4:  # what may leave a cycle tripped though it is whole
        blow = {"do": "impair", "lasts": 5}
        steps["blackout"] = step("power", blow, duration=random.choice([3, 20]))
        targets["power"] = {"asset": ["power"]}
    made = scenario(random.choice([100.0, 300.0, 700.0]), targets, **steps)
    return made.model_copy(update={"start": MONDAY + dt.timedelta(hours=random.randint(0, 200), minutes=15)})


def _random_target(random: Random, of: City) -> dict[str, Any]:
    return random.choice(
        [
            {"asset": some(random, of.assets, 3)},
            {"asset": some(random, of.assets, 8), "pick": 2},
            {"kind": some(random, KINDS, 3), "needed": False},
            {"zone_kind": some(random, codes.ZONES, 3), "pick": 4, "needed": False},
        ]
    )


def _random_step(random: Random, targets: list[str], before: list[str]) -> dict[str, Any]:
    effects = [_random_effect(random, targets) for _ in range(random.randint(1, 3))]
    if random.random() < 0.5:
        effects.insert(0, {"do": "compromise"})
    return step(
        random.choice(targets),
        *effects,
        foothold=random.choice(["outside", "outside", "reach", "held"]),
        per_target=random.random() < 0.5,
        begins=random.choice([0, 0, 20]),
        after_all=some(random, before, 2) if before and random.random() < 0.3 else [],
        after_any=some(random, before, 2) if before and random.random() < 0.3 else [],
        duration=some_time(random, 10.0),
        chance=random.choice([1.0, 0.6]),
        retries=random.choice([0, 3]),
        retry_after=some_time(random, 6.0),
        again=random.choice([0, 2]),
        signs=[
            {"sensor": random.choice([*SENSORS, "nobody"]), "chance": random.choice([0.4, 1.0]), "at": moment}
            for moment in some(random, ["start", "success", "failure"], 3)
        ],
    )


def _random_effect(random: Random, targets: list[str]) -> dict[str, Any]:
    do = random.choice(codes.ATTACK_EFFECTS)
    return {
        "do": do,
        "on": random.choice([None, None, random.choice(targets)]),
        "level": random.choice(LEVELS),
        "load": random.choice([0.5, 1.5, 4.0]),
        "share": random.choice([1.0, 0.5]),
        "rate": random.choice([0.05, 0.5]),
        "kinds": random.choice([[], some(random, KINDS, 4)]),
        "lasts": random.choice([None, some_time(random, 12.0)]),
    }


# --- an organisation -----------------------------------------------------------------------------

EFFECTS_OF_ASSETS = ("isolate", "clean", "restore", "reopen", "filter", "correct", "shut_down", "protect", "none")
EFFECTS_OF_CASES = (
    "declare", "investigate", "shut_down", "settle", "report", "notify", "warn", "protect", "black_start", "none",
)  # fmt: skip
FIRST = {"settle": "vendor_out", "notify": "breach", "black_start": "deadlock", "protect": "warned"}
"""What a step of some effects waits for, most of the time."""
MEANT_FOR = {"filter": ["flooded"], "correct": ["forced", "falsified"], "reopen": ["shut", "suspect"]}


def random_posture(random: Random, of: City) -> Posture:
    """Return an organisation with shifts, vendors, approvers, sensors that cry wolf, help, and any playbook."""
    playbook: dict[str, Any] = {}
    for effect in EFFECTS_OF_CASES:
        if random.random() < 0.8:
            playbook[f"case_{effect}"] = _random_case_step(random, of, effect, list(playbook))
    for effect in EFFECTS_OF_ASSETS:
        if random.random() < 0.8:
            playbook[f"asset_{effect}"] = _random_asset_step(random, of, effect, playbook)
    everyday = random.choice([None, some_time(random, 30.0)])
    boss = {"name": "", "hours": OFFICE, "delay": some_time(random, 3.0)}
    return posture(
        playbook,
        teams={
            "crew": _random_team(random, "own"),
            "guild": _random_team(random, "own"),
            "vendors": _random_team(random, "vendor"),
            "experts": _random_team(random, "outside"),
            "analysts": _random_team(random, "own"),
        },
        approvers={"boss": boss, "council": {**boss, "after_hours": everyday}},
        powers={
            "cut": {"chain": ["boss"], "in_zone": {"ot": ["boss", "council"], "it": []}, "shared": ["council"]},
            "spend": {"chain": ["council", "boss"], "valid": random.choice([0.0, 24.0])},
        },
        own_assets=random.choice(TEAMS),
        vendor_assets=random.choice([{}, {"acme": "vendors"}, {"any": "vendors"}]),
        uncovered=random.choice(TEAMS),
        shared_assets=random.choice(TEAMS),
        sensors={name: _random_sensor(random) for name in SENSORS if random.random() < 0.9},
        triage={
            "team": "analysts",
            "duration": some_time(random, 0.5),
            "confirms": random.choice([0.7, 1.0]),
            "mistakes": random.choice([0.0, 0.2]),
        },
        estate={
            "documented": random.random(),
            "tenure": 10,
            "learning": random.choice([0, 100]),
            "locate": some_time(random, 2.0),
        },
        backups={"good": random.choice([0.5, 1.0]), "survive": random.random(), "bare_rebuild": 2.0},
        help={f"help{i}": _random_help(random) for i in range(random.randint(0, 2))},
    )


def _random_team(random: Random, kind: str) -> dict[str, Any]:
    shifts = random.choice([[ALWAYS], [OFFICE], [ALWAYS, OFFICE], [OFFICE, NIGHT]])
    return {
        "name": "",
        "kind": kind,
        "scope": random.choice(["city", "city", "shared"]),
        "shifts": [{"people": random.randint(1, 4), "hours": hours} for hours in shifts],
        "hand_off": random.choice([None, some_time(random, 2.0)]),
        "rate": 500,
        "stand_in": random.choice([None, "crew"]),
    }


def _random_sensor(random: Random) -> dict[str, Any]:
    return {
        "name": "",
        "sees": random.choice([0.5, 1.0]),
        "zones": random.choice([[], some(random, codes.ZONES, 5)]),
        "delay": some_time(random, 1.0),
        "false_per_day": random.choice([0.0, 0.0, 0.5]),
    }


def _random_help(random: Random) -> dict[str, Any]:
    return {
        "name": "",
        "on": [random.choice(["noticed", "declared", "breach"])],
        "delay": some_time(random, 12.0),
        "team": random.choice([None, *TEAMS]),
        "people": random.choice([0, 3]),
        "stays": random.choice([20.0, 300.0]),
        "knowledge": random.choice([0.0, 0.5]),
    }


def _random_work(random: Random, of: City, effect: str) -> dict[str, Any]:
    """Return what a step of either scope says of its work."""
    return {
        "effect": effect,
        "power": random.choice([None, None, "cut", "spend"]),
        "people": random.choice([1, 1, 2]),
        "priority": random.randint(0, 7),
        "duration": some_time(random, 3.0),
        "chance": random.choice([1.0, 1.0, 0.7]),
        "finds": random.choice([0.4, 1.0]),
        "where": {"asset": some(random, of.assets, 6)} if effect in ("shut_down", "protect") else None,
    }


def _random_case_step(random: Random, of: City, effect: str, before: list[str]) -> dict[str, Any]:
    after = random.choice(["noticed", "noticed", *before])
    on = FIRST.get(effect, after) if random.random() < 0.8 else after
    return respond(on, scope="case", team=random.choice(TEAMS), **_random_work(random, of, effect))


def _random_asset_step(random: Random, of: City, effect: str, playbook: dict[str, Any]) -> dict[str, Any]:
    on = ["found", *(some(random, playbook, 2) if playbook and random.random() < 0.4 else [])]
    if random.random() < 0.2:
        on.append(random.choice(["declared", "contained", "clean"]))
    hit = MEANT_FOR.get(effect, random.choice([[], some(random, codes.CONDITIONS[:8], 4)]))
    team = random.choice(["maintainer", *TEAMS])
    return respond(*on, team=team, hit=hit if random.random() < 0.9 else [], **_random_work(random, of, effect))


# --- decisions -----------------------------------------------------------------------------------


def random_decisions(random: Random, of: City, organisation: Posture) -> Decisions:
    """Return a log of decisions of every kind about any step, some of them at one hour."""
    taken = []
    for _ in range(random.randint(1, 12) if organisation.playbook else 0):
        name = random.choice(list(organisation.playbook))
        about = random.choice(list(of.assets))
        decided = {"at": random.choice([0.0, 10.0, 24.0, 30.0, 30.25, 100.0]), "step": name}
        decided |= {"do": random.choice(codes.DECISIONS), "city": of.city_of(of.assets[about])}
        if organisation.playbook[name].scope == "asset" and random.random() < 0.6:
            decided["asset"] = about
        taken.append(decided)
    return Decisions(id="log", name="", decisions=taken)
