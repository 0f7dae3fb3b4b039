"""Cross checks of a catalogue of controls, and of the controls that a posture has from it."""

from collections.abc import Collection, Iterator

from cyberrange.errors import Problem, quoted
from cyberrange.inputs.controls import Catalogue, Mechanism
from cyberrange.inputs.document import Document
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.references import cycles, each_unknown, hint_for, repeated, shown_cycle

_SENSORS = {"sensor_sees", "sensor_delay", "sensor_false", "sign_chance"}
_TEAMS = {"people", "hand_off", "manual_after", "manual_level"}
_STEPS = {"step_duration", "step_chance", "finds"}
_APPROVERS = {"approval_delay"}
BY_ID = _SENSORS | _TEAMS | _STEPS | _APPROVERS
"""What belongs to a sensor, team, playbook step or approver, so that `ids` can single some out."""
BY_TECHNIQUE = {"attack_chance", "attack_duration", "sign_chance", "flood_load", "records_share", "worm_rate"}
"""What belongs to a step of an attack, so that `techniques` can single some out."""
BY_ASSET = (BY_TECHNIQUE | {"manual_after", "manual_level", "hold", "access", "documented", "rebuild"}) | {
    "backup_good", "backup_survives", "bare_rebuild",
}  # fmt: skip
"""What belongs to an asset, so that `target` can single some out."""


def check_bonds(catalogue: Catalogue, document: Document) -> Iterator[Problem]:
    """What a control requires or excludes exists and is another control."""
    for name, control in catalogue.controls.items():
        for key, others in (("requires", control.requires), ("excludes", control.excludes)):
            path = ("controls", name, key)
            yield from each_unknown(document, path, "control", others, catalogue.controls)
            for i, other in enumerate(others):
                if other == name:
                    yield document.problem((*path, i), f"control {quoted(name)} cannot stand in its own `{key}`")


def check_circles(catalogue: Catalogue, document: Document) -> Iterator[Problem]:
    """Controls that require each other could never be bought one after the other."""
    requires = {name: [r for r in c.requires if r != name] for name, c in catalogue.controls.items()}
    for cycle in cycles(requires):
        message = f"these controls require each other: {shown_cycle(cycle)}"
        yield document.problem(("controls", cycle[0], "requires"), message)


def check_contradictions(catalogue: Catalogue, document: Document) -> Iterator[Problem]:
    """No control requires, directly or not, two that exclude each other, or one that excludes it."""
    for name in catalogue.controls:
        for message in contradictions(catalogue, name):
            yield document.key_problem(("controls", name), message)


def contradictions(catalogue: Catalogue, name: str) -> Iterator[str]:
    """Yield each reason why a control can never be in place together with all that it requires."""
    package = (name, *required(catalogue, name))
    for i, one in enumerate(package):
        for other in package[i + 1 :]:
            if _exclude_each_other(catalogue, one, other):
                yield f"control {quoted(name)} can never be in place: {_clash(name, one, other)}"


def _clash(name: str, one: str, other: str) -> str:
    if one == name:
        return f"it requires {quoted(other)}, and the two exclude each other"
    return f"it requires {quoted(one)} and {quoted(other)}, which exclude each other"


def required(catalogue: Catalogue, name: str) -> list[str]:
    """Return all that a control requires, directly or not."""
    found: dict[str, None] = {}
    rest = [name]
    while rest:
        control = catalogue.controls.get(rest.pop())
        new = [r for r in (control.requires if control else ()) if r not in found and r != name]
        found.update(dict.fromkeys(new))
        rest += new
    return list(found)


def _exclude_each_other(catalogue: Catalogue, one: str, other: str) -> bool:
    controls = catalogue.controls
    return any(a in controls and b in controls[a].excludes for a, b in ((one, other), (other, one)))


def check_reach(catalogue: Catalogue, document: Document) -> Iterator[Problem]:
    """A mechanism singles out only what its quantity belongs to; otherwise it would never act."""
    for name, control in catalogue.controls.items():
        for i, mechanism in enumerate(control.mechanisms):
            for key, words in _out_of_place(mechanism):
                message = f"{quoted(mechanism.change)} belongs to no {words}, so this mechanism would never act"
                yield document.key_problem(("controls", name, "mechanisms", i, key), message, f"Leave `{key}` out")


def _out_of_place(mechanism: Mechanism) -> Iterator[tuple[str, str]]:
    if mechanism.ids and mechanism.change not in BY_ID:
        yield "ids", "single sensor, team, step or approver"
    if mechanism.techniques and mechanism.change not in BY_TECHNIQUE:
        yield "techniques", "step of an attack"
    if mechanism.target is not None and mechanism.change not in BY_ASSET:
        yield "target", "single asset"


def check_bounds(catalogue: Catalogue, document: Document) -> Iterator[Problem]:
    """`times` lies between `low` and `high`."""
    for name, control in catalogue.controls.items():
        for i, m in enumerate(control.mechanisms):
            low = m.times if m.low is None else m.low
            high = m.times if m.high is None else m.high
            if not low <= m.times <= high:
                message = f"`times` is {m.times:g} and lies outside its own bounds, {low:g} to {high:g}"
                yield document.problem(("controls", name, "mechanisms", i, "times"), message)


CHECKS = (check_bonds, check_circles, check_contradictions, check_reach, check_bounds)


def check_in_place(posture: Posture, catalogue: Catalogue, document: Document) -> Iterator[Problem]:
    """Controls in place exist, with what they require and nothing that they exclude."""
    yield from each_unknown(document, ("controls",), "control", posture.controls, catalogue.controls)
    for i, name in repeated(posture.controls):
        yield document.problem(("controls", i), f"control {quoted(name)} stands here twice")
    for i, name in enumerate(posture.controls):
        control = catalogue.controls.get(name)
        for required in control.requires if control else ():
            if required not in posture.controls and required in catalogue.controls:
                message = f"{quoted(name)} requires {quoted(required)}, which is not here"
                yield document.problem(("controls", i), message)
        for other in control.excludes if control else ():
            if other in posture.controls:
                yield document.problem(("controls", i), f"{quoted(name)} and {quoted(other)} exclude each other")


def check_effect(posture: Posture, catalogue: Catalogue, document: Document) -> Iterator[Problem]:
    """Controls in place act on sensors, teams, steps and approvers that the posture has."""
    for name in dict.fromkeys(posture.controls):
        control = catalogue.controls.get(name)
        for mechanism in control.mechanisms if control else ():
            known = _known(posture, mechanism)
            if mechanism.ids and mechanism.change in BY_ID and not known.intersection(mechanism.ids):
                meant = " or ".join(map(quoted, mechanism.ids))
                message = f"the effect of {quoted(name)} on {mechanism.change} is lost: there is no {meant}"
                place = ("controls", posture.controls.index(name))
                yield document.problem(place, message, hint_for(mechanism.ids[0], known), "warning")


def _known(posture: Posture, mechanism: Mechanism) -> set[str]:
    """Return the ids that a mechanism may single out in a posture."""
    things: tuple[tuple[Collection[str], Collection[str]], ...] = (
        (_SENSORS, posture.sensors),
        (_TEAMS, posture.teams),
        (_STEPS, posture.playbook),
        (_APPROVERS, posture.approvers),
    )
    return {name for changes, names in things if mechanism.change in changes for name in names}
