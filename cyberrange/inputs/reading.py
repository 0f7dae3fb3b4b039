"""A YAML file to a validated record, with every complaint placed and in plain words."""

import json
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from cyberrange.errors import (
    CyberrangeError,
    InputError,
    KeyPath,
    Problem,
    described,
    did_you_mean,
    quoted,
    shortened,
    shown_path,
)
from cyberrange.inputs.quantities import FROM_FILE
from cyberrange.inputs.yaml_text import MAX_PROBLEMS, Document, Node, read_yaml

Record = TypeVar("Record", bound=BaseModel)
BaseOf = Callable[[str], Path | str]

MAX_BASES = 4
_MAX_MESSAGE = 500
_KINDS = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "keys and values",
    "mapping": "keys and values",
    "model": "keys and values",
    "none": "nothing",
    "date": "a date such as 2025-01-31",
    "time": "a time such as 09:30",
    "time_delta": "a duration such as PT4H30M",
    "datetime": "a date and time such as 2025-01-31T09:30",
}
_KIND_ERROR = re.compile(r"(.+?)_(type|parsing|required|from_\w+|object_invalid)")
_LIMITS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
    "too_short": ("at least", "min_length"),
    "too_long": ("at most", "max_length"),
    "string_too_short": ("at least", "min_length"),
    "string_too_long": ("at most", "max_length"),
}
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
    understood = outer.union(path for path, detail in located if not _expected(detail))
    kinds: dict[KeyPath, dict[str, None]] = {}
    for path, detail in located:
        if _expected(detail):
            kinds.setdefault(path, {})[_expected(detail)] = None
        elif not (path in outer and _only_lost_entries(detail)):
            yield from _placed(path, detail, document, model)
    for path, expected in kinds.items():
        if path not in understood:
            found = described(_at(document.values, path))
            yield document.problem(path, f"expected {' or '.join(expected)}, found {found}")


def _only_lost_entries(detail: ErrorDetails) -> bool:
    """Whether a list is too short only because pydantic does not count the entries it refused."""
    return detail["type"] == "too_short" and len(detail["input"]) >= int(detail["ctx"]["min_length"])


def _expected(detail: ErrorDetails) -> str:
    """Return the kind of value that was expected, if the error is about that."""
    if detail["type"] in {"literal_error", "enum"} and not isinstance(detail["input"], str):
        return str(detail["ctx"]["expected"])
    kind = _KIND_ERROR.fullmatch(detail["type"])
    return _KINDS.get(kind[1], "") if kind else ""


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
    for message, hint in _worded(path, detail, model):
        yield Problem(*place, shown, message, hint)


def _worded(path: KeyPath, detail: ErrorDetails, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    found, context = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "missing" | "union_tag_not_found":
            yield _missing(path[-1]), ""
        case "extra_forbidden":
            key = str(detail["loc"][-1])
            yield f"unknown key {quoted(key)}", did_you_mean(key, _keys_at(model, detail["loc"]))
        case "literal_error" | "enum":
            yield _not_allowed(found, context["expected"])
        case "union_tag_invalid":
            yield _not_allowed(context["tag"], context["expected_tags"])
        case "string_pattern_mismatch":
            yield _not_matching(found, context["pattern"])
        case "value_error" | "assertion_error":
            yield from _own_words("\n".join(map(str, context["error"].args)))
        case kind if kind in _LIMITS:
            yield _out_of_limits(found, *_LIMITS[kind], context), ""
        case _:
            yield from _own_words(re.sub("^Input ", "this ", detail["msg"]))


def _own_words(message: str) -> Iterator[tuple[str, str]]:
    for line in message.splitlines() or ["this is not valid"]:
        yield line[:_MAX_MESSAGE], ""


def _missing(step: str | int) -> str:
    return f"missing key {quoted(step)}" if isinstance(step, str) else f"missing item {step + 1}"


def _not_allowed(found: Any, expected: str) -> tuple[str, str]:
    allowed = [a or b for a, b in re.findall(r"""'([^']*)'|"([^"]*)\"""", expected)]
    return f"{quoted(found)} is not an allowed value", did_you_mean(str(found), allowed)


def _not_matching(found: str, pattern: str) -> tuple[str, str]:
    words = f"does not fit the pattern {pattern}"
    if pattern.startswith("^[a-z][a-z0-9_]"):
        words = "is not an id: lower-case letters, digits and underscores, a letter first"
    likely = re.sub("[^a-z0-9]+", "_", found[:100].lower()).strip("_")
    hint = f"Did you mean {quoted(likely)}?" if _fits(likely, pattern) else ""
    return f"{quoted(found)} {words}", hint


def _fits(text: str, pattern: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:  # pydantic's patterns are Rust's, which knows some more
        return False


def _out_of_limits(found: Any, words: str, limit: str, context: Mapping[str, Any]) -> str:
    bound = str(context[limit]).removesuffix(".0")
    if limit.endswith("length"):
        unit = "characters" if isinstance(found, str) else "entries"
        return f"found {len(found)} {unit}, allowed is {words} {bound}"
    return f"out of range: found {shortened(found)}, allowed is {words} {bound}"


def _keys_at(model: type[BaseModel], loc: KeyPath) -> list[str]:
    """Return the keys that the model allows where an unknown one stands."""
    options: list[Any] = [model]
    for step in loc[:-1]:
        inner = [member for option in options for member in _inside(option, step)]
        options = inner or [option for option in options if _goes_by(option, step)] or options
    return [key for option in options for key in _fields(option)]


def _inside(annotation: Any, step: str | int) -> Iterator[Any]:
    """Yield the types that may stand under a key or index of a type."""
    if field := _fields(annotation).get(str(step)):
        yield from _members(field.annotation)
    elif isinstance(origin := get_origin(annotation), type):
        inner = get_args(annotation)[1:] if issubclass(origin, Mapping) else get_args(annotation)
        for each in inner:
            yield from _members(each)


def _members(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for each in get_args(annotation):
            yield from _members(each)
    else:
        yield annotation


def _fields(annotation: Any) -> dict[str, FieldInfo]:
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return {}
    return {field.alias or name: field for name, field in annotation.model_fields.items()}


def _goes_by(annotation: Any, name: str | int) -> bool:
    """Whether pydantic calls a member of a union so: by its class or by its tag."""
    fields = _fields(annotation).values()
    return bool(fields) and (annotation.__name__ == name or any(name in get_args(f.annotation) for f in fields))
