"""A record to YAML text that people like to read, and to a file."""

import math
import os
import secrets
import textwrap
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from cyberrange.errors import CyberrangeError, printable

_WIDTH = 100
# What this reader, or another one that follows YAML 1.1, would take for something else than text.
_WORDS = {"", "null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def to_yaml(record: BaseModel) -> str:
    """Return a record as YAML that reads back as an equal record.

    Values that equal their default are left out. The tag of a tagged union must therefore have no
    default.

    Parameters
    ----------
    record : BaseModel
        What to write.

    Returns
    -------
    str
        Block style in the order of the fields; the same text for the same record.

    Raises
    ------
    CyberrangeError
        When a number is infinite or not a number.

    Examples
    --------
    >>> class Pump(BaseModel):
    ...     name: str
    ...     feeds: tuple[str, ...] = ()
    >>> print(to_yaml(Pump(name="North: 2", feeds=("ward_1", "ward_2"))), end="")
    name: "North: 2"
    feeds: [ward_1, ward_2]
    """
    values = record.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    lines = _block(values, _WIDTH) if values else ["{}"]
    return "".join(f"{line.rstrip(' ')}\n" for line in lines)


def save(record: BaseModel, path: Path | str) -> None:
    """Write a record to a YAML file: whole or not at all.

    Parameters
    ----------
    record : BaseModel
        What to write.
    path : Path or str
        The file, which is replaced if it exists.

    Raises
    ------
    CyberrangeError
        When the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> class Pump(BaseModel):
    ...     litres: float
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Pump(litres=12.5), f"{folder}/pump.yaml")
    ...     print(Path(folder, "pump.yaml").read_text(), end="")
    litres: 12.5
    """
    content = to_yaml(record).encode()
    target = Path(path).resolve()
    draft = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        draft.write_bytes(content)
        os.replace(draft, target)
    except OSError as error:
        raise CyberrangeError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            draft.unlink()


def _block(value: dict[str, Any] | list[Any], room: int) -> list[str]:
    """Return the lines of a mapping or list that is not empty, in so many columns."""
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _entry(key, item, room)]
    return [line for item in value for line in _list_item(item, room)]


def _entry(key: str, item: Any, room: int) -> list[str]:
    head = f"{_text(key, flow=False)}:"
    one_line = _one_line(item, room - len(head) - 1)
    if one_line is not None:
        return [f"{head} {one_line}"]
    if isinstance(item, str):
        return _paragraph(head, item, room)
    return [head, *_indented(_block(item, room - 2))]


def _list_item(item: Any, room: int) -> list[str]:
    one_line = _one_line(item, room - 2)
    if one_line is not None:
        return [f"- {one_line}"]
    if isinstance(item, str):
        return _paragraph("-", item, room)
    first, *rest = _block(item, room - 2)
    return [f"- {first}", *_indented(rest)]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _one_line(item: Any, room: int) -> str | None:
    """Return a value as one line, or nothing where several lines read better."""
    if isinstance(item, str):
        return None if _is_literal(item) or _is_folded(item, room) else _text(item, flow=False)
    if isinstance(item, dict):
        return None if item else "{}"
    if isinstance(item, list):
        return _flow_list(item, room)
    return _number_or_word(item)


def _flow_list(items: list[Any], room: int) -> str | None:
    if any(isinstance(item, dict | list) for item in items):
        return None
    texts = [_text(i, flow=True) if isinstance(i, str) else _number_or_word(i) for i in items]
    line = f"[{', '.join(texts)}]"
    return line if len(line) <= room or not items else None


def _number_or_word(value: float | bool | None) -> str:
    if isinstance(value, float):
        return _float(value)
    return "null" if value is None else str(value).lower()


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise CyberrangeError(f"the number {value} cannot be written: it is not finite")
    text = repr(value)
    # Readers of YAML 1.1 take 1e-05 for text.
    return text if "." in text else text.replace("e", ".0e")


def _text(text: str, *, flow: bool) -> str:
    if _is_plain(text) and not (flow and any(c in text for c in ",[]{}")):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(escaped)}"'


def _is_plain(text: str) -> bool:
    """Whether text needs no quotes; some that would do without them get them."""
    first = text[:1]
    return (
        # With a space and no colon it can be neither a number nor a date: 4.5 h.
        (first.isalpha() or (first.isdigit() and " " in text))
        and not text.endswith(" ")
        and not any(c in text for c in ":#")
        and text.casefold() not in _WORDS
        and _is_printable(text)
    )


def _is_printable(text: str) -> bool:
    return text == printable(text)


def _is_literal(text: str) -> bool:
    """Whether text of several lines can stand as it is."""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text
        and lines[0][:1].strip() != ""
        and lines[-1] != ""
        and all(_is_printable(line) and not line.endswith(" ") for line in lines)
    )


def _is_folded(text: str, room: int) -> bool:
    """Whether text is too long for a line and can be broken at its spaces."""
    return len(text) > room and _is_printable(text) and text.split() == text.split(" ")


def _paragraph(head: str, text: str, room: int) -> list[str]:
    if "\n" in text:
        lines = text.removesuffix("\n").split("\n")
        return [f"{head} {'|' if text.endswith(chr(10)) else '|-'}", *_indented(lines)]
    lines = textwrap.wrap(text, room - 2, break_long_words=False, break_on_hyphens=False)
    return [f"{head} >-", *_indented(lines)]
