"""What is wrong with a value, in plain words instead of pydantic's."""

import re
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from cyberrange.errors import KeyPath, did_you_mean, quoted, shortened

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


def expected_kind(detail: ErrorDetails) -> str:
    """Return the kind of value that was expected, if the error is about that."""
    if detail["type"] in {"literal_error", "enum"} and not isinstance(detail["input"], str):
        return str(detail["ctx"]["expected"])
    kind = _KIND_ERROR.fullmatch(detail["type"])
    return _KINDS.get(kind[1], "") if kind else ""


def worded(path: KeyPath, detail: ErrorDetails, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield the messages and hints that one of pydantic's errors is worth."""
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
