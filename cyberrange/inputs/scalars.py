"""A word of YAML to a value: only what looks like a number is one, and only true and false are booleans."""

import math
import re
from typing import Any

import yaml

from cyberrange.errors import described, quoted, shortened

_MAX_DIGITS = 300
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
TAGS: dict[str, tuple[type, ...]] = {
    "tag:yaml.org,2002:str": (str,),
    "tag:yaml.org,2002:int": (int,),
    "tag:yaml.org,2002:float": (float, int),
    "tag:yaml.org,2002:bool": (bool,),
    "tag:yaml.org,2002:null": (type(None),),
    "tag:yaml.org,2002:map": (dict,),
    "tag:yaml.org,2002:seq": (list,),
}


def scalar_value(event: yaml.ScalarEvent) -> Any:
    """Return the value that a scalar stands for; ValueError says why it stands for none."""
    text: str = event.value
    if event.style == '"' and _SURROGATE.search(text):
        raise ValueError("half of a surrogate pair is not a character")
    if event.tag:
        return _tagged_value(text, event.tag)
    return _plain_value(text) if event.implicit[0] else text


def _tagged_value(text: str, tag: str) -> Any:
    kinds = TAGS.get(tag, ())
    value = text if str in kinds else _plain_value(text)
    if type(value) not in kinds:
        raise ValueError(f"the tag {quoted(tag)} is not allowed for {described(text)}")
    return float(value) if float in kinds else value


def _plain_value(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text == "<<":
        raise ValueError("merge keys (<<) are not read")
    if text[0] in "0123456789+-." and len(text) <= _MAX_DIGITS:
        return _number(text)
    return text


def _number(text: str) -> int | float | str:
    if _INT.fullmatch(text):
        return int(text)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"expected a finite number, found {text}")
    if not _FLOAT.fullmatch(text):
        return text
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {shortened(text)} is too large")
    return value
