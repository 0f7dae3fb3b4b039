"""The books of finished replicates: all that measures are taken from, the same from either engine."""

from dataclasses import astuple
from typing import Any, NamedTuple

import numpy as np

from cyberrange.engine.state import STATE_ROWS, State
from cyberrange.model.plan import dtype_of


class Books(NamedTuple):
    """Parts of the final states of n replicates, with n rows each; see `cyberrange.engine.state.State`.

    `accounts` (n, services) and `crews` (n, teams) are structured, with the columns of `Account` and `Crew`; the others
    are vectors of the state, one a row.
    """

    accounts: Any
    crews: Any
    case_time: Any
    case_sum: Any
    count: Any
    instant: Any
    total: Any


def books_of(state: State) -> Books:
    """Return the books of the live engine's one replicate."""
    parts: dict[str, Any] = {}
    for name in Books._fields:
        part = getattr(state, name)
        if name in STATE_ROWS:
            rows = [astuple(row) for row in part]
            parts[name] = np.array(rows, dtype=dtype_of(STATE_ROWS[name])).reshape(1, -1)
        else:
            parts[name] = np.array([part])
    return Books(**parts)
