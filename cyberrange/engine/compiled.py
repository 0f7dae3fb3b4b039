"""The rules under Numba: the very functions that the live engine plays, compiled.

Every function of the rules is rebuilt with a namespace of its own, in which the rules that it calls are the compiled
ones. The modules themselves stay as they are, so both kinds can be played side by side. Nothing is compiled before it
is first called; Numba is loaded only here, and only then.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

RULES = (
    "draws", "calendar", "events", "accounts", "tally", "supply", "upkeep", "levels", "effects", "work", "case",
    "response", "detect", "attack", "manual", "plant", "dispatch",
)  # fmt: skip
"""Modules of the rules: plain functions over the tables of a plan and of a state."""


@cache
def compile_rules() -> Mapping[str, Any]:
    """Return the compiled form of every rule by `module.name`.

    They take a plan's `arrays` and a `State` of NumPy arrays: structured ones for the tables of rows, whose fields are
    those of the row classes, and with room for all that a call may add to effects, tasks, due events and lines.

    Examples
    --------
    >>> rules = compile_rules()
    >>> rules["draws.threefry"](0, 0, 0, 0)
    (2635882182, 2345994033)
    """
    from numba import njit

    modules = {name: import_module(f"{__package__}.{name}") for name in RULES}
    places = {name: ModuleType(module.__name__) for name, module in modules.items()}
    rules: dict[str, Any] = {}
    twins: dict[int, Any] = {id(modules[name]): places[name] for name in RULES}
    for name, module in modules.items():
        for label, rule in vars(module).items():
            if isinstance(rule, FunctionType) and rule.__module__ == module.__name__:
                twin = FunctionType(rule.__code__, vars(places[name]), label, rule.__defaults__)
                rules[f"{name}.{label}"] = twins[id(rule)] = njit(twin)
    for name, module in modules.items():
        vars(places[name]).update({label: twins.get(id(value), value) for label, value in vars(module).items()})
    return MappingProxyType(rules)
