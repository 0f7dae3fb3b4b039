"""The attack: footholds, order of steps, retries, and what each effect does and what ends it."""

import itertools

import pytest

from cyberrange.engine.state import N_RECORDS, N_REHIT, N_STOPPED, T_BREACH
from cyberrange.model import codes
from tests.build import (
    SEEN,
    Hand,
    agrees,
    asset,
    case,
    city,
    happenings,
    hours,
    level,
    lost,
    need,
    node,
    path,
    play,
    posture,
    respond,
    scenario,
    service,
    step,
    team,
)

HOLD = {"do": "compromise"}
IMPAIR = {"do": "impair"}


def chain(*names, **others):
    """Assets in a row, each with access to the next."""
    access = [{"from": [a], "to": [b]} for a, b in itertools.pairwise(names)]
    return city({name: asset() for name in names}, access=access, **others)


def starts(world):
    return [(line.hour, line.subject) for line in happenings(world, "attack.start")]


# --- footholds ------------------------------------------------------------------------------------


def test_without_a_foothold_an_operation_never_starts():
    for foothold in ("reach", "held"):
        world = play(chain("a", "b"), scenario(go=step("b", HOLD, foothold=foothold)))
        assert starts(world) == []


def test_an_operation_starts_as_soon_as_an_asset_that_reaches_its_target_is_held():
    """Access is one hop, and one way."""
    attack = scenario(
        enter=step("b", HOLD, duration=3),
        on=step("c", HOLD, foothold="reach", duration=2),
        far=step("d", HOLD, foothold="reach", duration=2),
        back=step("a", HOLD, foothold="reach"),
        deep=step("c", HOLD, foothold="held"),
    )
    world = play(chain("a", "b", "c", "d"), attack)
    assert sorted(starts(world)) == [(0, "enter"), (3, "on"), (5, "deep"), (5, "far")]


def test_a_step_on_many_targets_needs_one_foothold_and_acts_where_it_has_one():
    of = city({n: asset() for n in "abcd"}, access=[{"from": ["a"], "to": ["b", "c"]}])
    attack = scenario(
        targets={"all": {"asset": ["b", "c", "d"]}},
        enter=step("a", HOLD, duration=1),
        hit=step("all", IMPAIR, foothold="reach", duration=1),
    )
    world = play(of, attack)
    assert [level(world, n) for n in "abcd"] == [1, 0, 0, 1]


CUT_AND_REOPEN = {
    "cut": respond("found", effect="isolate", duration=1),
    "reopen": respond("cut", effect="reopen", duration=14),
}


@pytest.mark.parametrize("victim", ["a", "b"])
def test_containment_stops_an_operation_that_starts_afresh_when_the_foothold_is_back(victim):
    """The way from a to b is cut at 6, by isolating either, and opened at 20: ten hours of work begin again."""
    attack = scenario(
        enter=step("a", HOLD, signs=SEEN if victim == "a" else (), duration=5),
        go=step("b", IMPAIR, foothold="reach", duration=10),
        other=step("b", {"do": "falsify"}, duration=5, signs=SEEN if victim == "b" else ()),
    )
    world = play(chain("a", "b"), attack, posture(CUT_AND_REOPEN))
    assert [h for h, name in starts(world) if name == "go"] == [5, 20]
    assert hours(world, "attack.stopped") == [6]
    assert world.state.count[N_STOPPED] == 1
    assert hours(world, "attack.success", "go") == [30]


def test_an_operation_from_outside_stops_when_its_target_is_cut_off():
    attack = scenario(
        seen=step("a", {"do": "falsify"}, duration=5, signs=SEEN),
        go=step("a", IMPAIR, duration=10),
    )
    world = play(chain("a"), attack, posture(CUT_AND_REOPEN))
    assert starts(world) == [(0, "seen"), (0, "go"), (20, "go")]


def test_a_second_way_in_keeps_an_operation_going():
    of = city({n: asset() for n in "abc"}, access=[{"from": ["a", "b"], "to": ["c"]}])
    attack = scenario(
        one=step("a", HOLD, duration=1, signs=SEEN),
        two=step("b", HOLD, duration=1),
        go=step("c", IMPAIR, foothold="reach", duration=10),
    )
    world = play(of, attack, posture(CUT_AND_REOPEN))
    assert hours(world, "attack.stopped") == []
    assert hours(world, "attack.success", "go") == [11]


def test_a_cleaned_asset_is_no_foothold_any_more():
    attack = scenario(enter=step("a", HOLD, signs=SEEN), go=step("b", IMPAIR, foothold="reach", duration=10))
    world = play(chain("a", "b"), attack, posture({"clean": respond("found", effect="clean", duration=4)}))
    assert hours(world, "attack.stopped") == [4]
    assert node(world, "a").held == node(world, "a").condition == node(world, "b").reached == 0


# --- order, luck and retries ----------------------------------------------------------------------


def test_a_step_waits_for_all_or_for_any_of_the_steps_before_it():
    attack = scenario(
        one=step("a", duration=3),
        two=step("a", duration=7),
        both=step("a", after_all=["one", "two"]),
        either=step("a", after_any=["one", "two"]),
        mixed=step("a", after_all=["one"], after_any=["two", "both"]),
        never=step("a", chance=0),
        hopeless=step("a", after_all=["one", "never"]),
    )
    world = play(chain("a"), attack)
    assert {name: hour for hour, name in starts(world)} == {
        "one": 0, "two": 0, "never": 0, "either": 3, "both": 7, "mixed": 7,
    }  # fmt: skip


def test_a_step_played_for_each_target_has_luck_of_its_own_and_one_success_is_enough_to_go_on():
    of = city({**{f"n{i}": asset() for i in range(40)}, "z": asset(kind="portal")})
    attack = scenario(
        targets={"all": {"kind": ["server"]}},
        each=step("all", HOLD, per_target=True, duration={"uniform": {"low": 0, "high": 10}}, chance=0.5),
        then=step("z", after_all=["each"]),
    )
    world = play(of, attack)
    won = [line.hour for line in happenings(world, "attack.success") if line.subject.startswith("each")]
    assert 5 < len(won) < 35
    assert len(set(won)) == len(won)
    assert hours(world, "attack.start", "then") == [min(won)]


def test_a_failed_step_is_tried_again_after_its_pause_so_often_and_no_more():
    attack = scenario(try_it=step("a", HOLD, chance=0, duration=2, retries=3, retry_after=5))
    world = play(chain("a"), attack)
    assert starts(world) == [(hour, "try_it") for hour in (0, 7, 14, 21)]
    assert hours(world, "attack.failure") == [2, 9, 16, 23]


def test_the_chance_holds_for_each_attempt():
    """With two retries: 1 - (1 - 0.3)^3."""
    attack = scenario(try_it=step("a", HOLD, chance=0.3, duration=1, retries=2, retry_after=1))
    won = [float(bool(hours(play(chain("a"), attack, replicate=r), "attack.success"))) for r in range(600)]
    agrees("success within three attempts", won, 1 - 0.7**3)


def test_a_pause_is_not_cut_short_when_an_earlier_step_succeeds_once_more():
    attack = scenario(
        targets={"two": {"asset": ["a", "b"]}},
        before=step("two", per_target=True, duration=1),
        try_it=step("c", HOLD, chance=0, duration=2, retries=1, retry_after=50, after_all=["before"]),
        late=step("a", duration=10),
        joined=step("c", HOLD, chance=0, duration=2, retries=1, retry_after=50, after_any=["before", "late"]),
    )
    world = play(chain("a", "b", "c"), attack)
    assert [h for h, name in starts(world) if name == "try_it"] == [1, 53]
    assert [h for h, name in starts(world) if name == "joined"] == [1, 53]


def test_a_pause_that_ends_without_a_foothold_waits_for_one():
    attack = scenario(
        enter=step("a", HOLD, signs=SEEN, duration=5),
        go=step("b", IMPAIR, foothold="reach", chance=0, duration=0.5, retries=1, retry_after=4),
    )
    world = play(chain("a", "b"), attack, posture(CUT_AND_REOPEN))
    assert [h for h, name in starts(world) if name == "go"] == [5, 20]


def test_a_finished_step_comes_back_to_a_restored_asset_so_often_as_it_may():
    attack = scenario(hit=step("a", IMPAIR, duration=5, again=2, signs=SEEN))
    world = play(chain("a"), attack, posture({"fix": respond("found", effect="restore", duration=2)}))
    assert [line.hour for line in happenings(world, "attack.effect")] == [5, 12, 19]
    assert hours(world, "response.undo") == [7, 14, 21]
    assert world.state.count[N_REHIT] == 2


def test_a_restoration_does_not_disturb_what_is_under_way_nor_revive_what_has_failed():
    attack = scenario(
        hit=step("a", IMPAIR, duration=1, signs=SEEN),
        slow=step("a", {"do": "falsify"}, duration=10, again=5),
        lost=step("a", HOLD, duration=1, chance=0, again=5),
    )
    world = play(chain("a"), attack, posture({"fix": respond("found", effect="restore", duration=2)}))
    assert sorted(starts(world)) == [(0, "hit"), (0, "lost"), (0, "slow")]
    assert hours(world, "attack.success", "slow") == [10]


def test_a_step_that_comes_again_waits_for_its_foothold():
    """The foothold that the city has not found brings the attacker back; the one it has cleaned does not."""
    attack = scenario(
        enter=step("a", HOLD),
        hit=step("b", IMPAIR, foothold="reach", duration=5, again=9, after_all=["enter"], signs=SEEN),
    )
    fix = {"fix": respond("found", effect="restore", duration=2)}
    assert len(hours(play(chain("a", "b"), attack, posture(fix)), "attack.effect", "b")) == 10
    seen = scenario(
        enter=step("a", HOLD, signs=SEEN),
        hit=step("b", IMPAIR, foothold="reach", duration=5, again=9, after_all=["enter"], signs=SEEN),
    )
    cleaned = {"clean": respond("found", hit=["compromised"], effect="clean", duration=6), **fix}
    world = play(chain("a", "b"), seen, posture(cleaned, teams={"crew": team(9)}))
    assert len(hours(world, "attack.effect", "b")) == 1


# --- effects --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "low"),
    [
        ({"do": "impair", "level": 0.25}, 0.25),
        ({"do": "force", "level": 0.75}, 0.75),
        ({"do": "encrypt"}, 0.0),
        ({"do": "flood", "load": 4}, 0.25),
        ({"do": "flood", "load": 0.8}, 1.0),
        ({"do": "withdraw", "level": 0.5}, 0.5),
        ({"do": "falsify"}, 1.0),
    ],
)
def test_each_effect_leaves_the_level_that_it_says_and_ends_when_it_lasts_only_so_long(effect, low):
    world = play(chain("a"), scenario(hit=step("a", {**effect, "lasts": 8}, duration=2)))
    assert path(world, "a") == ([(0, 1), (2, low), (10, 1)] if low < 1 else [(0, 1)])
    assert node(world, "a").condition == 0


def test_the_worst_of_several_effects_counts_and_the_next_worst_when_it_ends():
    attack = scenario(
        a=step("a", {"do": "impair", "level": 0.5, "lasts": 20}),
        b=step("a", {"do": "force", "level": 0.2, "lasts": 5}, duration=1),
        c=step("a", {"do": "flood", "load": 4, "lasts": 3}, duration=10),
        d=step("a", {"do": "flood", "load": 3, "lasts": 6}, duration=11),
    )
    world = play(chain("a"), attack)
    expected = [(0, 0.5), (1, 0.2), (6, 0.5), (10, 0.25), (13, 1 / 3), (17, 0.5), (20, 1)]
    assert path(world, "a") == expected


def test_a_share_below_one_hits_each_target_with_that_chance():
    of = city({f"n{i}": asset() for i in range(60)})
    attack = scenario(targets={"all": {"kind": ["server"]}}, hit=step("all", {**IMPAIR, "share": 0.3}))
    hits = [len(hours(play(of, attack, replicate=r), "attack.effect")) / 60 for r in range(60)]
    agrees("share of targets hit", hits, 0.3)


def test_an_effect_on_another_target_spares_what_is_cut_off():
    attack = scenario(
        seen=step("b", {"do": "falsify"}, signs=SEEN),
        hit=step("a", {**IMPAIR, "on": "b"}, {**IMPAIR, "on": "c"}, duration=5),
    )
    world = play(
        city({n: asset(local_level=1) for n in "abc"}), attack, posture({"cut": respond("found", effect="isolate")})
    )
    assert [level(world, n) for n in "abc"] == [1, 1, 0]


def test_records_that_left_are_counted_once_and_by_the_larger_share():
    of = city({"a": asset(records=1001), "b": asset()})
    attack = scenario(
        targets={"both": {"asset": ["a", "b"]}},
        some=step("both", {"do": "exfiltrate", "share": 0.25}),
        more=step("both", {"do": "exfiltrate", "share": 0.5}, duration=1),
        less=step("both", {"do": "exfiltrate", "share": 0.4}, duration=2),
    )
    world = play(of, attack)
    assert [(line.hour, line.subject, line.value) for line in happenings(world, "records.exposed")] == [
        (0, "a", 250), (1, "a", 500),
    ]  # fmt: skip
    assert world.state.count[N_RECORDS] == 500


@pytest.mark.parametrize(("found", "left"), [(3, 8), (8, 3)])
def test_a_breach_is_known_when_the_asset_is_known_to_be_hit_and_the_records_are_gone(found, left):
    attack = scenario(
        seen=step("a", HOLD, duration=found, signs=SEEN), leak=step("a", {"do": "exfiltrate"}, duration=left)
    )
    playbook = {"tell": respond("breach", scope="case", effect="notify")}
    world = play(city({"a": asset(records=10)}), attack, posture(playbook))
    assert case(world, T_BREACH) == 8
    assert [h.hour for h in happenings(world, "task.requested") if h.subject == "tell"] == [8]


def test_filtering_ends_every_flood_and_nothing_else():
    attack = scenario(
        one=step("a", {"do": "flood", "load": 4}),
        two=step("a", {"do": "flood", "load": 2}, duration=1),
        three=step("a", {"do": "impair", "level": 0.9}, duration=2, signs=SEEN),
    )
    world = play(chain("a"), attack, posture({"filter": respond("found", effect="filter", duration=3)}))
    assert path(world, "a") == [(0, 0.25), (5, 0.9)]
    assert node(world, "a").condition == codes.IMPAIRED


def test_putting_the_plant_right_ends_false_commands_and_false_reports():
    attack = scenario(
        force=step("a", {"do": "force", "level": 0.1}), lie=step("a", {"do": "falsify"}, signs=SEEN),
        other=step("a", {"do": "impair", "level": 0.6}),
    )  # fmt: skip
    world = play(chain("a"), attack, posture({"right": respond("found", effect="correct", duration=3)}))
    assert path(world, "a") == [(0, 0.1), (3, 0.6)]
    assert node(world, "a").lies == 0
    assert node(world, "a").condition == codes.IMPAIRED


def test_restoring_brings_health_and_data_back_but_leaves_the_foothold():
    attack = scenario(hold=step("a", HOLD), lock=step("a", {"do": "encrypt"}, duration=1, signs=SEEN))
    of = city({"a": asset(rebuild=10)})
    world = play(of, attack, posture({"fix": respond("found", effect="restore", duration=2)}))
    assert path(world, "a") == [(0, 1), (1, 0), (13, 1)]
    assert node(world, "a").condition == codes.COMPROMISED


WORM = {"do": "worm", "level": 0.4, "rate": 1}


def test_cleaning_takes_a_worms_foothold_and_restoring_brings_the_health_back():
    """Whichever comes first: the level that the worm left stays until the asset is restored."""
    first = {
        "clean": respond("found", effect="clean", duration=3),
        "fix": respond("clean", effect="restore", duration=4),
    }
    world = play(chain("a"), scenario(hit=step("a", WORM, signs=SEEN)), posture(first))
    assert path(world, "a") == [(0, 0.4), (7, 1)]
    assert node(world, "a").condition == node(world, "a").held == 0
    second = {
        "fix": respond("found", effect="restore", duration=4),
        "clean": respond("fix", effect="clean", duration=3),
    }
    world = play(chain("a"), scenario(hit=step("a", WORM, signs=SEEN)), posture(second))
    assert path(world, "a") == [(0, 0.4), (4, 1)]
    assert node(world, "a").condition == node(world, "a").held == 0


def test_a_worm_takes_only_the_kinds_that_it_can_and_what_hangs_behind_them():
    of = city(
        {"a": asset(kind="portal"), "b": asset(kind="camera"), "c": asset(kind="server"), "d": asset(kind="camera")},
        access=[{"from": ["a"], "to": ["b", "c"]}, {"from": ["c"], "to": ["d"]}],
    )
    start = step("a", {**WORM, "kinds": ["camera", "signal"]})
    world = play(of, scenario(1000, start=start))
    assert [node(world, n).held for n in "abcd"] == [1, 1, 0, 0]
    assert [level(world, n) for n in "abcd"] == [0.4, 0.4, 1, 1]


def test_a_worm_waits_at_a_cut_and_goes_on_when_it_is_mended():
    playbook = {"cut": respond("found", effect="isolate"), "reopen": respond("cut", effect="reopen", duration=200)}
    world = play(chain("a", "b"), scenario(400, start=step("a", {**WORM, "rate": 2}, signs=SEEN)), posture(playbook))
    assert [line.hour > 200 for line in happenings(world, "attack.spread")] == [True]


def test_a_worm_does_not_spread_from_an_asset_that_was_cleaned():
    playbook = {"clean": respond("found", effect="clean", duration=0.01)}
    spread = 0
    for replicate in range(40):
        attack = scenario(400, start=step("a", {**WORM, "level": 1.0, "rate": 0.01}, signs=SEEN))
        spread += len(hours(play(chain("a", "b"), attack, posture(playbook), replicate=replicate), "attack.spread"))
    assert spread == 0


def test_a_worm_that_comes_back_spreads_at_its_own_rate_and_no_faster():
    """Cleaned and hit again within the hour, nine times: from then on the next asset falls after 1/rate on average."""
    waited = []
    playbook = {"fix": respond("found", effect="restore"), "clean": respond("fix", effect="clean", duration=0.5)}
    attack = scenario(
        4000,
        start=step("a", {**WORM, "rate": 0.005}, signs=({"sensor": "eye", "chance": 1},), again=0),
        **{
            f"back{i}": step("a", {**WORM, "rate": 0.005}, duration=i, signs=SEEN if i < 9 else ())
            for i in range(1, 10)
        },
    )
    for replicate in range(150):
        (first, *_) = [
            *hours(play(chain("a", "b"), attack, posture(playbook), replicate=replicate), "attack.spread"),
            4000,
        ]
        if first > 9:
            waited.append(first - 9)
    agrees("hours until the next asset falls", waited, 200)


def test_a_withdrawal_that_ends_by_itself_brings_the_vendors_people_back():
    of = city({n: asset(maintained_by="firm") for n in "ab"}, vendors={"firm": {"name": ""}})
    attack = scenario(
        leave=step("b", {"do": "withdraw", "lasts": 10}),
        hit=step("a", {"do": "flood", "load": 2}, duration=2, signs=SEEN),
    )
    playbook = {"fix": respond("found", effect="filter", team="maintainer", duration=1)}
    organisation = posture(playbook, teams={"firm_people": team(kind="vendor")}, vendor_assets={"firm": "firm_people"})
    assert hours(play(of, attack, organisation), "task.done") == [11]


def test_settling_with_a_vendor_heals_what_it_withdrew_and_nothing_else():
    of = city({n: asset(maintained_by="firm") for n in "ab"}, vendors={"firm": {"name": ""}})
    attack = scenario(
        leave=step("a", {"do": "withdraw"}),
        hit=step("a", {"do": "impair", "level": 0.5}),
    )
    playbook = {"pay": respond("vendor_out", scope="case", effect="settle", duration=10)}
    world = play(of, attack, posture(playbook))
    assert path(world, "a") == [(0, 0), (10, 0.5)]
    assert node(world, "a").condition == codes.IMPAIRED


def test_a_vendor_that_withdraws_twice_is_settled_with_twice():
    of = city({"a": asset(maintained_by="firm")}, vendors={"firm": {"name": ""}})
    attack = scenario(one=step("a", {"do": "withdraw"}), two=step("a", {"do": "withdraw"}, duration=30))
    playbook = {"pay": respond("vendor_out", scope="case", effect="settle", duration=10)}
    assert path(play(of, attack, posture(playbook)), "a") == [(0, 0), (10, 1), (30, 0), (40, 1)]


# --- lies -----------------------------------------------------------------------------------------


def watched(**eye):
    return city({"pump": asset(watched_by="scada"), "scada": asset(**eye)}, {"water": service(need("pump"))})


HIT_PUMP = step("pump", {"do": "force"}, duration=10)


def test_an_asset_that_tells_the_truth_raises_an_alarm_about_what_it_watches():
    world = play(watched(), scenario(hit=HIT_PUMP))
    (alarm,) = happenings(world, "alert.watch")
    assert (alarm.hour, alarm.subject, alarm.about) == (10, "pump", "pump")
    assert hours(world, "asset.found", "pump") == [10]


@pytest.mark.parametrize("blinded", [{"do": "falsify"}, {"do": "impair", "level": 0.4}])
def test_an_asset_that_lies_or_is_down_raises_no_alarm(blinded):
    world = play(watched(), scenario(hit=HIT_PUMP, blind=step("scada", blinded, duration=5)))
    assert hours(world, "alert.watch") == []


def test_a_drop_to_no_less_than_one_half_raises_no_alarm():
    world = play(watched(), scenario(hit=step("pump", {"do": "force", "level": 0.5})))
    assert hours(world, "alert.watch") == []


def test_the_alarm_leads_to_what_is_to_blame():
    of = city({"grid": asset(), "pump": asset(need("grid"), watched_by="scada"), "scada": asset()})
    world = play(of, scenario(hit=step("grid", IMPAIR, duration=3)))
    assert hours(world, "asset.found", "grid") == [3]


def test_the_plants_own_monitor_is_blind_to_an_asset_that_lies_and_other_sensors_are_not():
    sensors = {name: {"name": "", "sees": 1} for name in ("ot_monitor", "ids")}
    signs = [{"sensor": name, "chance": 1} for name in sensors]
    attack = scenario(
        lie=step("a", {"do": "falsify"}),
        force=step("a", {"do": "force"}, duration=1, signs=signs),
        openly=step("b", {"do": "force"}, duration=2, signs=signs),
    )
    world = play(chain("a", "b"), attack, posture(sensors=sensors))
    assert [(line.hour, line.about) for line in happenings(world, "alert")] == [
        (1, "ids"), (2, "ot_monitor"), (2, "ids"),
    ]  # fmt: skip


def test_a_sensor_sees_only_the_zones_that_it_covers_and_the_share_of_signs_that_it_sees():
    of = city({"a": asset(), "b": asset(zone="ot")})
    sensors = {"eye": {"name": "", "sees": 0.5, "zones": ["ot"], "delay": 3}}
    sign = [{"sensor": "eye", "chance": 0.8}]
    attack = scenario(it=step("a", HOLD, signs=sign), ot=step("b", HOLD, signs=sign, duration=1))
    seen = []
    for replicate in range(600):
        alerts = happenings(play(of, attack, posture(sensors=sensors), replicate=replicate), "alert")
        assert all((line.hour, line.subject) == (4, "b") for line in alerts)
        seen.append(float(len(alerts)))
    agrees("signs seen", seen, 0.4)


def test_signs_are_left_at_the_start_at_success_or_at_failure():
    def signs(at):
        return [{"sensor": "eye", "chance": 1, "at": at}]

    attack = scenario(
        one=step("a", HOLD, duration=5, signs=signs("start")),
        two=step("a", HOLD, duration=6, signs=signs("success")),
        three=step("a", HOLD, duration=7, signs=signs("failure")),
        four=step("a", HOLD, duration=8, chance=0, signs=signs("failure")),
        five=step("a", HOLD, duration=9, chance=0, signs=signs("success")),
    )
    assert hours(play(chain("a"), attack), "alert") == [0, 6, 8]


# --- complaints -----------------------------------------------------------------------------------


def test_citizens_complain_when_enough_of_them_were_not_served():
    """Unserved citizen-hours times the rate reach an exponential threshold: 1/rate citizen-hours on average."""
    of = city({"a": asset()}, {"tax": service(need("a"), complaints=0.05)})
    attack = scenario(2000, hit=step("a", {"do": "impair", "level": 0.75}, duration=10))
    missed = []
    for replicate in range(400):
        world = play(of, attack, replicate=replicate)
        (complaint,) = happenings(world, "alert.complaint")
        missed.append((complaint.hour - 10) * 0.25)
        assert hours(world, "asset.found", "a") == [complaint.hour]
    agrees("unserved citizen-hours before the complaint", missed, 20)


def test_citizens_complain_again_after_their_alert_was_dismissed():
    """Each time a new exponential threshold: 1/rate more citizen-hours on average, from the dismissal on."""
    of = city({"a": asset()}, {"tax": service(need("a"), complaints=0.05)})
    attack = scenario(4000, hit=step("a", {"do": "impair", "level": 0.75}, duration=10))
    deaf = posture(triage={"team": "analysts", "duration": 2, "confirms": 0})
    missed = []
    for replicate in range(60):
        world = play(of, attack, deaf, replicate=replicate)
        complaints, dismissals = hours(world, "alert.complaint"), hours(world, "alert.dismissed")
        missed += [(c - d) * 0.25 for c, d in zip(complaints[1:], dismissals, strict=False)]
        assert len(complaints) > 10
    agrees("unserved citizen-hours from a dismissal to the next complaint", missed, 20)


def test_an_outage_that_the_response_makes_is_no_reason_to_look_for_an_attacker():
    of = city({"a": asset()}, {"tax": service(need("a"), complaints=1.0)})
    world = play(
        of, scenario(500, hit=step("a", HOLD, signs=SEEN)), posture({"cut": respond("found", effect="isolate")})
    )
    assert lost(world, "tax") == 500
    assert hours(world, "alert.complaint") == []


def test_hands_outside_the_rules_leave_the_same_books():
    """The helper that other tests use to fail nodes is worth no less than an attack step."""
    of = city({"a": asset()}, {"tax": service(need("a"))})
    by_step = play(of, scenario(hit=step("a", {"do": "impair", "level": 0.3, "lasts": 4}, duration=2)))

    def process(world):
        hand = Hand(world)
        yield world.env.timeout(2)
        hand.impair("a", 0.3)
        yield world.env.timeout(4)
        hand.mend("a")

    by_hand = play(of, extensions=[process])
    assert lost(by_hand, "tax") == lost(by_step, "tax")
    assert path(by_hand, "tax") == path(by_step, "tax")
