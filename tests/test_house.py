"""Imports run one way through the rooms of the package, and some libraries stay in one room.

A new room is added to ``ORDER`` or ``BESIDE`` first.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

ORDER = (
    {"inputs"},
    {"model"},
    {"engine"},
    {"results"},
    {"study", "exercise"},
    {"views"},
    {"ui", "cli"},
)
"""A room may import itself and those before it, but none beside it."""

BESIDE = {"twin", "envs"}
"""These build on inputs, model, engine and results; only the screens use them."""

SCREENS = ORDER[-1]
ROOT = "cyberrange"
"""The package itself, with its public names: it gathers the rooms, and only the screens use it."""


def _rooms_each_may_import() -> dict[str, set[str]]:
    everyone = {"errors"}
    may = {"errors": {"errors"}}
    earlier = set(everyone)
    for rank in ORDER:
        may |= {room: earlier | {room} for room in rank}
        earlier |= rank
    may |= {room: everyone.union(*ORDER[:4]) | {room} for room in BESIDE}
    may |= {room: may[room] | BESIDE | {ROOT} for room in SCREENS}
    may[ROOT] = (earlier | BESIDE | {ROOT}) - SCREENS
    return may


MAY_IMPORT = _rooms_each_may_import()
HOMES = {
    "matplotlib": {"views", "ui", "cli"},
    "streamlit": {"views", "ui", "cli"},
    "typer": {"views", "ui", "cli"},
    "simpy": {"engine"},
    "numba": {"engine"},
    "wntr": {"twin"},
}
"""Libraries that only some rooms may import."""


def offences_below(repository: Path) -> list[str]:
    """Return every offence in the package of a repository, with file and line."""
    files = sorted((repository / ROOT).rglob("*.py"))
    return [
        offence
        for file in files
        for offence in offences(file.relative_to(repository).as_posix(), file.read_text(encoding="utf-8"))
    ]


def offences(file: str, source: str) -> list[str]:
    """Return the imports of one file that break the order, each as ``file:line: what``."""
    room = _room(file.removesuffix(".py").removesuffix("/__init__").split("/"))
    if room == ROOT and file != f"{ROOT}/__init__.py":
        return [f"{file}:1: lies in no room"]
    found = []
    for line, module in sorted(_imports(file, ast.parse(source, file))):
        parts = module.split(".")
        own = parts[0] == ROOT
        if not (_room(parts) in MAY_IMPORT[room] if own else room in HOMES.get(parts[0], {room})):
            found.append(f"{file}:{line}: {room} may not import {module}")
    return found


def _room(parts: list[str]) -> str:
    """Return the room of a dotted name or path within the package."""
    return parts[1] if len(parts) > 1 and parts[1] in MAY_IMPORT else ROOT


def _imports(file: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and full name of all that a file imports, wherever it does."""
    package = file.split("/")[:-1]
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, name.name) for name in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                start = _absolute("." * level + (module or ""), package)
                yield from ((node.lineno, f"{start}.{name.name}") for name in names)
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield node.lineno, _absolute(module, package)


def _absolute(module: str, package: list[str]) -> str:
    """Return a module's full name, seen from the package that the file lies in."""
    name = module.lstrip(".")
    level = len(module) - len(name)
    if not level:
        return name
    start = package[: len(package) - level + 1]
    return ".".join([*start, name] if name else start)


def test_the_package_keeps_the_order():
    assert (REPOSITORY / ROOT / "__init__.py").is_file()
    found = offences_below(REPOSITORY)
    assert not found, "\n".join(["imports against the order of the house:", *found])


@pytest.mark.parametrize(
    ("file", "source", "line", "module"),
    [
        ("model/plan.py", "\nimport cyberrange.engine.rules as r", 2, "cyberrange.engine.rules"),
        ("model/plan.py", "from cyberrange.engine import rules", 1, "cyberrange.engine.rules"),
        ("model/plan.py", "from cyberrange import engine", 1, "cyberrange.engine"),
        ("model/plan.py", "from cyberrange import load_city", 1, "cyberrange.load_city"),
        ("model/plan.py", "import cyberrange", 1, "cyberrange"),
        ("model/plan.py", "import numpy, cyberrange.ui", 1, "cyberrange.ui"),
        ("model/plan.py", "from ..results import table", 1, "cyberrange.results.table"),
        ("model/plan.py", "from .. import results", 1, "cyberrange.results"),
        ("model/__init__.py", "from ..results import table", 1, "cyberrange.results.table"),
        ("model/deep/part.py", "from ...engine import x", 1, "cyberrange.engine.x"),
        ("engine/live.py", "def f():\n    from cyberrange import views", 2, "cyberrange.views"),
        ("engine/live.py", "if TYPE_CHECKING:\n    import cyberrange.cli", 2, "cyberrange.cli"),
        ("engine/live.py", "importlib.import_module('cyberrange.ui')", 1, "cyberrange.ui"),
        ("engine/live.py", "import_module('..ui', __package__)", 1, "cyberrange.ui"),
        ("engine/live.py", "__import__('cyberrange.ui')", 1, "cyberrange.ui"),
        ("engine/live.py", "from cyberrange.helpers import x", 1, "cyberrange.helpers.x"),
        ("study/runner.py", "import cyberrange.exercise", 1, "cyberrange.exercise"),
        ("exercise/room.py", "import cyberrange.study", 1, "cyberrange.study"),
        ("exercise/room.py", "import cyberrange.envs", 1, "cyberrange.envs"),
        ("twin/water.py", "import cyberrange.study", 1, "cyberrange.study"),
        ("envs/gym.py", "import cyberrange.twin", 1, "cyberrange.twin"),
        ("views/map.py", "import cyberrange.ui", 1, "cyberrange.ui"),
        ("ui/home.py", "import cyberrange.cli", 1, "cyberrange.cli"),
        ("errors.py", "from cyberrange.inputs import yaml_text", 1, "cyberrange.inputs.yaml_text"),
        ("__init__.py", "from cyberrange.cli import main", 1, "cyberrange.cli.main"),
        ("results/table.py", "import matplotlib.pyplot as plt", 1, "matplotlib.pyplot"),
        ("results/table.py", "from matplotlib import pyplot", 1, "matplotlib.pyplot"),
        ("study/runner.py", "import streamlit", 1, "streamlit"),
        ("study/runner.py", "import typer", 1, "typer"),
        ("results/table.py", "import simpy", 1, "simpy"),
        ("model/plan.py", "from numba import njit", 1, "numba.njit"),
        ("engine/live.py", "def f():\n    import wntr", 2, "wntr"),
        ("__init__.py", "import simpy", 1, "simpy"),
    ],
)
def test_an_import_against_the_order_is_reported(file, source, line, module):
    (offence,) = offences(f"cyberrange/{file}", source)
    assert offence.startswith(f"cyberrange/{file}:{line}: ")
    assert offence.endswith(f" may not import {module}")


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("inputs/city.py", "import pydantic\nfrom cyberrange.errors import InputError"),
        ("inputs/city.py", "from . import records\nfrom .records import Record"),
        ("model/plan.py", "from cyberrange.inputs import city\nfrom ..inputs import city"),
        ("engine/live.py", "import simpy, numba\nfrom ..model import plan"),
        ("results/table.py", "import cyberrange.engine.live"),
        ("study/runner.py", "import cyberrange.results"),
        ("twin/water.py", "import wntr, cyberrange.results, cyberrange.inputs"),
        ("envs/gym.py", "import cyberrange.engine"),
        ("views/map.py", "import matplotlib, cyberrange.exercise, cyberrange.study"),
        ("cli.py", "import typer, cyberrange.views, cyberrange.twin, cyberrange as cr"),
        ("ui/home.py", "import streamlit, cyberrange.envs\nfrom cyberrange import simulate"),
        ("__init__.py", "from cyberrange.engine import simulate\nfrom .study import compare"),
        ("errors.py", "import difflib"),
    ],
)
def test_an_import_along_the_order_is_not_reported(file, source):
    assert offences(f"cyberrange/{file}", source) == []


def test_a_module_outside_the_rooms_is_reported():
    assert offences("cyberrange/helpers.py", "") == ["cyberrange/helpers.py:1: lies in no room"]
    assert offences("cyberrange/more/a.py", "") == ["cyberrange/more/a.py:1: lies in no room"]


def test_all_files_are_read_and_all_offenders_reported(tmp_path):
    for name in ("inputs/a.py", "inputs/deep/b.py", "model/c.py"):
        file = tmp_path / "cyberrange" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("import simpy\n\nimport cyberrange.views\n")
    assert offences_below(tmp_path) == [
        f"cyberrange/{name}:{line}: {name.split('/')[0]} may not import {module}"
        for name in ("inputs/a.py", "inputs/deep/b.py", "model/c.py")
        for line, module in ((1, "simpy"), (3, "cyberrange.views"))
    ]
