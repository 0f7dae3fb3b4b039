"""Play the cells of a study into its store, chunk by chunk; what is there already is not played again.

Workers write what they play themselves, so a crash loses at most the chunks in hand. How the replicates are cut is
settled by how long a few of them take, and shows in no row.
"""

import math
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from cyberrange.errors import CyberrangeError
from cyberrange.model.build import Plan
from cyberrange.results.store import Cell, Chunk, Failure, Ignored, Rows, Store, hash_of, read_spec, told, write_chunk
from cyberrange.study.runner import Engine, play
from cyberrange.study.workers import Backend, Progress, run_chunks

_PILOT = 16
_SECONDS_PER_CHUNK = 1.0
_MOST_ROWS = 100_000
_CHUNKS_PER_WORKER = 4
_MOST_FAILURES = 100


_Build = Callable[[dict[str, Any]], Callable[[Cell], Plan]]


class Task(Protocol):
    """Plays replicates `first` to `last` (included) of a cell; pickled, so it should hold ids and a path, not data."""

    def __call__(self, cell: Cell, first: int, last: int, /) -> Rows:
        """Return the measures of each replicate in order."""
        ...


class Swept(NamedTuple):
    """What came of a sweep.

    Attributes
    ----------
    rows
        Replicates in the store, of those that were asked for.
    failures
        Replicates that could not be played, each with the reason; the store lacks them.
    ignored
        Files among the runs that were not trusted, each with the reason; what they may have held was played again.
    """

    rows: int
    failures: tuple[Failure, ...]
    ignored: tuple[Ignored, ...]


@dataclass(frozen=True)
class PlayCells:
    """A task that plays compiled plans, made in each worker from the frozen spec and kept there.

    Parameters
    ----------
    folder
        The folder of the study.
    spec_hash
        `Store.spec_hash` of the study.
    build
        Makes from the spec, which holds the `seed`, what compiles the plan of a cell; importable by the workers.
    engine
        `compiled` or `live`; compile the rules before the workers start, or each of them will.
    """

    folder: str
    spec_hash: str
    build: _Build
    engine: Engine = "compiled"

    def __call__(self, cell: Cell, first: int, last: int, /) -> Rows:
        """Play replicates `first` to `last` of a cell."""
        plan, seed = _plan(self.folder, self.spec_hash, self.build, cell)
        rows: Rows = play(plan, seed, first, last + 1, self.engine)
        return rows


def sweep(
    store: Store,
    cells: Iterable[Cell],
    replicates: int,
    task: Task,
    *,
    workers: int,
    backend: Backend = "loky",
    address: str | None = None,
    progress: Progress | None = None,
) -> Swept:
    """Play what the store lacks of replicates 0 to `replicates` - 1 of each cell, and return when all is stored.

    Stopped at any moment, by Ctrl-C, a crash or a full disk, it goes on from there when called again; the rows are the
    same to the bit as if it had never stopped, on any number of workers.

    Parameters
    ----------
    store
        Where the rows go. Workers on other machines must see its folder.
    cells, replicates
        What the study should hold.
    task
        Plays some replicates of a cell: the same replicate must always give the same row.
    workers, backend, address
        As for `cyberrange.study.workers.run_chunks`.
    progress
        Called with the replicates stored and to be stored, those counted that were there already.

    Raises
    ------
    CyberrangeError
        When the disk is full, the cluster is lost, the workers do not see the folder, or more than 100 replicates fail.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> def task(cell, first, last):
    ...     return {"loss": [r / 2 for r in range(first, last + 1)]}
    >>> with TemporaryDirectory() as folder:
    ...     store = Store(folder, {"seed": 7})
    ...     swept = sweep(store, [Cell("base", "calm_day")], 3, task, workers=1)
    ...     print(swept.rows, list(store.read()["loss"]))
    3 [0.0, 0.5, 1.0]
    """
    cells = tuple(dict.fromkeys(cells))
    ledger = _Ledger(store, cells, replicates, progress)
    write = _Write(str(store.folder.absolute()), store.spec_hash, task)
    ledger.report()

    def play_all(what: Callable[[Chunk], float], chunks: Iterable[Chunk]) -> dict[str, float]:
        seconds = {}
        with closing(run_chunks(what, chunks, workers=workers, backend=backend, address=address)) as results:
            for chunk, result in results:
                ledger.note(chunk, result)
                if not isinstance(result, Failure):
                    seconds[chunk.cell.scenario] = result
        return seconds

    seconds = play_all(_Timed(write), _pilots(ledger.holes()))
    play_all(write, _cut(ledger.holes(), seconds, workers))
    if left := ledger.holes():
        raise CyberrangeError(
            f"workers played {told(left[0])}, but it is not in {store.folder}: every worker must see that folder"
        )
    return Swept(ledger.done, tuple(ledger.failures), store.ignored())


@dataclass
class _Ledger:
    """What is stored, what failed, and who is told."""

    store: Store
    cells: tuple[Cell, ...]
    replicates: int
    progress: Progress | None
    failures: list[Failure] = field(default_factory=list)
    done: int = 0

    def __post_init__(self) -> None:
        self.done = len(self.cells) * self.replicates - sum(map(len, self.holes()))

    def holes(self) -> list[Chunk]:
        """Return what is neither stored nor known to fail."""
        failed = [failure.chunk for failure in self.failures]
        return [part for hole in self.store.missing(self.cells, self.replicates) for part in hole.without(failed)]

    def note(self, chunk: Chunk, result: float | Failure) -> None:
        """Count a chunk that was played, or put on record that it could not be."""
        if not isinstance(result, Failure):
            self.done += len(chunk)
            self.report()
            return
        self.store.record_failure(result)
        self.failures.append(result)
        if len(self.failures) > _MOST_FAILURES:
            first, message = self.failures[0]
            raise CyberrangeError(f"more than {_MOST_FAILURES} replicates failed, first {told(first)}: {message}")

    def report(self) -> None:
        """Tell how far the study is."""
        if self.progress is not None:
            self.progress(self.done, len(self.cells) * self.replicates)


@dataclass(frozen=True)
class _Write:
    """Plays a chunk and writes it, in the worker; only the time it took travels."""

    folder: str
    spec_hash: str
    task: Task

    def __call__(self, chunk: Chunk) -> float:
        start = time.perf_counter()
        write_chunk(self.folder, self.spec_hash, chunk, self.task(chunk.cell, chunk.first, chunk.last))
        return time.perf_counter() - start


@dataclass(frozen=True)
class _Timed:
    """Plays a chunk after it played the first replicate once, and returns the seconds for each replicate."""

    write: _Write

    def __call__(self, chunk: Chunk) -> float:
        self.write.task(chunk.cell, chunk.first, chunk.first)  # the first one of a cell also builds its plan
        return self.write(chunk) / len(chunk)


def _pilots(holes: list[Chunk]) -> list[Chunk]:
    """Return a few replicates of each scenario: what a replicate costs depends on the scenario most."""
    firsts = {hole.cell.scenario: hole.cut(_PILOT)[0] for hole in reversed(holes)}
    return list(firsts.values())


def _cut(holes: list[Chunk], seconds: dict[str, float], workers: int) -> list[Chunk]:
    """Cut holes into chunks of about a second, and into enough of them to keep all workers busy to the end."""
    fair = math.ceil(sum(map(len, holes)) / (_CHUNKS_PER_WORKER * workers))

    def size(scenario: str) -> int:
        wanted = _SECONDS_PER_CHUNK / max(seconds.get(scenario, _SECONDS_PER_CHUNK), _SECONDS_PER_CHUNK / _MOST_ROWS)
        return max(1, min(round(wanted), fair))

    return [part for hole in holes for part in hole.cut(size(hole.cell.scenario))]


@lru_cache(maxsize=64)
def _plan(folder: str, spec_hash: str, build: _Build, cell: Cell) -> tuple[Plan, int]:
    compile_cell, seed = _opened(folder, spec_hash, build)
    return compile_cell(cell), seed


@lru_cache(maxsize=2)
def _opened(folder: str, spec_hash: str, build: _Build) -> tuple[Callable[[Cell], Plan], int]:
    spec = read_spec(folder)
    if hash_of(spec) != spec_hash:
        raise CyberrangeError(f"{folder} holds another study than the one that is being played")
    return build(spec), int(spec["seed"])
