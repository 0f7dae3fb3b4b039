"""Queues: analysts and crews wait and work as the theory of queues says.

Each observation is the mean over one world, so observations are independent; a world starts empty, and its first part
does not count.
"""

import math

import pytest

from cyberrange.engine.live import World
from cyberrange.engine.state import QUEUED
from cyberrange.engine.work import request
from cyberrange.model.tables import Z90
from tests.build import (
    NEVER_ASKED,
    agrees,
    asset,
    city,
    exponential,
    happenings,
    lost,
    need,
    plan,
    posture,
    respond,
    scenario,
    service,
    step,
    tasks,
    team,
)

EXACT = 1e-9


def alarms(rate, people, duration, horizon):
    """Nothing happens, but a sensor cries wolf so many times an hour and people look into it."""
    return plan(
        city({"server": asset()}),
        scenario(horizon),
        posture(
            teams={"analysts": team(people)},
            sensors={"eye": {"name": "", "sees": 1, "false_per_day": 24 * rate}},
            triage={"team": "analysts", "duration": duration, "confirms": 1},
        ),
    )


def waits(made, replicate, warm, until):
    """Hours that alarms waited, of those that came after the warm-up and well before the end."""
    world = World(made, 7, replicate)
    world.advance(until)
    return [t.started - t.queued for t in tasks(world, "triage") if warm < t.queued < until - 20.0]


@pytest.mark.parametrize(
    ("rate", "mu", "people", "all_busy"), [(10.0, 3.0, 4, 0.657722), (2.0, 3.0, 1, 0.666667), (8.0, 2.0, 5, 0.554113)]
)
def test_alarms_wait_for_analysts_as_erlang_says(rate, mu, people, all_busy):
    """M/M/c: Wq = C / (c mu - lambda), P(W > t) = C e^(-(c mu - lambda) t), C by Erlang's second formula."""
    spare = people * mu - rate
    until = 20.0 + 4500 / rate
    made = alarms(rate, people, {"exponential": {"mean": 1 / mu}}, until)
    means, late, any_wait = [], [], []
    for replicate in range(24):
        waited = waits(made, replicate, 60.0, until)
        means.append(sum(waited) / len(waited))
        late.append(sum(w > 0.25 for w in waited) / len(waited))
        any_wait.append(sum(w > EXACT for w in waited) / len(waited))
    agrees("mean wait", means, all_busy / spare)
    agrees("waits more than a quarter of an hour", late, all_busy * math.exp(-spare / 4))
    agrees("waits at all", any_wait, all_busy)


@pytest.mark.parametrize("variation", [0.0, 1.5])
def test_one_analyst_waits_as_pollaczek_and_khinchine_say(variation):
    """M/G/1: Wq = lambda m^2 (1 + cv^2) / (2 (1 - rho)), lambda 2, m 0.4; lognormal or fixed work."""
    rate, mean = 2.0, 0.4
    spread = math.sqrt(math.log(1 + variation**2))
    median = mean * math.exp(-(spread**2) / 2)
    lognormal = {"lognormal": {"median": median, "p90": median * math.exp(Z90 * spread)}}
    made = alarms(rate, 1, lognormal if variation else mean, 4000)
    means = []
    for replicate in range(30):
        waited = waits(made, replicate, 100.0, 2500.0)
        means.append(sum(waited) / len(waited))
    expected = rate * mean**2 * (1 + variation**2) / (2 * (1 - rate * mean))
    agrees(f"mean wait at cv {variation}", means, expected)


def asking(name, every, number):
    """Return an extension that asks for a case step at random times."""

    def process(world):
        gap = exponential(every, f"{name} {number}")
        row = 2 + list(world.plan.posture.playbook).index(name)
        which = 0
        while True:
            yield world.env.timeout(gap())
            request(world.plan.lists, world.state, row, -1, 0, which, world.env.now, 0)
            world._drain()
            which += 1

    return process


def test_urgent_tasks_go_first_without_stopping_one_that_is_under_way():
    """Cobham: Wq_k = W0 / ((1 - s_(k-1)) (1 - s_k)); rates (0.5, 1), mu 2, one person: waits (0.5, 2)."""
    work = {"team": "crew", "scope": "case", "duration": {"exponential": {"mean": 0.5}}}
    playbook = {
        "urgent": respond(NEVER_ASKED, **work, priority=1),
        "routine": respond(NEVER_ASKED, **work, priority=5),
    }
    made = plan(city({"server": asset()}), scenario(3000), posture(playbook))
    means = {"urgent": [], "routine": []}
    for replicate in range(24):
        world = World(made, 7, replicate, [asking("urgent", 2.0, replicate), asking("routine", 1.0, replicate)])
        world.finish()
        for name, sample in means.items():
            waited = [t.started - t.queued for t in tasks(world, name) if 50 < t.queued < 2950]
            sample.append(sum(waited) / len(waited))
    agrees("urgent", means["urgent"], 0.5)
    agrees("routine", means["routine"], 2.0)


def machines_up(machines, crews, ratio):
    """Share of machines that work in M/M/c//N with failure rate x repair time = ratio."""
    weights = []
    for n in range(machines + 1):
        ways = math.perm(machines, n) * ratio**n
        weights.append(ways / (math.factorial(min(n, crews)) * crews ** max(0, n - crews)))
    return 1 - sum(n * w for n, w in enumerate(weights)) / (machines * sum(weights))


@pytest.mark.parametrize(("crews", "expected"), [(1, 0.859142), (2, 0.905658), (6, 0.909091)])
def test_machines_that_break_again_and_again_wait_for_repair_crews(crews, expected):
    """M/M/c//N with 6 machines, failures every 10 h of work, repairs of 1 h. Attack and playbook play it."""
    assert machines_up(6, crews, 0.1) == pytest.approx(expected, abs=1e-6)
    names = [f"machine{i}" for i in range(6)]
    of = city({name: asset() for name in names}, {"work": service(need(k_of_n={"k": 6, "of": names}))})
    breaks = step(
        "machines",
        {"do": "impair"},
        per_target=True,
        duration={"exponential": {"mean": 10}},
        again=1000,
        signs=[{"sensor": "eye", "chance": 1}],
    )
    repair = respond("found", effect="restore", duration={"exponential": {"mean": 1}})
    made = plan(
        of,
        scenario(1000, targets={"machines": {"kind": ["server"]}}, breaks=breaks),
        posture({"repair": repair}, teams={"crew": team(crews)}),
    )
    up = []
    for replicate in range(24):
        world = World(made, 7, replicate)
        world.finish()
        assert len(happenings(world, "attack.effect")) > 300
        up.append(1 - lost(world, "work") / 1000)
    agrees(f"machines up with {crews} crews", up, expected)


def test_the_number_in_the_queue_is_the_rate_times_the_time_in_it():
    """Little: L T = sum of the times in the system, exactly, on any window that a log and a book of tasks describe."""
    made = alarms(10.0, 4, {"exponential": {"mean": 1 / 3}}, 200.0)
    world = World(made, 3, 0)
    world.finish()
    area, number, since = 0.0, 0, 0.0
    for line in happenings(world, "alert.false", "alert.dismissed"):
        area += number * (line.hour - since)
        number += 1 if line.kind == "alert.false" else -1
        since = line.hour
    area += number * (200.0 - since)
    rows = tasks(world, "triage")
    assert sum(min(t.ended, 200.0) - t.asked for t in rows) == pytest.approx(area, abs=EXACT)
    assert len(rows) == len(happenings(world, "alert.false")) > 1500
    assert number == sum(t.ended > 200.0 for t in rows)


def test_no_more_people_work_than_there_are_and_nobody_idles_while_someone_waits():
    made = alarms(10.0, 4, {"exponential": {"mean": 1 / 3}}, 200.0)
    world = World(made, 5)
    world.finish()
    changes = [
        (hour, works, waits_more)
        for t in tasks(world, "triage")
        for hour, works, waits_more, real in (
            (t.queued, 0, 1, True),
            (t.started, 1, -1, t.state != QUEUED),
            (t.ended, -1, 0, t.ended < 200.0),
        )
        if real
    ]
    working = waiting = 0
    moments = [0.0, *sorted({hour for hour, _, _ in changes})]
    by_hour = {hour: [c for c in changes if c[0] == hour] for hour in moments}
    for hour in moments:
        working += sum(works for _, works, _ in by_hour[hour])
        waiting += sum(more for _, _, more in by_hour[hour])
        assert 0 <= working <= 4
        assert waiting == 0 or working == 4
    assert max(hour for hour in moments) > 190.0
