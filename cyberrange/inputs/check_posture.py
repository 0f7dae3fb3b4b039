"""Cross checks of a posture: every team, approver, power and control that is named exists."""

from collections.abc import Iterator

from cyberrange.errors import KeyPath, Problem, quoted
from cyberrange.inputs.document import Document
from cyberrange.inputs.posture import MAINTAINER, Posture, Power
from cyberrange.inputs.references import each_unknown, unknown
from cyberrange.inputs.shifts import most_on_shift


def check_teams(posture: Posture, document: Document) -> Iterator[Problem]:
    """Every team that is named exists."""
    for path, team in _named_teams(posture):
        if team not in posture.teams:
            yield unknown(document, path, "team", team, posture.teams)


def _named_teams(posture: Posture) -> Iterator[tuple[KeyPath, str]]:
    """Yield every place that names a team."""
    yield ("own_assets",), posture.own_assets
    yield ("uncovered",), posture.uncovered
    yield ("shared_assets",), posture.shared_assets
    yield ("triage", "team"), posture.triage.team
    yield from ((("vendor_assets", vendor), team) for vendor, team in posture.vendor_assets.items())
    yield from ((("teams", n, "stand_in"), team.stand_in) for n, team in posture.teams.items() if team.stand_in)
    yield from ((("help", name, "team"), help_.team) for name, help_ in posture.help.items() if help_.team)
    yield from ((("playbook", n, "team"), s.team) for n, s in posture.playbook.items() if s.team != MAINTAINER)


def check_stand_ins(posture: Posture, document: Document) -> Iterator[Problem]:
    """A team cannot take over from itself."""
    for name, team in posture.teams.items():
        if team.stand_in == name:
            yield document.problem(("teams", name, "stand_in"), f"team {quoted(name)} cannot stand in for itself")


def check_team_names(posture: Posture, document: Document) -> Iterator[Problem]:
    """`maintainer` stands for whoever looks after an asset."""
    if MAINTAINER in posture.teams:
        message = "'maintainer' stands for whoever looks after an asset and cannot be a team"
        yield document.key_problem(("teams", MAINTAINER), message)


def check_staff(posture: Posture, document: Document) -> Iterator[Problem]:
    """Every team that is asked for something has people at some hour of the week."""
    asked = {team for _, team in _named_teams(posture)}
    for name in posture.teams:
        if name in asked and not _most_people(posture, name):
            message = f"no shift ever covers team {quoted(name)}: it has nobody at any hour"
            yield document.problem(("teams", name, "shifts"), message)


def check_crews(posture: Posture, document: Document) -> Iterator[Problem]:
    """No step needs more people than its team ever brings together."""
    for name, step in posture.playbook.items():
        teams = _maintainers(posture) if step.team == MAINTAINER else (step.team,)
        for team in dict.fromkeys(teams):
            most = _most_people(posture, team) if team in posture.teams else 0
            if 0 < most < step.people:
                yield document.problem(
                    ("playbook", name, "people"),
                    f"step {quoted(name)} needs {step.people} people of team {quoted(team)}, "
                    f"which never has more than {most}",
                )


def _maintainers(posture: Posture) -> tuple[str, ...]:
    """Teams that may be the maintainer of an asset."""
    return (posture.own_assets, *posture.vendor_assets.values(), posture.uncovered, posture.shared_assets)


def _most_people(posture: Posture, team: str) -> int:
    """Return the most people that a team ever has, those who come to its help included."""
    helpers = sum(help_.people for help_ in posture.help.values() if help_.team == team)
    return most_on_shift(posture.teams[team].shifts) + helpers


def check_help(posture: Posture, document: Document) -> Iterator[Problem]:
    """People who come to help join a team."""
    for name, help_ in posture.help.items():
        if help_.people and help_.team is None:
            message = f"{help_.people} people come to help and join no team"
            yield document.problem(("help", name, "people"), message, "Say which: `team`")


def check_powers(posture: Posture, document: Document) -> Iterator[Problem]:
    """Each step's power exists, and each power's approvers."""
    for name, step in posture.playbook.items():
        if step.power is not None and step.power not in posture.powers:
            yield unknown(document, ("playbook", name, "power"), "power", step.power, posture.powers)
    for name, power in posture.powers.items():
        for path, chain in _chains(power):
            yield from each_unknown(document, ("powers", name, *path), "approver", chain, posture.approvers)


def _chains(power: Power) -> Iterator[tuple[KeyPath, tuple[str, ...]]]:
    yield ("chain",), power.chain
    yield ("shared",), power.shared or ()
    for kind, chain in power.in_zone.items():
        yield ("in_zone", kind), chain


CHECKS = (check_teams, check_stand_ins, check_team_names, check_staff, check_crews, check_help, check_powers)
