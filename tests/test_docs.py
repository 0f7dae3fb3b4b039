"""What the documents say and the code knows must agree."""

from pathlib import Path

from cyberrange.results.measures import as_markdown

DOCS = Path(__file__).parent.parent / "docs"


def test_the_page_of_measures_lists_every_measure_with_its_unit_and_equation() -> None:
    assert as_markdown() in (DOCS / "measures.md").read_text(encoding="utf-8")
