"""Cross checks of a posture's playbook: conditions that can come to hold, and steps that can be requested."""

from collections.abc import Collection, Iterator, Mapping

from cyberrange.errors import KeyPath, Problem, quoted
from cyberrange.inputs.document import Document
from cyberrange.inputs.posture import MAINTAINER, PlaybookStep, Posture
from cyberrange.inputs.references import cycles, hint_for, shown_cycle

CASE_CONDITIONS = ("noticed", "declared", "warned", "breach", "contained", "clean", "vendor_out", "deadlock")
"""What may hold for a case, besides its steps that are done."""
ASSET_CONDITIONS = ("found",)
"""What may hold for an asset, besides its steps that are done."""
MOST_STEPS = 54
"""Conditions are bits of one 64-bit number; the first eight are the case's own."""

_RESERVED = ("triage", "take_over")
_OF_A_CASE = {"declare", "investigate", "settle", "report", "notify", "warn", "protect", "black_start"}


def check_length(posture: Posture, document: Document) -> Iterator[Problem]:
    """A playbook has at most 54 steps."""
    if len(posture.playbook) > MOST_STEPS:
        message = f"a playbook has at most {MOST_STEPS} steps, found {len(posture.playbook)}"
        yield document.key_problem(("playbook",), message)


def check_names(posture: Posture, document: Document) -> Iterator[Problem]:
    """A step that is done is a condition, so it needs a name that no other condition has."""
    for name in posture.playbook:
        if name in CASE_CONDITIONS + ASSET_CONDITIONS:
            message = f"{quoted(name)} is a condition of every case and cannot be a step"
            yield document.key_problem(("playbook", name), message, "Name the step after what is done")
        elif name in _RESERVED:
            yield document.key_problem(("playbook", name), f"{quoted(name)} is what analysts and crews do anyway")


def check_scopes(posture: Posture, document: Document) -> Iterator[Problem]:
    """What a step does, and who does it, fit its scope."""
    for name, step in posture.playbook.items():
        if step.scope == "case" and step.team == MAINTAINER:
            message = "a step for the whole case has no asset, so it has no maintainer"
            yield document.problem(("playbook", name, "team"), message, "Name a team")
        if step.scope == "case" and step.hit:
            yield document.problem(("playbook", name, "hit"), "a step for the whole case is not about a hit asset")
        if step.scope == "asset" and step.effect in _OF_A_CASE:
            message = f"effect {quoted(step.effect)} belongs to a step of scope case"
            yield document.problem(("playbook", name, "effect"), message)


def check_conditions(posture: Posture, document: Document) -> Iterator[Problem]:
    """Every condition exists; what concerns the whole case waits for conditions of the case alone."""
    for path, i, condition, scope in _conditions(posture):
        step = posture.playbook.get(condition)
        at = (*path, i)
        if step is None and condition not in CASE_CONDITIONS + ASSET_CONDITIONS:
            known = (*CASE_CONDITIONS, *ASSET_CONDITIONS, *posture.playbook)
            yield document.problem(at, f"unknown condition {quoted(condition)}", hint_for(condition, known))
        elif scope == "case" and (condition in ASSET_CONDITIONS or (step is not None and step.scope == "asset")):
            message = f"{quoted(condition)} holds for single assets; this waits for conditions of the whole case"
            yield document.problem(at, message)


def _conditions(posture: Posture) -> Iterator[tuple[KeyPath, int, str, str]]:
    """Yield every condition with its place and the scope of what waits for it."""
    for name, step in posture.playbook.items():
        for i, condition in enumerate(step.on):
            yield ("playbook", name, "on"), i, condition, step.scope
    for name, help_ in posture.help.items():
        for i, condition in enumerate(help_.on):
            yield ("help", name, "on"), i, condition, "case"


def check_requests(posture: Posture, document: Document) -> Iterator[Problem]:
    """Each step, and each help, is requested at some time."""
    playbook = posture.playbook
    never = _never_held(playbook)
    steps = [name for name in playbook if name in never]
    in_circle: set[str] = set()
    for cycle in cycles({name: playbook[name].on for name in steps}):
        in_circle.update(cycle)
        message = f"these steps wait for each other and are never requested: {shown_cycle(cycle)}"
        yield document.key_problem(("playbook", cycle[0]), message)
    for name in steps:
        if name not in in_circle:
            message = f"step {quoted(name)} is never requested: {_reason(playbook[name].on, never)}"
            yield document.key_problem(("playbook", name), message)
    for name, help_ in posture.help.items():
        if any(condition in never for condition in help_.on):
            message = f"help {quoted(name)} is never asked for: {_reason(help_.on, never)}"
            yield document.key_problem(("help", name), message)


def _reason(on: tuple[str, ...], never: Collection[str]) -> str:
    condition = next(c for c in on if c in never)
    return f"it waits for {quoted(condition)}, which never comes"


def _never_held(playbook: Mapping[str, PlaybookStep]) -> set[str]:
    """Return the conditions that never come to hold: steps, and `declared`. The others come from outside."""
    never = {"declared", *playbook}
    while come := {condition for condition in never if _comes(condition, playbook, never)}:
        never -= come
    return never


def _comes(condition: str, playbook: Mapping[str, PlaybookStep], never: Collection[str]) -> bool:
    if condition in playbook:
        return not any(other in never for other in playbook[condition].on)
    return any(step.effect == "declare" and name not in never for name, step in playbook.items())


CHECKS = (check_length, check_names, check_scopes, check_conditions, check_requests)
