"""Cheap tasks for the tests of workers and sweeps, and a sweep as a program of its own that can be killed."""

import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import cyberrange as cr
from cyberrange.inputs.city import City
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.model.build import Plan, compile_plan
from cyberrange.results.store import Cell, Chunk, Store
from cyberrange.study.sweep import sweep

SPEC = {"seed": 7, "name": "cheap"}
CELLS = tuple(Cell(design, scenario) for design in ("b", "a") for scenario in ("calm", "storm"))
REPLICATES = 30


def numbers(cell: Cell, first: int, last: int) -> dict[str, list[float]]:
    """Two measures of each replicate that depend on its key alone."""
    digests = [hashlib.sha256(f"{cell}{r}".encode()).digest() for r in range(first, last + 1)]
    return {
        "loss": [int.from_bytes(digest[:8], "big") / 3 for digest in digests],
        "level": [int.from_bytes(digest[8:16], "big") / 2.0**64 for digest in digests],
    }


@dataclass(frozen=True)
class Slow:
    """The numbers, after some seconds for each replicate."""

    seconds: float = 0.0

    def __call__(self, cell: Cell, first: int, last: int, /) -> dict[str, list[float]]:
        time.sleep(self.seconds * (last - first + 1))
        return numbers(cell, first, last)


@dataclass(frozen=True)
class Deadly:
    """Kills its process when it plays one replicate; with a file to leave behind, only the first time."""

    replicate: int
    once: str = ""

    def __call__(self, cell: Cell, first: int, last: int, /) -> dict[str, list[float]]:
        if cell == CELLS[0] and first <= self.replicate <= last and not (self.once and os.path.exists(self.once)):
            if self.once:
                Path(self.once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return numbers(cell, first, last)


@dataclass(frozen=True)
class Broken:
    """Fails on some replicates of one cell."""

    replicates: tuple[int, ...]

    def __call__(self, cell: Cell, first: int, last: int, /) -> dict[str, list[float]]:
        if cell == CELLS[0] and (bad := [r for r in self.replicates if first <= r <= last]):
            raise ZeroDivisionError(f"no luck with {bad[0]}")
        return numbers(cell, first, last)


@dataclass(frozen=True)
class OfChunk:
    """A task of a cell as a task of a chunk, for workers without a store."""

    task: Any

    def __call__(self, chunk: Chunk) -> dict[str, list[float]]:
        """Play the chunk."""
        result: dict[str, list[float]] = self.task(chunk.cell, chunk.first, chunk.last)
        return result


def threads(_: Chunk) -> list[str | None]:
    """How many threads libraries may start in this process."""
    return [os.environ.get(f"{library}_NUM_THREADS") for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")]


def planner_mistake(_: Chunk) -> None:
    """Raise what a user can put right."""
    raise cr.CyberrangeError("the city lacks a pump")


def plans_of(spec: dict[str, Any]) -> Callable[[Cell], Plan]:
    """What compiles the plan of a cell, from records that stand whole in the spec."""
    city = City.model_validate(spec["city"])

    def plan_of(cell: Cell) -> Plan:
        scenario = Scenario.model_validate(spec["scenarios"][cell.scenario])
        return compile_plan(city, scenario, Posture.model_validate(spec["designs"][cell.design]))

    return plan_of


def shipped_spec() -> dict[str, Any]:
    """A calm day in Kasba under two postures, with all records whole."""
    records = {
        "city": cr.load_city("kasba"),
        "scenarios": {"calm_day": cr.load_scenario("calm_day")},
        "designs": {name: cr.load_posture(name) for name in ("vendor_reliant", "inhouse_ciso")},
    }

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return value.model_dump(mode="json", by_alias=True)

    return {"seed": 7, **plain(records)}


def digest(store: Store) -> str:
    """A hash of all rows, bit by bit, in their order."""
    frame = store.read()
    keys = frame[["design", "scenario", "replicate"]].to_csv().encode()
    bits = np.ascontiguousarray(frame[["loss", "level"]].to_numpy()).tobytes()
    return hashlib.sha256(keys + bits).hexdigest()


def main(folder: str, workers: str, seconds: str, stall_at: str) -> None:
    """Sweep, telling how far it is; stand still for ever before the chunk with a given number gets its name."""
    replace, written = os.replace, []

    def stalling(source: str, target: str) -> None:
        written.append(target)
        if len(written) == int(stall_at):
            print("stalled", flush=True)
            time.sleep(600)
        replace(source, target)

    store = Store(folder, SPEC)
    os.replace = stalling
    try:
        sweep(store, CELLS, REPLICATES, Slow(float(seconds)), workers=int(workers), progress=_tell)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        raise SystemExit(130) from None


def _tell(done: int, total: int) -> None:
    print(done, total, flush=True)


if __name__ == "__main__":
    from tests.study.tasks import main as importable  # so that workers find the tasks by name

    importable(*sys.argv[1:])
