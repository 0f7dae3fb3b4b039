"""A YAML file to a validated record, with every complaint placed and in plain words."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cyberrange.errors import CyberrangeError, InputError, KeyPath, Problem, described, quoted, shown_path
from cyberrange.inputs.document import Document, Node
from cyberrange.inputs.quantities import FROM_FILE
from cyberrange.inputs.wording import expected_kind, worded
from cyberrange.inputs.yaml_text import MAX_PROBLEMS, read_yaml

Record = TypeVar("Record", bound=BaseModel)
BaseOf = Callable[[str], Path | str]

MAX_BASES = 4
_ABOUT_KEYS = {"missing", "extra_forbidden", "union_tag_not_found"}
# Behind a validator of mode "before", pydantic's strict rules are those for Python objects.
_ONLY_STRICT: dict[type, set[str]] = {
    list: {"list_type", "tuple_type", "set_type", "frozen_set_type"},
    str: {"is_instance_of", "date_type", "time_type", "datetime_type", "time_delta_type"},
}


def read_record(source: Path | str, model: type[Record], *, base_of: BaseOf | None = None) -> tuple[Record, Document]:
    """Read a YAML file into a record.

    A file may name another one in a top-level key ``base`` and then says only what differs:
    mappings are merged key by key, every other value replaces the base's, and ``null`` removes a
    key of the base.

    Parameters
    ----------
    source : Path or str
        A file, or YAML text.
    model : type of BaseModel
        What the file must hold. Text is never taken for a number, nor a number for a boolean.
    base_of : callable, optional
        Finds a base by name; raises LookupError or ValueError with a message for a wrong name.
        Without it, ``base`` is a key like any other.

    Returns
    -------
    record : BaseModel
        The validated record.
    document : Document
        The values after merging, and where each was written.

    Raises
    ------
    InputError
        With everything that is wrong, up to the first thousand problems.

    Examples
    --------
    >>> class Pump(BaseModel):
    ...     litres: float
    >>> read_record("litres: 12.5", Pump)[0]
    Pump(litres=12.5)
    >>> read_record("litres: many", Pump)
    Traceback (most recent call last):
    cyberrange.errors.InputError: <text>:1:9: litres: expected a number, found text 'many'
    """
    document = _read_with_bases(source, base_of) if base_of else read_yaml(source)
    return _validated(document, model), document


def _read_with_bases(source: Path | str, base_of: BaseOf) -> Document:
    layers = [read_yaml(source)]
    sources = [_identity(source)]
    while "base" in layers[-1].root.value:
        base = _base_source(layers[-1], base_of)
        if _identity(base) in sources:
            _refuse_base(layers[-1], "leads back to a file that builds on it")
        if len(layers) > MAX_BASES:
            _refuse_base(layers[-1], f"is one too many: at most {MAX_BASES} may follow each other")
        layers.append(read_yaml(base))
        sources.append(_identity(base))
    root = layers.pop().root
    while layers:
        root = _merged(root, layers.pop().root)
    root.value.pop("base", None)
    return Document(root)


def _base_source(document: Document, base_of: BaseOf) -> Path | str:
    name = document.values["base"]
    if not isinstance(name, str):
        raise InputError([document.problem(("base",), f"expected text, found {described(name)}")])
    try:
        source = base_of(name)
    except InputError:
        raise
    except (CyberrangeError, LookupError, ValueError) as error:
        message = error.args[0] if error.args else f"unknown base {quoted(name)}"
        raise InputError([document.problem(("base",), str(message))]) from None
    if isinstance(source, Path) and not source.is_file():
        _refuse_base(document, f"is not there: {source}")
    return source


def _refuse_base(document: Document, reason: str) -> NoReturn:
    message = f"the base {quoted(document.values['base'])} {reason}"
    raise InputError([document.problem(("base",), message)])


def _identity(source: Path | str) -> Path | str:
    return source.resolve() if isinstance(source, Path) else source


def _merged(base: Node, over: Node) -> Node:
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    value = dict(base.value)
    for key, node in over.value.items():
        if key not in value:
            value[key] = node
        elif node.value is None:
            del value[key]
        else:
            value[key] = _merged(value[key], node)
    return Node(value, over.place, over.key_place)


def _validated(document: Document, model: type[Record]) -> Record:
    # As JSON, because in strict mode only JSON lists may become tuples and JSON text a date.
    text = json.dumps(document.values)
    try:
        return model.model_validate_json(text, strict=True, context=FROM_FILE)
    except ValidationError as error:
        details = [d for d in error.errors(include_url=False) if not _only_strict(d)]
    try:
        record = model.model_validate_json(text, context=FROM_FILE)
    except ValidationError as error:
        details += error.errors(include_url=False)
    if details:
        raise InputError(dict.fromkeys(_problems(details[:MAX_PROBLEMS], document, model)))
    return record


def _only_strict(detail: ErrorDetails) -> bool:
    return detail["type"] in _ONLY_STRICT.get(type(detail["input"]), ())


def _problems(details: Iterable[ErrorDetails], document: Document, model: type[BaseModel]) -> Iterator[Problem]:
    """Translate errors; of a union, keep those of the members that the value was meant for."""
    located = [(_path(document.values, detail), detail) for detail in details]
    outer = {path[:length] for path, _ in located for length in range(len(path))}
    understood = outer.union(path for path, detail in located if not expected_kind(detail))
    kinds: dict[KeyPath, dict[str, None]] = {}
    for path, detail in located:
        if expected_kind(detail):
            kinds.setdefault(path, {})[expected_kind(detail)] = None
        elif not (path in outer and _only_lost_entries(detail)):
            yield from _placed(path, detail, document, model)
    for path, expected in kinds.items():
        if path not in understood:
            found = described(_at(document.values, path))
            yield document.problem(path, f"expected {' or '.join(expected)}, found {found}")


def _only_lost_entries(detail: ErrorDetails) -> bool:
    """Whether a list is too short only because pydantic does not count the entries it refused."""
    return detail["type"] == "too_short" and len(detail["input"]) >= int(detail["ctx"]["min_length"])


def _path(values: Any, detail: ErrorDetails) -> KeyPath:
    """Return where in the file an error is: pydantic adds names of union members to the way."""
    loc = detail["loc"][:-1] if detail["loc"][-1:] == ("[key]",) else detail["loc"]
    kept = len(loc) - (detail["type"] == "missing")
    ways = list(islice(_ways(values, loc[:kept]), 32))
    way = next((path for path, found in ways if found == detail["input"]), ways[0][0])
    named = detail.get("ctx", {}).get("discriminator", "")
    tag = (named.strip("'"),) if named.startswith("'") else ()
    return (*way, *loc[kept:], *tag)


def _ways(value: Any, loc: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if not loc:
        yield (), value
        return
    step, rest = loc[0], loc[1:]
    if _has(value, step):
        for path, found in _ways(value[step], rest):
            yield (step, *path), found
    yield from _ways(value, rest)


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value


def _at(value: Any, path: KeyPath) -> Any:
    for step in path:
        value = value[step]
    return value


def _placed(path: KeyPath, detail: ErrorDetails, document: Document, model: type[BaseModel]) -> Iterator[Problem]:
    about_key = detail["type"] in _ABOUT_KEYS or detail["loc"][-1:] == ("[key]",)
    place = document.key_place(path) if about_key else document.place(path)
    shown = shown_path(path[:-1] if about_key else path)
    for message, hint in worded(path, detail, model):
        yield Problem(*place, shown, message, hint)
