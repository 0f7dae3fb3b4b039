"""Chunks of replicates on workers: processes of this machine, a cluster, or this process; none is lost to a crash.

A task is a function of a chunk that can be pickled. It gets ids and loads what it needs itself, so that little travels.
Processes are joblib's. A cluster is spoken to through its own client, because a task that kills its worker there never
comes back through joblib's dask backend (joblib 1.6 waits for it for ever).
"""

import asyncio
import os
import signal
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from cyberrange.errors import CyberrangeError, did_you_mean, quoted
from cyberrange.results.store import Chunk, Failure

Result = TypeVar("Result")

Backend = Literal["loky", "dask", "sequential"]
"""Processes of this machine, a dask cluster, or this process."""

Progress = Callable[[int, int], None]
"""Called with the number of replicates done and to do."""

_BACKENDS = ("loky", "dask", "sequential")
_CONNECT_SECONDS = 3.0
_PATIENCE_SECONDS = 10.0
_AHEAD = 2


class _WorkerDiedError(Exception):
    """Workers died, so many of them; at least one chunk in hand is lost."""

    def __init__(self, deaths: int) -> None:
        super().__init__(deaths)
        self.deaths = deaths


Results = Generator[tuple[Chunk, Any], None, None]
"""Chunks with their results, as they come."""

Play = Callable[[Callable[[Chunk], Any], Iterable[Chunk]], Results]
"""Plays chunks with a task, and yields each with its result as they come."""


def default_workers() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_chunks(
    task: Callable[[Chunk], Result],
    chunks: Iterable[Chunk],
    *,
    workers: int,
    backend: Backend = "loky",
    address: str | None = None,
    progress: Progress | None = None,
) -> Generator[tuple[Chunk, Result | Failure], None, None]:
    """Play chunks on workers and yield each with its result, in the order in which they come.

    What a worker had in hand when it died is played again, apart from all else; a chunk that kills again is halved.
    So is one in which the task fails. A replicate that fails alone, or kills its worker twice while alone, is yielded
    with a `Failure`, and the others go on.

    Parameters
    ----------
    task
        What to do with a chunk; must be importable by the workers. A `CyberrangeError` that it raises ends all.
    chunks
        What to play, no replicate twice.
    workers
        Processes of this machine; one means this process. A cluster brings its own number.
    backend
        `loky`: processes of this machine; `dask`: a cluster; `sequential`: this process.
    address
        The scheduler of the cluster, such as `tcp://10.0.0.5:8786`.
    progress
        Called with the replicates done and to do after each chunk.

    Raises
    ------
    CyberrangeError
        When the backend is unknown, or the cluster cannot be reached, has no workers or is lost.

    Examples
    --------
    >>> from cyberrange.results.store import Cell
    >>> chunks = Chunk(Cell("base", "calm_day"), 0, 9).cut(5)
    >>> [(chunk.first, result) for chunk, result in run_chunks(len, chunks, workers=1, backend="sequential")]
    [(0, 5), (5, 5)]
    """
    todo = dict.fromkeys(chunks)
    total, done = sum(map(len, todo)), 0
    with (
        _backend(backend, workers, address) as play,
        closing(_all_played(play, _Guarded(task), todo)) as played,
    ):
        for chunk, result in played:
            done += len(chunk)
            yield chunk, result
            if progress is not None:
                progress(done, total)


@dataclass(frozen=True)
class _Guarded(Generic[Result]):
    """A task whose failure is a result, so that it does not end what others play; mistakes of the user still do."""

    task: Callable[[Chunk], Result]

    def __call__(self, chunk: Chunk) -> Result | Failure:
        try:
            return self.task(chunk)
        except CyberrangeError:
            raise
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            return Failure(chunk, f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})")


def _all_played(play: Play, task: Callable[[Chunk], Any], todo: dict[Chunk, None]) -> Results:
    """Play all chunks, and again what failed or was lost, until each replicate has a result or a failure."""
    while todo:
        begun: set[Chunk] = set()
        try:
            with closing(play(task, _noted(list(todo), begun))) as played:
                for chunk, result in played:
                    del todo[chunk]
                    if isinstance(result, Failure) and len(chunk) > 1:
                        todo |= dict.fromkeys(_halves(chunk))
                    else:
                        yield chunk, result
        except _WorkerDiedError:
            for suspect in [chunk for chunk in todo if chunk in begun]:
                del todo[suspect]
                yield from _alone(play, task, suspect)


def _noted(chunks: list[Chunk], begun: set[Chunk]) -> Iterator[Chunk]:
    """Yield chunks and note which were taken; a pool that broke may go on for a moment with its own list and set."""
    for chunk in chunks:
        begun.add(chunk)
        yield chunk


def _alone(play: Play, task: Callable[[Chunk], Any], suspect: Chunk) -> Results:
    """Play a chunk that may have killed a worker with nothing beside it, so that a death can only be its own."""
    stack, deaths = [suspect], Counter[Chunk]()
    while stack:
        chunk = stack.pop()
        try:
            ((_, result),) = play(task, [chunk])
        except _WorkerDiedError as died:
            result = Failure(chunk, "killed the process that played it, more than once")
            deaths[chunk] += died.deaths
            if len(chunk) == 1 and deaths[chunk] == 1:
                stack.append(chunk)
                continue
        if isinstance(result, Failure) and len(chunk) > 1:
            stack.extend(reversed(_halves(chunk)))
        else:
            yield chunk, result


def _halves(chunk: Chunk) -> list[Chunk]:
    return chunk.cut((len(chunk) + 1) // 2)


@contextmanager
def _backend(backend: str, workers: int, address: str | None) -> Iterator[Play]:
    """Yield the function that plays chunks, and leave nothing behind."""
    if backend not in _BACKENDS:
        raise CyberrangeError(f"unknown backend {quoted(backend)}.{did_you_mean(backend, _BACKENDS)}")
    if workers < 1:
        raise CyberrangeError(f"{workers} workers: at least 1 is needed")
    if backend == "dask":
        with _cluster(address) as client:
            yield lambda task, chunks: _on_cluster(client, task, chunks)
    elif backend == "sequential" or workers == 1:
        yield lambda task, chunks: ((chunk, task(chunk)) for chunk in chunks)
    else:
        yield lambda task, chunks: _on_processes(workers, task, chunks)


def _on_processes(workers: int, task: Callable[[Chunk], Any], chunks: Iterable[Chunk]) -> Results:
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1, initializer=_leave_interrupts_to_parent):
        pool = joblib.Parallel(
            n_jobs=workers, return_as="generator_unordered", batch_size=1, pre_dispatch=_AHEAD * workers
        )
        results = pool(joblib.delayed(_with_chunk)(task, chunk) for chunk in chunks)
    try:
        # Not `yield from`: who leaves early would then leave from inside joblib, which warns of unused results.
        while (item := next(results, None)) is not None:
            yield item
    except TerminatedWorkerError as error:
        raise _WorkerDiedError(1) from error
    finally:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*could benefit from adjusting the input", category=UserWarning)
            results.close()


def _with_chunk(task: Callable[[Chunk], Any], chunk: Chunk) -> tuple[Chunk, Any]:
    return chunk, task(chunk)


def _leave_interrupts_to_parent() -> None:
    """Ctrl-C reaches every process of a terminal; the parent alone answers it, by ending its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    """Yield a client of the cluster and close it afterwards."""
    if address is None:
        raise CyberrangeError("backend 'dask' needs the address of a scheduler, such as tcp://10.0.0.5:8786")
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise CyberrangeError("backend 'dask' needs the packages dask and distributed") from error
    try:
        # In a thread of its own, for a notebook has a loop that runs already.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _knock(distributed, address)).result()
        client = distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except Exception as error:
        raise CyberrangeError(
            f"no dask scheduler answers at {quoted(address)}: {str(error) or 'it says nothing'}"
        ) from error
    try:
        _check_workers(client)
        yield client
    finally:
        client.close()


async def _knock(distributed: Any, address: str) -> None:
    """Shake hands with a scheduler; a client that gets no answer would hold up the program long after it gave up."""
    ways = distributed.Security().get_connection_args("client")
    async with asyncio.timeout(_CONNECT_SECONDS):
        comm = await distributed.core.connect(address, timeout=_CONNECT_SECONDS, **ways)
        await comm.close()


def _on_cluster(client: Any, task: Callable[[Chunk], Any], chunks: Iterable[Chunk]) -> Results:
    waiting = iter(chunks)

    def submitted(most: int) -> dict[Any, Chunk]:
        # Not pure: a chunk that is played again must not be answered from the cluster's memory.
        return {client.submit(task, chunk, pure=False): chunk for chunk in islice(waiting, most)}

    in_hand = submitted(_AHEAD * max(1, sum(client.ncores().values())))
    try:
        while in_hand:
            for future in _over(client, list(in_hand)):
                yield in_hand.pop(future), _result(future)
                in_hand |= submitted(1)
    finally:
        # What nobody waits for any more must not keep the cluster busy.
        client.cancel(list(in_hand))


def _over(client: Any, futures: list[Any]) -> Iterable[Any]:
    """Wait until some futures are over and return them; a cluster without workers is not waited for."""
    distributed: Any = import_module("distributed")
    while True:
        try:
            with client.as_current():
                done: set[Any] = distributed.wait(futures, _PATIENCE_SECONDS, "FIRST_COMPLETED").done
            return done
        except TimeoutError:
            _check_workers(client)
        except CancelledError as error:
            raise CyberrangeError(f"lost the dask scheduler at {quoted(client.scheduler.address)}") from error


def _check_workers(client: Any) -> None:
    try:
        client.wait_for_workers(1, timeout=_PATIENCE_SECONDS)
    except TimeoutError as error:
        raise CyberrangeError(f"the dask scheduler at {quoted(client.scheduler.address)} has no workers") from error


def _result(future: Any) -> Any:
    try:
        return future.result()
    except import_module("distributed").KilledWorker as error:
        # The scheduler gives up on what killed one worker after the other, by default four.
        raise _WorkerDiedError(error.allowed_failures + 1) from error
