"""The public names of the package are a promise."""

import subprocess
import sys

import cyberrange as cr

PUBLIC = {
    "AnnualRisk", "Answer", "CannotPlayError", "Catalogue", "City", "Comparison", "CyberrangeError", "Decisions",
    "InputError", "Posture", "Problem", "Run", "Scenario", "Study", "StudySpec", "answer", "compare",
    "compare_until", "compile_plan", "load_catalogue", "load_city", "load_decisions", "load_posture",
    "load_scenario", "load_study", "replicate", "save", "simulate", "synthetic_city",
}  # fmt: skip


def test_the_public_names_are_these_and_no_others() -> None:
    assert set(cr.__all__) == PUBLIC
    assert set(dir(cr)) == PUBLIC


def test_every_public_name_can_be_had() -> None:
    for name in PUBLIC:
        assert getattr(cr, name) is not None


def test_importing_the_package_alone_loads_nothing_heavy() -> None:
    code = "import sys, cyberrange; print({'numpy', 'pandas', 'pydantic', 'simpy', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
