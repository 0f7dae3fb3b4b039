"""What a user is told when something they wrote cannot be used."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NamedTuple

KeyPath = tuple[str | int, ...]

_LONGEST_QUOTE = 60
_LONGEST_WORD_TO_MATCH = 100
_MOST_VALUES_TO_LIST = 12
# Joiners that Indic and Persian spelling needs; Python counts them as not printable.
_JOINERS = "\u200c\u200d"


class CyberrangeError(Exception):
    """A mistake that the user can put right; shown without a traceback."""


class Place(NamedTuple):
    """Where something was written; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in an input, and where.

    Parameters
    ----------
    file : str
        The file as the user named it.
    line, column : int
        Counted from 1; a line of 0 means the file as a whole.
    path : str
        The place inside the document, such as ``services.water.needs[0]``.
    message : str
        What is wrong, in plain words, without a closing full stop.
    hint : str
        A sentence that helps to put it right.
    severity : {"error", "warning"}
        Whether the input can be used all the same.

    Examples
    --------
    >>> print(Problem("a.yaml", 9, 16, "needs[0]", "unknown asset 'pmup'", "Did you mean 'pump'?"))
    a.yaml:9:16: needs[0]: unknown asset 'pmup'. Did you mean 'pump'?
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """Return the problem on one line."""
        position = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        warning = "warning" if self.severity == "warning" else ""
        parts = [part for part in (position, warning, self.path, self.message) if part]
        return printable(_with_hint(": ".join(parts), self.hint.strip()))


class InputError(CyberrangeError):
    """An input that cannot be used, with everything that is wrong in it.

    Parameters
    ----------
    problems : iterable of Problem
        Kept sorted by file, line and column.

    Examples
    --------
    >>> late, early = Problem("a.yaml", 9, 1, "", "late"), Problem("a.yaml", 2, 1, "", "early")
    >>> print(InputError([late, early]))
    a.yaml:2:1: early
    a.yaml:9:1: late
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column)))
        # Pickle and SimPy rebuild an exception from its args alone.
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return all problems, one on each line."""
        return "\n".join(map(str, self.problems))


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return a hint that leads from a wrong word to the right one.

    Parameters
    ----------
    word : str
        What was written.
    allowed : iterable of str
        What could have been written.

    Returns
    -------
    str
        Empty, or a sentence that starts with a space.

    Examples
    --------
    >>> did_you_mean("pump_statoin_2", ["pump_station_1", "pump_station_2"])
    " Did you mean 'pump_station_2'?"
    >>> did_you_mean("blue", ["high", "low"])
    ' Allowed: high, low.'
    """
    values = list(allowed)
    by_folded = {value.casefold(): value for value in values}
    close = _closest(word.casefold(), by_folded)
    if close:
        return f" Did you mean {quoted(by_folded[close])}?"
    if 0 < len(values) <= _MOST_VALUES_TO_LIST:
        return f" Allowed: {', '.join(map(shortened, values))}."
    return ""


def quoted(value: object) -> str:
    r"""Return a value from a file in quotes, shortened and safe to print.

    Examples
    --------
    >>> print(quoted("bell" + chr(7)))
    'bell\x07'
    """
    return f"'{shortened(value)}'"


def shortened(value: object) -> str:
    """Return a value as printable text of at most 60 characters."""
    text = str(value)
    safe = printable(text[: _LONGEST_QUOTE + 1])
    return safe if len(safe) <= _LONGEST_QUOTE else safe[: _LONGEST_QUOTE - 1] + "…"


def described(value: object) -> str:
    """Return what a value from a file is, in plain words.

    Examples
    --------
    >>> described("abc"), described(5), described([]), described(None)
    ("text 'abc'", 'the number 5', 'a list', 'nothing')
    """
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {shortened(value)}"
        case str():
            return f"text {quoted(value)}"
        case dict():
            return "keys and values"
        case _:
            return "a list"


def shown_path(path: KeyPath) -> str:
    """Return a path as people write it.

    Examples
    --------
    >>> shown_path(("services", "water", "needs", 0))
    'services.water.needs[0]'
    """
    return "".join(map(_shown_step, path)).removeprefix(".")


def printable(text: str) -> str:
    """Escape what could break the line, colour the terminal or turn the reading direction."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _JOINERS else _escaped(c) for c in text)


def _with_hint(text: str, hint: str) -> str:
    if not hint:
        return text
    return f"{text} {hint}" if text.endswith((".", "?", "!")) else f"{text}. {hint}"


def _closest(word: str, allowed: Iterable[str]) -> str:
    # Matching takes time in the square of the length, and nobody misspells a name that long.
    if len(word) > _LONGEST_WORD_TO_MATCH:
        return ""
    return next(iter(get_close_matches(word, allowed, n=1)), "")


def _shown_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    plain = step.replace("_", "").replace("-", "").isalnum()
    return f".{shortened(step)}" if plain else f"[{quoted(step)}]"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
