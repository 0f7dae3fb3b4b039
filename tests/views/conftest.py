"""A tiny study, played once for all tests of this folder."""

import pytest

from cyberrange.inputs.study import StudySpec
from cyberrange.study.answer import Answer, answer
from cyberrange.study.study import Study

SOURCE = {"text": "Made up for a test", "year": 2026, "confidence": "assumption"}
SPEC = StudySpec.model_validate(
    {
        "id": "tiny",
        "name": "A tiny study",
        "about": "What is worth its money in a small town?",
        "city": "kasba",
        "seed": 7,
        "scenarios": {
            "water_setpoints": {"per_year": 8.0, "low": 2.0, "high": 20.0, "source": SOURCE},
            "ransomware_property": {"per_year": 6.0, "low": 1.0, "high": 15.0, "source": SOURCE},
        },
        "organisations": ["vendor_reliant", "hybrid"],
        "controls": ["mfa", "hardening", "delegation_order"],
        "budget": {"own": "Rs 2 crore", "years": 2, "grant": {"money": "Rs 20 lakh", "for": ["controls"]}},
        "discount": 0.08,
        "worth": "Rs 20 lakh",
        "runs": {"screening": 10, "final": 40},
        "threshold": "Rs 1 crore",
        "values": {"citizens": {"low": 0.5, "high": 2.0, "source": SOURCE}},
    }
)


@pytest.fixture(scope="session")
def played(tmp_path_factory) -> Answer:
    return answer(Study(SPEC, tmp_path_factory.mktemp("study") / "tiny", workers=1))
