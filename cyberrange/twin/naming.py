"""Ids, words and shares: what a record needs that an engineer's network does not have."""

import math
import re
from collections.abc import Iterable, Sequence

MOST_NAMED = 6


class Ids:
    """Ids made of names that may hold anything and differ only in signs or case.

    Examples
    --------
    >>> ids = Ids()
    >>> ids.of("pump", "~@Pump-1"), ids.of("pump", "PUMP 1"), ids.of("pump", "~@Pump-1")
    ('pump_pump_1', 'pump_pump_1_2', 'pump_pump_1')
    """

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()

    def of(self, kind: str, name: str) -> str:
        """Return the one id of a thing."""
        if (kind, name) not in self._given:
            self._given[kind, name] = self._new(f"{kind}_{slug(name)}")
        return self._given[kind, name]

    def _new(self, wanted: str) -> str:
        found, number = wanted, 1
        while found in self._taken:
            number += 1
            found = f"{wanted}_{number}"
        self._taken.add(found)
        return found


def slug(name: str) -> str:
    """Return a name as part of an id.

    Examples
    --------
    >>> slug("~@Pump-1")
    'pump_1'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40].strip("_") or "x"


def listed(noun: str, names: Sequence[str]) -> str:
    """Return things by name, the first few of many.

    Examples
    --------
    >>> listed("tank", ["1"]), listed("tank", ["1", "2", "3"])
    ('tank 1', 'tanks 1, 2 and 3')
    """
    if len(names) == 1:
        return f"{noun} {names[0]}"
    more = len(names) - MOST_NAMED
    last = f"{more} more" if more > 0 else names[-1]
    return f"{noun}s {', '.join(names[:-1][:MOST_NAMED])} and {last}"


def counted(number: int, noun: str) -> str:
    """Return a number of things.

    Examples
    --------
    >>> counted(1, "tank"), counted(3, "tank")
    ('1 tank', '3 tanks')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shares(amounts: dict[str, float]) -> dict[str, float]:
    """Return amounts as shares of few digits that add up to 1 to the last bit.

    Examples
    --------
    >>> shares({"lake": 908.5, "river": 3179.7})
    {'lake': 0.222, 'river': 0.778}
    """
    found: dict[str, float] = {}
    for parts in (1000, 1024):  # sums of powers of two are exact
        found = {key: n / parts for key, n in _rounded(amounts, parts).items() if n}
        if _added(found.values()) == 1:
            break
    return found


def _added(numbers: Iterable[float]) -> float:
    # One after the other, as the engines do: `sum` of newer Pythons corrects its own rounding.
    total = 0.0
    for number in numbers:
        total += number
    return total


def _rounded(amounts: dict[str, float], parts: int) -> dict[str, int]:
    """Return whole numbers in proportion that add up to so many parts (largest remainders)."""
    total = sum(amounts.values())
    exact = {key: parts * amount / total for key, amount in amounts.items()}
    whole = {key: math.floor(number) for key, number in exact.items()}
    left = parts - sum(whole.values())
    for key in sorted(exact, key=lambda key: whole[key] - exact[key])[:left]:
        whole[key] += 1
    return whole
