"""The inputs in plain words: teams, powers, chains, controls, steps, with where each figure comes from."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from cyberrange.inputs.controls import Catalogue, Mechanism
from cyberrange.inputs.posture import Approver, Help, PlaybookStep, Posture, Power, Sensor, Shift, Team
from cyberrange.inputs.records import Duration, Source, WeekHours
from cyberrange.inputs.scenario import Scenario, Step
from cyberrange.views.words import amount, duration, listed, percent, rupees

T = TypeVar("T")
DAYS = {"all": "", "weekdays": "Mon–Fri ", "mon-sat": "Mon–Sat ", "weekend": "Sat–Sun "}
KINDS = {"own": "the city's own", "vendor": "a vendor's", "outside": "outside help"}
ZONES = {"it": "IT", "ot": "plant", "dmz": "internet-facing", "field": "field", "vendor": "vendor lines",
         "state": "state network", "cloud": "cloud"}  # fmt: skip


class Row(NamedTuple):
    """A row of the comparison of postures: what, and how it is under each."""

    what: str
    cells: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the postures differ in it."""
        return len(set(self.cells)) > 1


class Group(NamedTuple):
    """Rows under a heading: those that differ, and those that are the same."""

    title: str
    different: tuple[Row, ...]
    same: tuple[Row, ...]


class ControlTold(NamedTuple):
    """A control in place, with its cost and sources."""

    name: str
    about: str
    postures: str
    cost: str
    effects: tuple[str, ...]


class StepTold(NamedTuple):
    """A step of the scenario."""

    name: str
    technique: str
    target: str
    after: str
    duration: str
    chance: str
    effects: str
    signs: str
    sources: tuple[str, ...]


def span(d: Duration | None) -> str:
    """Write a duration or its distribution in words.

    Examples
    --------
    >>> spread = Duration.model_validate({"triangular": {"low": "4 h", "mode": "8 h", "high": "24 h"}})
    >>> span(spread).split()
    ['4', 'h', 'to', '1', 'd,', 'mostly', 'about', '8', 'h']
    """
    if d is None:
        return "at once"
    if d.fixed is not None:
        return duration(d.fixed)
    if d.lognormal is not None:
        return f"about {duration(d.lognormal.median)}, one in ten over {duration(d.lognormal.p90)}"
    if d.triangular is not None:
        t = d.triangular
        return f"{duration(t.low)} to {duration(t.high)}, mostly about {duration(t.mode)}"
    if d.uniform is not None:
        return f"{duration(d.uniform.low)} to {duration(d.uniform.high)}"
    if d.exponential is not None:
        return f"{duration(d.exponential.mean)} on average"
    if d.empirical is not None:
        return f"{duration(d.empirical.quantiles[0])} to {duration(d.empirical.quantiles[-1])}"
    return f"Weibull, scale {duration(d.weibull.scale)}" if d.weibull else ""


def week(hours: WeekHours) -> str:
    """Write hours of the week: `Mon–Sat 9–18`."""
    if (hours.start, hours.end) == (0.0, 24.0):
        return (DAYS[hours.days].strip() + " day and night").strip()
    return f"{DAYS[hours.days]}{_clock(hours.start)}–{_clock(hours.end)}"


def _clock(hour: float) -> str:
    return f"{int(hour)}" if hour == int(hour) else f"{int(hour)}:{round(60 * (hour % 1)):02d}"


def source(s: Source | None) -> str:
    """Write where a figure comes from, with year and confidence."""
    if s is None:
        return ""
    year = f", {s.year}" if s.year and str(s.year) not in s.text else ""
    return f"{s.text}{year} [{s.confidence}]"


def postures_told(postures: Sequence[Posture]) -> list[Group]:
    """Put postures side by side."""
    return [
        _group("The organisation", _organisation(postures)),
        _group("Powers: whose consent is needed, one after the other", _powers(postures)),
        _group("Teams", _by_id(postures, lambda p: p.teams, lambda t: t.name, _team)),
        _group("Approvers", _by_id(postures, lambda p: p.approvers, lambda a: a.name, _approver)),
        _group("Sensors", _by_id(postures, lambda p: p.sensors, lambda s: s.name, _sensor)),
        _group("Outside help", _by_id(postures, lambda p: p.help, lambda h: h.name, _help)),
        _group("Playbook", _by_id(postures, lambda p: p.playbook, lambda s: s.name, _play)),
    ]


def _group(title: str, rows: Sequence[Row]) -> Group:
    return Group(title, tuple(r for r in rows if r.differs), tuple(r for r in rows if not r.differs))


def _by_id(
    postures: Sequence[Posture],
    of: Callable[[Posture], dict[str, T]],
    name: Callable[[T], str],
    tell: Callable[[T], str],
) -> list[Row]:
    """Make a row of each id; the name goes into the cells where the postures call it differently."""
    ids = dict.fromkeys(key for p in postures for key in of(p))
    rows = []
    for key in ids:
        things = [of(p).get(key) for p in postures]
        names = list(dict.fromkeys(name(t) for t in things if t is not None))
        head = names[0] if len(names) == 1 else key.replace("_", " ").capitalize()
        cells = ["none" if t is None else tell(t) if len(names) == 1 else f"{name(t)}: {tell(t)}" for t in things]
        rows.append(Row(head, tuple(cells)))
    return rows


def _organisation(postures: Sequence[Posture]) -> list[Row]:
    rows: list[tuple[str, Callable[[Posture], str]]] = [
        ("In short", lambda p: p.about),
        ("Cost a year, controls apart", lambda p: rupees(p.annual_cost)),
        ("Grant", lambda p: f"{p.grant.name}: {rupees(p.grant.money)}" if p.grant else "none"),
        ("Systems with their papers in order", lambda p: percent(p.estate.documented)),
        ("People in charge have been in post for", lambda p: duration(p.estate.tenure)),
        ("Extra work on a system that nobody knows", lambda p: span(p.estate.locate)),
        ("Looking at an alarm", lambda p: f"{p.teams[p.triage.team].name}: {span(p.triage.duration)}"),
        ("Chance that a true alarm is recognised", lambda p: percent(p.triage.confirms)),
        ("Backups that can be restored", lambda p: percent(p.backups.good)),
        ("Backups that outlive an attacker", lambda p: percent(p.backups.survive)),
    ]
    return [Row(what, tuple(tell(p) for p in postures)) for what, tell in rows]


def _powers(postures: Sequence[Posture]) -> list[Row]:
    ids = dict.fromkeys(key for p in postures for key in p.powers)
    return [
        Row(key.replace("_", " ").capitalize(), tuple(_power(p, p.powers.get(key)) for p in postures)) for key in ids
    ]


def _power(posture: Posture, power: Power | None) -> str:
    if power is None:
        return "no such power"

    def chain(ids: tuple[str, ...]) -> str:
        names = [posture.approvers[a].name if a in posture.approvers else a for a in ids]
        return " → ".join(names) or "delegated: nobody need be asked"

    zones = [f"in {ZONES[zone]} zones {chain(ids)}" for zone, ids in power.in_zone.items()]
    shared = [f"on shared systems {chain(power.shared)}"] if power.shared is not None else []
    return "; ".join([chain(power.chain), *zones, *shared])


def _team(team: Team) -> str:
    after = f", hand-off {span(team.hand_off)}" if team.hand_off else ""
    return f"{KINDS[team.kind]}; {listed([_shift(s) for s in team.shifts])}{after}; {rupees(team.rate)} an hour"


def _shift(shift: Shift) -> str:
    return f"{amount(shift.people)} {week(shift.hours)}"


def _approver(approver: Approver) -> str:
    hours = approver.hours
    around = (hours.start, hours.end, hours.days) == (0.0, 24.0, "all")
    later = span(approver.after_hours) if approver.after_hours else "the office must open first"
    return f"{week(hours)}: {span(approver.delay)}" + ("" if around else f"; outside them {later}")


def _sensor(sensor: Sensor) -> str:
    where = f" in {listed([ZONES[z] for z in sensor.zones])} zones" if sensor.zones else ""
    alarms = f"{amount(sensor.false_per_day)} false alarms a day"
    return f"sees {percent(sensor.sees)} of its signs{where}, after {span(sensor.delay)}; {alarms}"


def _help(helper: Help) -> str:
    people = f", {amount(helper.people)} people" if helper.people else ""
    finds = f", finds {percent(helper.knowledge)} of what would be missed" if helper.knowledge else ""
    return f"after {span(helper.delay)}{people} for {duration(helper.stays)}{finds}"


def _play(step: PlaybookStep) -> str:
    power = f"power {step.power}" if step.power else "no consent needed"
    people = f"{amount(step.people)} people of " if step.people > 1 else ""
    chance = f", works in {percent(step.chance)}" if step.chance < 1 else ""
    return f"{power}; {people}{step.team.replace('_', ' ')}; {span(step.duration)}{chance}"


def controls_told(postures: dict[str, Posture], catalogue: Catalogue | None) -> list[ControlTold]:
    """Return the controls in place under any posture, with cost, effect, source, year and confidence."""
    ids = dict.fromkeys(key for p in postures.values() for key in p.controls)
    found = []
    for key in ids:
        who = listed([name for name, p in postures.items() if key in p.controls])
        control = catalogue.controls.get(key) if catalogue else None
        if control is None:
            found.append(ControlTold(key.replace("_", " "), "", who, "", ()))
            continue
        cost = f"{rupees(control.capex)} once, for {duration_years(control.life)}; {rupees(control.opex)} a year"
        cost += " (" + "; ".join(source(s) for s in control.sources) + ")"
        effects = tuple(_mechanism(m) for m in control.mechanisms)
        found.append(ControlTold(control.name, control.about, who, cost, effects))
    return found


def duration_years(hours: float) -> str:
    """Write a life in years."""
    return f"{hours / 8766:.3g} years"


def _mechanism(m: Mechanism) -> str:
    change = f"× {m.times:g}" if m.times != 1 else ""
    change += f" {m.plus:+g}" if m.plus else ""
    band = f" (from {m.low:g} to {m.high:g})" if m.low is not None and m.high is not None else ""
    return f"{m.change.replace('_', ' ')} {change.strip()}{band}: {source(m.source)}"


def annual_cost(posture: Posture, catalogue: Catalogue | None) -> float:
    """Rupees a year: the organisation, and its controls with the capex spread over their lives."""
    controls = [catalogue.controls[key] for key in posture.controls if catalogue and key in catalogue.controls]
    return posture.annual_cost + sum(c.opex + c.capex * 8766 / c.life for c in controls)


def steps_told(scenario: Scenario) -> list[StepTold]:
    """Return the steps of a scenario in the file's order."""
    names = {key: step.name for key, step in scenario.steps.items()}
    return [
        StepTold(
            step.name,
            step.technique,
            step.target.replace("_", " "),
            _after(step, names),
            span(step.duration),
            percent(step.chance) + (f", {amount(step.retries)} more tries" if step.retries else ""),
            listed([e.do.replace("_", " ") for e in step.effects]) or "none of its own",
            listed([f"{s.sensor.replace('_', ' ')} {percent(s.chance)}" for s in step.signs]) or "none",
            tuple(source(s) for s in step.sources),
        )
        for step in scenario.steps.values()
    ]


def _after(step: Step, names: dict[str, str]) -> str:
    all_of = [f"“{names.get(key, key)}”" for key in step.after_all]
    any_of = [f"“{names.get(key, key)}”" for key in step.after_any]
    parts = ([listed(all_of)] if all_of else []) + ([" or ".join(any_of)] if any_of else [])
    parts += [f"not before hour {amount(step.begins)}"] if step.begins else []
    return "; ".join(parts) or "at the start"
