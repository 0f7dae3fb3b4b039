"""How a plan and a state lie in memory for the compiled rules: NumPy arrays, and the list of slots that leads to them.

The same description serves both sides: `fields_of` says which tables, vectors and bundles a NamedTuple has, `slots_of`
writes their addresses and sizes, and `cyberrange.engine.lowering` reads them.
"""

from collections.abc import Mapping
from dataclasses import astuple, fields
from itertools import pairwise
from typing import Any, NamedTuple, get_type_hints

import numpy as np

from cyberrange.engine.books import Books
from cyberrange.engine.kernel import CLOCK_COUNTERS, CLOCK_ROWS, Clock, Memory, Pending
from cyberrange.engine.state import GROWING, STATE_ROWS, VECTORS, State, sizes
from cyberrange.model.plan import ROWS, Arrays, Calendars, Floats, Settings, Uses, dtype_of

WORD = 8
"""Bytes of every column."""
BUNDLES = (Calendars, Uses)
_ROWS_OF: dict[type, dict[str, type]] = {Arrays: ROWS, State: STATE_ROWS, Clock: CLOCK_ROWS}


class Field(NamedTuple):
    """A field of a bundle: its name, the first of its slots, and what it is.

    `row` is the row class of a table or of a single row, `bundle` the class of a bundle within, `real` whether a vector
    holds doubles.
    """

    name: str
    slot: int
    row: type | None = None
    single: bool = False
    bundle: type | None = None
    real: bool = False


def fields_of(record: type) -> list[Field]:
    """Return the fields of `Arrays`, `State`, `Clock`, `Memory`, `Calendars` or `Uses` in order, with their slots."""
    found: list[Field] = []
    slot = 0
    for name, hint in get_type_hints(record).items():
        row = _ROWS_OF.get(record, {}).get(name)
        if hint in BUNDLES:
            found.append(Field(name, slot, bundle=hint))
        elif hint is Settings:
            found.append(Field(name, slot, row=Settings, single=True))
        else:
            found.append(Field(name, slot, row=row, real=hint == Floats))
        slot += slots_needed(found[-1])
    return found


def slots_needed(field: Field) -> int:
    """Return how many slots a field takes."""
    return 2 if field.bundle is None else sum(slots_needed(inner) for inner in fields_of(field.bundle))


def columns_of(row: type) -> tuple[tuple[str, str], ...]:
    """Return the columns of a row class as (name, `i` or `f`)."""
    if row is Settings:
        return tuple((name, "f" if hint is float else "i") for name, hint in get_type_hints(row).items())
    return tuple((f.name, "f" if f.type in (float, "float") else "i") for f in fields(row))


def memory_of_plan(arrays: Arrays) -> tuple[Any, list[Any]]:
    """Return the slots of a plan and the arrays that they lead to, which must live as long as the slots are used."""
    settings = np.zeros(1, dtype=[(name, f"{kind}8") for name, kind in columns_of(Settings)])
    settings[0] = tuple(arrays.settings)
    kept: list[Any] = []
    for field in fields_of(Arrays):
        value = getattr(arrays, field.name)
        if field.bundle is not None:
            kept.extend(np.ascontiguousarray(getattr(value, inner.name)) for inner in fields_of(field.bundle))
        else:
            kept.append(settings if field.single else np.ascontiguousarray(value))
    return slots_of(kept), kept


def slots_of(arrays: list[Any]) -> Any:
    """Return address and length of each array, one after the other."""
    return np.array([word for a in arrays for word in (a.ctypes.data, len(a))], dtype=np.int64)


class StateMemory(NamedTuple):
    """The state of one run in memory.

    All that has a fixed size lies in one piece, the books first; the tables that grow lie apart, with their room. What
    is there before the first run is anything: `kernel.set_back` makes it a state.
    """

    slots: Any
    memory: Memory
    memory_slots: Any
    views: State
    """The same memory, as arrays by name."""
    books: dict[str, tuple[int, int, np.dtype[Any]]]
    """Where in `memory.fixed` each part of the books lies, from and to, and its type."""

    @property
    def size_of_books(self) -> int:
        """Words at the beginning of the memory that hold the books."""
        return max(end for _, end, _ in self.books.values())


def memory_of_state(arrays: Arrays, room: Mapping[str, int]) -> StateMemory:
    """Lay out the state of a plan, with room for so many rows of each growing table."""
    size = {**sizes(arrays), **room}
    kinds = {field.name: _dtype(field) for field in fields_of(State)}
    names = sorted((name for name in kinds if name not in GROWING), key=lambda name: name not in Books._fields)
    widths = {name: kinds[name].itemsize // WORD for name in names}
    ends = np.cumsum([widths[name] * size[name] for name in names]).tolist()
    places = dict(zip(names, pairwise([0, *ends]), strict=True))
    fresh = [_fresh_row(name, kinds[name]) for name in names]
    starts = np.cumsum([0, *map(len, fresh)]).tolist()
    tables = [(places[name][0], size[name], widths[name], start) for name, start in zip(names, starts, strict=False)]
    parts: list[Any] = [np.empty(ends[-1], np.int64), np.concatenate(fresh), np.array(tables, np.int64).ravel()]
    memory: Any = Memory(*parts)
    views: dict[str, Any] = {name: memory.fixed[first:end].view(kinds[name]) for name, (first, end) in places.items()}
    views |= {name: np.empty(size[name], dtype=kinds[name]) for name in GROWING}
    state = State(**views)
    books = {name: (*places[name], kinds[name]) for name in names if name in Books._fields}
    return StateMemory(slots_of(list(state)), memory, slots_of(list(memory)), state, books)


def _fresh_row(name: str, kind: np.dtype[Any]) -> Any:
    """Return a row of a table at hour 0, or an element of a vector, as words."""
    row = np.empty(1, dtype=kind)
    row[0] = astuple(STATE_ROWS[name]()) if name in STATE_ROWS else VECTORS[name]
    return row.view(np.int64)


def memory_of_clock(room: int, lines: int) -> tuple[Any, Clock]:
    """Return the slots and the arrays of an event heap with so much room, and of the hours of so many lines."""
    heap = np.empty(room, dtype=dtype_of(Pending))
    clock = Clock(heap, np.zeros(lines), np.zeros(CLOCK_COUNTERS, dtype=np.int64))  # type: ignore[arg-type]
    return slots_of(list(clock)), clock


def _dtype(field: Field) -> np.dtype[Any]:
    if field.row is not None:
        return dtype_of(field.row)
    return np.dtype(np.float64 if field.real else np.int64)
