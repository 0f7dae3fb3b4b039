"""Tiny studies of Kasba: two scenarios, two organisations and four controls, played in a second or two."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cyberrange as cr
from cyberrange.study.answer import Answer
from cyberrange.study.study import Study

SOURCE = {"text": "made up", "year": 2026, "confidence": "assumption"}
CONTROLS = ("mfa", "vendor_gateway", "hardening", "delegation_order")


def often(per_year: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    """How often a scenario happens; certain unless a range is given."""
    ends = {"low": per_year if low is None else low, "high": per_year if high is None else high}
    return {"per_year": per_year, "source": SOURCE, **ends}


def factor(low: float, high: float) -> dict[str, Any]:
    """How far a value may lie from the one in the files."""
    return {"low": low, "high": high, "source": SOURCE}


def tiny(**changes: Any) -> cr.StudySpec:
    """Return a study of attacks so frequent that controls pay, with some of it changed."""
    values = {
        "id": "tiny",
        "name": "A town",
        "city": "kasba",
        "seed": 7,
        "scenarios": {"insider": often(24.0, 6.0, 50.0), "ransomware_property": often(36.0, 12.0, 90.0)},
        "organisations": ("vendor_reliant", "hybrid"),
        "controls": CONTROLS,
        "budget": {"own": 2.4e7, "years": 2},
        "discount": 0.08,
        "worth": 1.2e7,
        "runs": {"screening": 10, "final": 30},
        "threshold": 1e5,
    }
    return cr.StudySpec.model_validate({**values, **changes})


def opened(folder: Path, workers: int = 1, progress: Any = None, **changes: Any) -> Study:
    """Return a tiny study in a folder."""
    return Study(tiny(**changes), folder, workers=workers, progress=progress)


def short_contests(patch: pytest.MonkeyPatch) -> None:
    """Let a contest play tens of replicates instead of thousands; what it does stays the same."""
    for name, number in {"BATCH": 5, "FIRST_BATCHES": 8, "MOST": 160, "AHEAD": 40, "FRONTIER": 4}.items():
        patch.setattr(f"cyberrange.study.answer.{name}", number)
    patch.setattr("cyberrange.study.doubts.DRAWS", 128)


def told(answer: Answer) -> dict[str, Any]:
    """Return everything that an answer says, in forms that can be compared."""
    final, doubts = answer.contest.final, answer.doubts
    tables = {
        "played": answer.played, "marginal": answer.marginal, "final": final.table,
        "halving": answer.contest.halving.history, "inputs": doubts.inputs, "draws": doubts.draws,
        "costs": doubts.costs, "ranking": doubts.ranking, "measure": doubts.measure, "tornado": doubts.tornado,
        "losses": answer.surrogate.losses, "screen": pd.DataFrame(answer.surrogate.coefficients),
    }  # fmt: skip
    return {
        **{name: table.to_dict("tight") for name, table in tables.items()},
        "names": (answer.contenders, answer.chosen, answer.tied, answer.recommended, answer.contest.guarantee),
        "numbers": (doubts.worth, answer.together, answer.benefit, answer.contest.runs),
        "notes": answer.notes(),
    }


def assert_same(one: Answer, other: Answer) -> None:
    """Hold two answers equal, to the bit."""
    left, right = told(one), told(other)
    for name, value in left.items():
        assert repr(value) == repr(right[name]), name
