"""cyberrange: a digital twin of a city under cyber attack.

Attack and response are two sets of activities that race over one dependency graph. The public names below are all there
is to import; each is loaded when it is first used, so that the command line starts quickly.

Examples
--------
>>> import cyberrange as cr
>>> city = cr.load_city("kasba")
>>> run = cr.simulate(city, cr.load_scenario("calm_day"), cr.load_posture("inhouse_ciso"), seed=7)
>>> run.measures["records_exposed"].item()
0.0
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyberrange.errors import CyberrangeError, InputError, Problem
    from cyberrange.inputs.city import City
    from cyberrange.inputs.controls import Catalogue
    from cyberrange.inputs.decisions import Decisions
    from cyberrange.inputs.load import (
        load_catalogue,
        load_city,
        load_decisions,
        load_posture,
        load_scenario,
        load_study,
    )
    from cyberrange.inputs.posture import Posture
    from cyberrange.inputs.scenario import Scenario
    from cyberrange.inputs.study import StudySpec
    from cyberrange.inputs.synthetic import synthetic_city
    from cyberrange.inputs.writing import save
    from cyberrange.model.build import CannotPlayError, compile_plan
    from cyberrange.results.run import Run, simulate
    from cyberrange.study.answer import Answer, answer
    from cyberrange.study.compare import Comparison, compare, compare_until
    from cyberrange.study.risk.annual import AnnualRisk
    from cyberrange.study.runner import replicate
    from cyberrange.study.study import Study

_HOMES = {
    "cyberrange.errors": ("CyberrangeError", "InputError", "Problem"),
    "cyberrange.inputs.city": ("City",),
    "cyberrange.inputs.controls": ("Catalogue",),
    "cyberrange.inputs.decisions": ("Decisions",),
    "cyberrange.inputs.load": (
        "load_catalogue",
        "load_city",
        "load_decisions",
        "load_posture",
        "load_scenario",
        "load_study",
    ),
    "cyberrange.inputs.posture": ("Posture",),
    "cyberrange.inputs.scenario": ("Scenario",),
    "cyberrange.inputs.study": ("StudySpec",),
    "cyberrange.inputs.synthetic": ("synthetic_city",),
    "cyberrange.inputs.writing": ("save",),
    "cyberrange.model.build": ("CannotPlayError", "compile_plan"),
    "cyberrange.results.run": ("Run", "simulate"),
    "cyberrange.study.risk.annual": ("AnnualRisk",),
    "cyberrange.study.answer": ("Answer", "answer"),
    "cyberrange.study.compare": ("Comparison", "compare", "compare_until"),
    "cyberrange.study.runner": ("replicate",),
    "cyberrange.study.study": ("Study",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AnnualRisk",
    "Answer",
    "CannotPlayError",
    "Catalogue",
    "City",
    "Comparison",
    "CyberrangeError",
    "Decisions",
    "InputError",
    "Posture",
    "Problem",
    "Run",
    "Scenario",
    "Study",
    "StudySpec",
    "answer",
    "compare",
    "compare_until",
    "compile_plan",
    "load_catalogue",
    "load_city",
    "load_decisions",
    "load_posture",
    "load_scenario",
    "load_study",
    "replicate",
    "save",
    "simulate",
    "synthetic_city",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'cyberrange' has no attribute '{name}'")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
