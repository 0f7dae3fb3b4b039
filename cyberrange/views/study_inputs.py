"""The inputs of a study with source, year and confidence, how it was done, and where its numbers come from."""

import platform
from collections.abc import Iterable
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
from markupsafe import Markup, escape

from cyberrange.engine.compiled import digest_of_rules
from cyberrange.results.provenance import PACKAGES, digest
from cyberrange.study.answer import BATCH, CONTENDERS, Answer
from cyberrange.views.inputs_told import controls_told, source
from cyberrange.views.report_tables import Line, Table
from cyberrange.views.study_answer import budget_told
from cyberrange.views.study_doubts import VALUES
from cyberrange.views.study_names import organisation_names, scenario_names
from cyberrange.views.study_words import counted
from cyberrange.views.words import SPACE, amount, percent, rupees


class Told(NamedTuple):
    """What the last part of the report says."""

    tables: list[Table]
    sources: list[str]
    """Of the study and of the organisations."""
    method: list[str]
    errors: Table
    limits: list[str]
    provenance: list[tuple[str, str]]
    replay: str


def told(answer: Answer) -> Told:
    """Gather inputs, method, limits and provenance."""
    materials = answer.study.materials
    own = [(materials.spec.name, materials.spec.sources), (materials.city.name, materials.city.sources)]
    everyone = [*own, *((p.name, p.sources) for p in materials.postures.values())]
    return Told(
        [frequencies(answer), values(answer), factors(answer), controls(answer), organisations(answer), terms(answer)],
        [f"{name}: {source(s)}" for name, sources in everyone for s in sources],
        method(answer),
        surrogate_errors(answer),
        limits(answer),
        provenance(answer),
        replay(answer),
    )


# --- inputs -----------------------------------------------------------------------------------------------------------


def frequencies(answer: Answer) -> Table:
    """Return how often each scenario comes, with its range."""
    spec, names = answer.study.spec, list(scenario_names(answer).values())
    lines = tuple(
        Line(name, "", (f"{x.per_year:g}", _range(x.low, x.high), source(x.source)))
        for name, x in zip(names, spec.scenarios.values(), strict=True)
    )
    return Table("How often it happens", ("Scenario", "Times a year", "Range", "Source"), lines)


def _range(low: float, high: float) -> str:
    return f"{low:g}{SPACE}to{SPACE}{high:g}"


def values(answer: Answer) -> Table:
    """Return what a citizen-hour of each service is worth."""
    lines = tuple(
        Line(
            service.name,
            "",
            (
                _hourly(service.value.city),
                _hourly(service.value.citizens),
                _hourly(service.value.deferred),
                percent(service.value.recovered) if service.value.deferred else "–",
                source(service.value.source) or "no source given",
            ),
        )
        for service in answer.study.materials.city.services.values()
    )
    heads = ("Service", "City's budget", "Citizens", "Revenue deferred", "of it collected later", "Source")
    return Table("What an hour without a service costs", heads, lines, "Rupees for each citizen and hour not served.")


def _hourly(x: float) -> str:
    return "–" if x == 0 else f"Rs{SPACE}{amount(x)}"


def factors(answer: Answer) -> Table:
    """Return how far values and prices may lie from those in the files."""
    spec = answer.study.spec.values
    rows = [(VALUES[key], getattr(spec, key)) for key in VALUES] + [("Prices of the controls", spec.cost)]
    lines = tuple(
        Line(name, "", (f"×{SPACE}{_range(x.low, x.high)}", source(x.source)) if x else ("taken as it stands", ""))
        for name, x in rows
    )
    return Table("How far values and prices may lie from the files", ("What", "Range", "Source"), lines)


def controls(answer: Answer) -> Table:
    """Return the controls in place and on offer, with price, effect, source, year and confidence."""
    materials, offer = answer.study.materials, answer.study.offer
    today = next(iter(materials.postures.values()))
    bought = answer.study.design(answer.recommended).controls
    groups = {
        "recommended": bought,
        "on offer": tuple(key for key in offer.controls if key not in bought),
        "in place": today.controls,
    }
    told = controls_told(
        {name: today.model_copy(update={"controls": keys}) for name, keys in groups.items()}, materials.catalogue
    )
    keys = list(dict.fromkeys(key for group in groups.values() for key in group))
    lines = tuple(
        Line(row.name, row.about, (row.postures, row.cost + _bonds(answer, key), _lines(row.effects)))
        for key, row in zip(keys, told, strict=True)
    )
    heads = ("Control", "", "Price", "What it changes, by which source")
    cities = offer.cities
    caption = "Prices in one city. A control in several cities costs its shared part once." if cities > 1 else ""
    return Table("The controls", heads, lines, caption)


def _bonds(answer: Answer, key: str) -> str:
    """Say what a control shares, requires and excludes."""
    catalogue = answer.study.materials.catalogue.controls
    control = catalogue[key]
    shared = [f"; {percent(control.shared)} shared"] if answer.study.offer.cities > 1 else []
    needs = [f"; requires “{catalogue[other].name}”" for other in control.requires if other in catalogue]
    clashes = [f"; not with “{catalogue[other].name}”" for other in control.excludes if other in catalogue]
    return "".join((*shared, *needs, *clashes))


def _lines(texts: Iterable[str]) -> str:
    return Markup("<br>").join(escape(text) for text in texts)


def organisations(answer: Answer) -> Table:
    """Return what each organisation costs a year."""
    postures, names = answer.study.materials.postures, organisation_names(answer)
    extra = dict(zip(postures, answer.study.offer.extra.tolist(), strict=True))
    lines = tuple(
        Line(names[key], posture.name, (rupees(posture.annual_cost), rupees(extra[key]), posture.about))
        for key, posture in postures.items()
    )
    heads = ("Organisation", "Cost a year, one city", "Beyond today's, all cities", "In short")
    return Table("The organisations", heads, lines)


def terms(answer: Answer) -> Table:
    """Return the budget and what else was asked."""
    spec = answer.study.spec
    grant = spec.budget.grant
    use = {"controls": "controls", "organisation": "the organisation"}
    rows = [
        ("Budget", budget_told(answer)),
        *([("The grant may pay for", " and ".join(use[x] for x in grant.purposes))] if grant else []),
        ("Cities that buy together", str(answer.study.offer.cities)),
        ("Interest, to spread a price over the life of what is bought", f"{percent(spec.discount)} a year"),
        ("A difference worth paying for", f"{rupees(spec.worth)} a year"),
        ("Confidence", percent(spec.confidence)),
        ("Threshold of a costly year", rupees(spec.threshold)),
    ]
    return Table("What was asked", ("What", ""), tuple(Line(what, "", (says,)) for what, says in rows))


# --- method -----------------------------------------------------------------------------------------------------------


def method(answer: Answer) -> list[str]:
    """Say in about ten lines how the answer was found."""
    spec, contest, screen = answer.study.spec, answer.contest, answer.screen
    halving, final = contest.halving, contest.final
    designs, scenarios = amount(len(screen.designs)), counted(len(answer.study.scenarios), "scenario")
    rounds = int(halving.history["round"].max()) if len(halving.history) else 0
    what = "all that are allowed" if screen.complete else "a fraction that tells every main effect and pair apart"
    ends = int((answer.doubts.inputs["what"] == "effect").sum())
    return [
        f"Screening: {designs} designs ({what}) were played against {scenarios}, {amount(spec.runs.screening)} runs "
        "of each.",
        "Same luck: run number n meets the same attacker with the same luck under every design, so differences are "
        "those of the designs.",
        "Surrogate: for each scenario, the logarithm of the mean loss is a sum of effects of the organisation, the "
        f"controls and their pairs ({amount(screen.estimable)} terms). It only proposes; its errors are listed below.",
        f"Contest of {counted(len(answer.contenders), 'design')} within the budget: today's, the thriftiest of those "
        f"that it thinks nearly the best, and the {CONTENDERS} that it thinks best. Successive halving, in "
        f"{counted(rounds, 'round')}, left {amount(len(halving.survivors))}; the first ones go through unseen.",
        f"Final: the procedure of Kim and Nelson (2001) on fresh runs, {BATCH} to a batch, {amount(final.replicates)} "
        "of each design left; of those without a difference worth paying for, the one with the least outlay.",
        f"Played in full: {counted(len(answer.played), 'design')}, among them points along the predicted frontier, "
        f"{amount(spec.runs.final)} runs of each under each scenario. Every loss shown comes from these, unless it is "
        "called predicted.",
        "A year: incidents of each scenario come independently at their frequency; the distribution of the year's loss "
        "is composed from the simulated incidents, so that rare years need no luck.",
        f"Intervals: {percent(spec.confidence)}, from the spread over runs; for the worst years and the bands, from "
        "drawing the runs anew. Differences from today hold jointly (Bonferroni).",
        f"Uncertain inputs: {amount(len(answer.doubts.draws))} draws of frequencies, values, prices"
        + (f" and the strength of {counted(ends, 'control')}" if ends else "")
        + " from their ranges, with means as in the study; every design is priced anew for each.",
        f"Seed {spec.seed}: the same files give the same numbers on any number of processors.",
    ]


def surrogate_errors(answer: Answer) -> Table:
    """Return the relative errors of the surrogate for designs that were left out of its fit."""
    names = scenario_names(answer)
    lines = tuple(
        Line(names[key], "", (_error(found.median), _error(found.p95)))
        for key, found in answer.surrogate.accuracy().items()
    )
    heads = ("Scenario", "half of the designs within", f"95{SPACE}% of the designs within")
    return Table("Error of the predicted loss", heads, lines, "Each design in turn was left out of the fit.")


def _error(x: float) -> str:
    return "no design can be spared" if np.isnan(x) else percent(x)


def limits(answer: Answer) -> list[str]:
    """Say what the study cannot tell."""
    tested = "Only the controls of the recommended design were played at the ends of what is known of their effect"
    return [
        "Intervals show the luck of the draw, not errors of the model or of its inputs. Many inputs are assumptions "
        "and are marked so; change one and the numbers move.",
        "Incidents of different scenarios come independently of each other, each at a constant rate (Poisson).",
        "Incidents of one year do not meet: each begins with all of the city's people free and everything whole.",
        "The surrogate only proposes: a design that it misjudges badly may never have been played. What is called "
        "predicted was not played.",
        f"{tested}, and effects between the ends are interpolated; those of several controls multiply, to first order.",
        "The promise covers the designs that reached the final of the contest, not all that could be bought.",
        "What is bought once is paid for once within the budget; that it must be renewed later counts in the cost a "
        "year.",
        "Nothing is known of incidents worse than the worst that was simulated, nor of attacks that no scenario "
        "describes.",
    ]


# --- provenance -------------------------------------------------------------------------------------------------------


def provenance(answer: Answer) -> list[tuple[str, str]]:
    """Return what must be known to get the same result again."""
    study, materials = answer.study, answer.study.materials
    return [
        ("study", f"{materials.spec.id} {study.store.spec_hash}"),
        ("rules of the simulation", digest_of_rules()),
        ("city", f"{materials.city.id} {digest(materials.city)}"),
        *(("scenario", f"{key} {digest(record)}") for key, record in materials.scenarios.items()),
        *(("organisation", f"{key} {digest(record)}") for key, record in materials.postures.items()),
        ("catalogue", f"{materials.catalogue.id} {digest(materials.catalogue)}"),
        ("store", study.store.folder.name),
        ("seed", str(study.spec.seed)),
        ("python", platform.python_version()),
        *((name, version(name)) for name in dict.fromkeys((*PACKAGES, "numba", "scipy"))),
    ]


def replay(answer: Answer) -> str:
    """Return how to get the report again, and how to look at the worst incident under today's design."""
    study = answer.study
    scenario, replicate = _worst(answer)
    return (
        "import cyberrange as cr\n"
        "from cyberrange.study.answer import answer\n"
        "from cyberrange.study.study import Study\n"
        "from cyberrange.views.study_report import write_study_report\n"
        f'study = Study(cr.load_study("{study.spec.id}"), "{study.store.folder.name}")\n'
        'write_study_report(answer(study), "study.html")\n'
        "# the costliest incident that was simulated, today and with the same luck under the recommended design\n"
        f'today = study.replay(study.design("{answer.today}"), "{scenario}", {replicate})\n'
        f'then = study.replay(study.design("{answer.recommended}"), "{scenario}", {replicate})'
    )


def _worst(answer: Answer) -> tuple[str, int]:
    """Scenario and replicate of the largest loss under today's design."""
    losses = {name: costs["total"] for name, costs in answer.risks[answer.today].priced.items()}
    scenario = max(losses, key=lambda name: float(losses[name].max()))
    return scenario, int(losses[scenario].to_numpy().argmax())
