"""The report of a study: one page of HTML that needs nothing else, the same bytes for the same results."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from markupsafe import Markup

from cyberrange.inputs.shipped import shipped
from cyberrange.study.answer import Answer
from cyberrange.views.report import environment, write
from cyberrange.views.study_answer import budget_told, sentences
from cyberrange.views.study_chapters import MAKERS, cards, chapters, warnings
from cyberrange.views.study_inputs import told
from cyberrange.views.study_names import names_of
from cyberrange.views.study_risk import compared_names
from cyberrange.views.theme import css

Progress = Callable[[int, int], None]
"""Called with the pieces done and to do."""


def write_study_report(answer: Answer, file: Path, progress: Progress | None = None) -> None:
    """Write the report of a study as one HTML file.

    Parameters
    ----------
    answer
        What `cyberrange.study.answer.answer` found; its store has to be there still.
    file
        The file to write; its folder is made if need be.
    progress
        Called with (done, to do) as the pieces are ready.
    """
    todo = len(MAKERS) + 2
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, todo)

    names = names_of(answer)
    written = chapters(answer, names, tick)
    inputs = told(answer)
    tick()
    spec, city = answer.study.spec, answer.study.materials.city
    page = environment().get_template("study.html.j2").render(
        title=f"What is worth its money for {city.name}",
        city=city,
        fictional=city.id in shipped("topologies"),
        spec=spec,
        budget=budget_told(answer),
        names=compared_names(answer, names),
        answer=sentences(answer, names),
        warnings=warnings(answer, names),
        cards=cards(answer, names),
        level=spec.confidence,
        chapters=written,
        inputs=inputs,
        theme=Markup(css()),
        version=version("cyberrange"),
    )  # fmt: skip
    write(file, page)
    tick()
