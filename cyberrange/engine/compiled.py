"""The rules under Numba: the very functions that the live engine plays, compiled.

Every function of the rules is rebuilt with a namespace of its own, in which the rules that it calls are the compiled
ones. The modules themselves stay as they are, so both kinds can be played side by side. Nothing is compiled before it
is first called; Numba is loaded only here and in `cyberrange.engine.lowering`, and only then.

What was compiled is kept on disk by Numba, next to this file or in the user's cache. It is used again as long as no
module of the rules has changed.
"""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

from cyberrange.engine.kernel import Clock, Memory
from cyberrange.engine.layout import columns_of, fields_of
from cyberrange.engine.state import State
from cyberrange.model.plan import Arrays

RULES = (
    "draws", "calendar", "events", "accounts", "tally", "supply", "upkeep", "levels", "effects", "work", "case",
    "response", "decide", "detect", "attack", "manual", "plant", "dispatch", "kernel", "yardstick",
)  # fmt: skip
"""Modules of the rules, of the loop that plays them, and of what that is measured against: functions over tables."""

_ALSO_COMPILED = ("state", "layout", "lowering", "compiled")
"""Modules that the compiled code depends on besides the rules."""


@cache
def digest_of_rules() -> str:
    """Return what names the rules as they stand: the first 16 hex digits of the SHA-256 of their sources."""
    names = [f"{__package__}.{name}" for name in (*RULES, *_ALSO_COMPILED)]
    modules = [import_module(name) for name in (*names, "cyberrange.model.codes", "cyberrange.model.rows")]
    return hashlib.sha256("".join(inspect.getsource(module) for module in modules).encode()).hexdigest()[:16]


@cache
def compile_rules() -> Mapping[str, Any]:
    """Return the compiled form of every rule by `module.name`.

    They take a plan and a state as `cyberrange.engine.lowering` knows them.

    Examples
    --------
    >>> rules = compile_rules()
    >>> rules["draws.threefry"](0, 0, 0, 0)
    (2635882182, 2345994033)
    """
    import numba

    from cyberrange.engine.lowering import opener

    njit: Any = numba.njit

    modules = {name: import_module(f"{__package__}.{name}") for name in RULES}
    places = {name: ModuleType(module.__name__) for name, module in modules.items()}
    rules: dict[str, Any] = {}
    twins: dict[int, Any] = {id(modules[name]): places[name] for name in RULES}
    for name, module in modules.items():
        for label, rule in vars(module).items():
            if isinstance(rule, FunctionType) and rule.__module__ == module.__name__:
                twin = FunctionType(rule.__code__, vars(places[name]), label, rule.__defaults__)
                compiled = _one_for_all_constants(njit(error_model="numpy", no_cfunc_wrapper=True)(twin))
                rules[f"{name}.{label}"] = twins[id(rule)] = compiled
    for label, record in (("plan_of", Arrays), ("state_of", State), ("clock_of", Clock), ("memory_of", Memory)):
        rules[f"kernel.{label}"] = twins[id(getattr(modules["kernel"], label))] = opener(_bundle(record))
    for name, module in modules.items():
        vars(places[name]).update({label: twins.get(id(value), value) for label, value in vars(module).items()})
    return MappingProxyType(rules)


def _one_for_all_constants(rule: Any) -> Any:
    """Keep Numba from compiling a rule anew for each constant it is called with, such as a kind of event."""
    import numba

    types: Any = numba.types
    chosen, general = rule.get_call_template, types.unliteral

    def template(args: Any, named: Any) -> Any:
        return chosen(tuple(map(general, args)), {key: general(arg) for key, arg in named.items()})

    rule.get_call_template = template
    return rule


def _bundle(record: type) -> Any:
    """Return Numba's type of a NamedTuple of tables."""
    from numba import types

    from cyberrange.engine.lowering import Bundle, Row, Table

    fields: list[tuple[str, int, Any]] = []
    for field in fields_of(record):
        row = Row(field.row.__name__, columns_of(field.row)) if field.row is not None else None
        number = types.float64 if field.real else types.int64
        kind = _bundle(field.bundle) if field.bundle else row if field.single else Table(field.name, row or number)
        fields.append((field.name, field.slot, kind))
    return Bundle(record.__name__, tuple(fields))


def _signature() -> Any:
    """Return the types that the compiled `kernel.play_replicates` takes and gives."""
    import numba

    types: Any = numba.types
    word = types.int64
    words, rows = types.Array(word, 1, "C"), types.Array(word, 2, "C")
    return types.UniTuple(word, 3)(
        words, words, words, words, rows, word, word, word, types.float64, word
    )  # fmt: skip


@cache
def _loop() -> Any:
    """Return the dispatcher of `kernel.play_replicates`, not yet compiled, that keeps what it compiles on disk."""
    from numba import njit

    twin = compile_rules()["kernel.play_replicates"].py_func
    twin.__qualname__ = f"play_replicates_{digest_of_rules()}"  # Numba names its file by this
    try:
        return njit(error_model="numpy", cache=True)(twin)
    except RuntimeError:  # no folder to keep it in
        return njit(error_model="numpy")(twin)


def _marker() -> Path | None:
    """Return the file that says that these rules were compiled on this machine; None if nothing can be kept."""
    folder = _loop().stats.cache_path
    return Path(folder) / f"kernel-{digest_of_rules()}.ready" if folder else None


def is_compiled() -> bool:
    """Whether the rules as they stand were compiled before, so that `kernel` returns in a second or two."""
    marker = _marker()
    source = Path(_loop().py_func.__code__.co_filename)
    kept = marker is not None and marker.exists() and marker.stat().st_mtime >= source.stat().st_mtime
    return bool(_loop().signatures) or kept


@cache
def kernel() -> Callable[..., tuple[int, int, int]]:
    """Return the compiled `kernel.play_replicates`; it takes about a minute if that was not done before."""
    loop = _loop()
    loop.compile(_signature())
    marker = _marker()
    if marker is not None:
        marker.touch()
    return loop  # type: ignore[no-any-return]
