"""Ids that lead nowhere, and chains of ids that lead back to where they began."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from cyberrange.errors import KeyPath, Problem, did_you_mean, quoted
from cyberrange.inputs.document import Document

_MOST_TO_COMPARE = 5_000
"""Likeness to each of a hundred thousand ids would take longer than anybody waits for a hint."""
_MOST_CYCLES = 20
_LONGEST_CYCLE_TO_SHOW = 12


def unknown(document: Document, path: KeyPath, what: str, word: str, known: Collection[str]) -> Problem:
    """Return a problem with an id that does not exist, and the id that may have been meant."""
    return document.problem(path, f"unknown {what} {quoted(word)}", hint_for(word, known))


def unknown_key(document: Document, path: KeyPath, what: str, known: Collection[str]) -> Problem:
    """Return a problem with an id that stands as a key: the last one of the path."""
    word = str(path[-1])
    return document.key_problem(path, f"unknown {what} {quoted(word)}", hint_for(word, known))


def each_unknown(
    document: Document, path: KeyPath, what: str, words: Iterable[str], known: Collection[str]
) -> Iterator[Problem]:
    """Yield a problem for each id in a list that does not exist."""
    for i, word in enumerate(words):
        if word not in known:
            yield unknown(document, (*path, i), what, word, known)


def hint_for(word: str, known: Collection[str]) -> str:
    """Return the id that may have been meant, as a sentence."""
    return did_you_mean(word, known) if len(known) <= _MOST_TO_COMPARE else ""


def repeated(words: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield each word that has stood in the list before, and its place.

    Examples
    --------
    >>> list(repeated(["north", "south", "north"]))
    [(2, 'north')]
    """
    seen: set[str] = set()
    for i, word in enumerate(words):
        if word in seen:
            yield i, word
        seen.add(word)


def cycles(after: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Yield cycles that share no member, each from its first member in the mapping's order, up to twenty.

    Parameters
    ----------
    after : mapping of str to iterable of str
        What each thing waits for.

    Examples
    --------
    >>> list(cycles({"a": ["c"], "b": ["a"], "c": ["b", "d"], "d": []}))
    [['a', 'c', 'b']]
    """
    rest = {name: [other for other in others if other in after] for name, others in after.items()}
    for _ in range(_MOST_CYCLES):
        found = _one_cycle(rest)
        if not found:
            return
        yield found
        gone = set(found)
        rest = {name: [o for o in others if o not in gone] for name, others in rest.items() if name not in gone}


def _one_cycle(after: Mapping[str, Iterable[str]]) -> list[str]:
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        # Each member waits for the one before it, and the last one is the first.
        cycle: list[str] = error.args[1][:0:-1]
        places = {name: i for i, name in enumerate(after)}
        start = min(range(len(cycle)), key=lambda i: places[cycle[i]])
        return cycle[start:] + cycle[:start]
    return []


def shown_cycle(cycle: list[str]) -> str:
    """Return a cycle as people read it, the first member again at its end.

    Examples
    --------
    >>> shown_cycle(["power", "telecom"])
    'power -> telecom -> power'
    """
    if len(cycle) > _LONGEST_CYCLE_TO_SHOW:
        kept = _LONGEST_CYCLE_TO_SHOW - 2
        return " -> ".join([*cycle[:kept], f"({len(cycle) - kept - 1} more)", cycle[-1], cycle[0]])
    return " -> ".join([*cycle, cycle[0]])
