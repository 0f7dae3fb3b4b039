"""Whatever ends a sweep (a kill, Ctrl-C, a full disk, a deadly replicate), the store is sound and the rest goes on."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from cyberrange.errors import CyberrangeError
from cyberrange.results.store import Chunk, Failure, Store, write_chunk
from cyberrange.study.sweep import sweep
from cyberrange.study.workers import run_chunks
from tests.study.tasks import CELLS, REPLICATES, SPEC, Deadly, OfChunk, Slow, digest, numbers

REPOSITORY = Path(__file__).parents[2]
ALL = len(CELLS) * REPLICATES
PATIENCE = 60

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> str:
    """The bits of the whole study, written without a sweep."""
    store = Store(tmp_path_factory.mktemp("study"), SPEC)
    for cell in CELLS:
        write_chunk(store.folder, store.spec_hash, Chunk(cell, 0, REPLICATES - 1), numbers(cell, 0, REPLICATES - 1))
    return digest(store)


@contextmanager
def sweeping(folder: Path, *, workers: int, seconds: float, stall_at: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A sweep in a process and a session of its own, as from a terminal; whatever is left of it ends with the test."""
    command = [sys.executable, "-m", "tests.study.tasks", str(folder), str(workers), str(seconds), str(stall_at)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def until(process: subprocess.Popen[str], line: str) -> None:
    """Read what a sweep tells until a line comes."""
    assert process.stdout is not None
    for told in process.stdout:
        if told.strip() == line:
            return
    raise AssertionError(f"the sweep ended before it said {line!r}")


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if "popen_loky" in Path(f"/proc/{pid}/cmdline").read_text()]


def nothing_left_of(process: subprocess.Popen[str]) -> bool:
    """Wait until no process of a session runs any more; one that is dead but not buried does not."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        fields = [text.rpartition(")")[2].split() for text in map(_text, Path("/proc").glob("[0-9]*/stat"))]
        if not any(field[0] != "Z" and field[3] == str(process.pid) for field in fields if field):
            return True
        time.sleep(0.05)
    return False


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text()
    return ""


def resumed(folder: Path) -> tuple[int, str]:
    """Open a store again, see that nothing in it is broken, and finish it; return what was there and the bits."""
    store = Store(folder, SPEC)
    there = ALL - sum(map(len, store.missing(CELLS, REPLICATES)))
    assert not list(folder.rglob("*.tmp"))
    assert store.ignored() == ()
    assert sweep(store, CELLS, REPLICATES, Slow(), workers=1) == (ALL, (), ())
    return there, digest(store)


# --- kill -9 of the whole program ----------------------------------------------------------------


def test_a_sweep_killed_while_it_writes_a_chunk_loses_that_chunk_alone(tmp_path: Path, expected: str) -> None:
    with sweeping(tmp_path, workers=1, seconds=0.0, stall_at=4) as process:
        until(process, "stalled")
        assert list(tmp_path.rglob("*.tmp"))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        assert len(list(tmp_path.rglob("*.parquet"))) == 3
        there, bits = resumed(tmp_path)
    assert 0 < there < ALL
    assert bits == expected


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_sweep_killed_at_any_moment_goes_on_to_the_same_bits(tmp_path: Path, expected: str, workers: int) -> None:
    moments, there = np.random.default_rng([workers, 1]).uniform(0.0, 0.4, 3), 0
    for moment in moments:
        with sweeping(tmp_path, workers=workers, seconds=0.01) as process:
            until(process, f"{there} {ALL}")
            time.sleep(moment)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)
            left = ALL - sum(map(len, Store(tmp_path, SPEC).missing(CELLS, REPLICATES)))
            assert left >= there
        # Workers may have outlived their parent until now, and have written what they had in hand.
        there = ALL - sum(map(len, Store(tmp_path, SPEC).missing(CELLS, REPLICATES)))
    assert resumed(tmp_path)[1] == expected


# --- kill -9 of a worker -------------------------------------------------------------------------


def test_what_a_killed_worker_had_in_hand_is_played_again(tmp_path: Path, expected: str) -> None:
    store = Store(tmp_path / "study", SPEC)
    task = Deadly(20, once=str(tmp_path / "died"))
    assert sweep(store, CELLS, REPLICATES, task, workers=2) == (ALL, (), ())
    assert (tmp_path / "died").exists()
    assert digest(store) == expected


@needs_proc
@pytest.mark.slow
def test_workers_killed_from_outside_cost_nothing(tmp_path: Path, expected: str) -> None:
    with sweeping(tmp_path, workers=2, seconds=0.02) as process:
        until(process, f"0 {ALL}")
        until(process, f"{16 * 2} {ALL}")
        pids = workers_of(process)
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        until(process, f"{ALL} {ALL}")
        assert process.wait(PATIENCE) == 0
    assert resumed(tmp_path) == (ALL, expected)


@pytest.mark.slow
def test_a_replicate_that_kills_its_worker_is_set_apart_and_the_rest_is_played(tmp_path: Path, expected: str) -> None:
    store = Store(tmp_path, SPEC)
    swept = sweep(store, CELLS, REPLICATES, Deadly(20), workers=2)
    (failure,) = swept.failures
    assert failure.chunk == Chunk(CELLS[0], 20, 20)
    assert "killed the process" in failure.message
    assert swept.rows == ALL - 1
    assert store.failures() == (failure,)
    assert store.missing(CELLS, REPLICATES) == [failure.chunk]
    assert resumed(tmp_path) == (ALL - 1, expected)


def test_a_deadly_replicate_alone_is_found(tmp_path: Path) -> None:
    chunk = Chunk(CELLS[0], 20, 20)
    ((played, failure),) = run_chunks(OfChunk(Deadly(20)), [chunk], workers=2)
    assert played == chunk
    assert isinstance(failure, Failure)


# --- Ctrl-C --------------------------------------------------------------------------------------


@needs_proc
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_leaves_quietly_and_the_sweep_goes_on_later(tmp_path: Path, expected: str, workers: int) -> None:
    with sweeping(tmp_path, workers=workers, seconds=0.02) as process:
        until(process, f"16 {ALL}")
        os.killpg(process.pid, signal.SIGINT)
        told, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert told.endswith("interrupted\n")
        assert errors == ""
        assert nothing_left_of(process)
    there, bits = resumed(tmp_path)
    assert 16 <= there < ALL
    assert bits == expected


# --- a full disk ---------------------------------------------------------------------------------


def test_a_full_disk_ends_the_sweep_and_keeps_what_it_had(tmp_path: Path, expected: str, monkeypatch) -> None:
    store, replace, written = Store(tmp_path, SPEC), os.replace, []

    def filling(source: Path, target: Path) -> None:
        if len(written) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(target)
        replace(source, target)

    with monkeypatch.context() as full, pytest.raises(CyberrangeError, match="disk is full"):
        full.setattr(os, "replace", filling)
        sweep(store, CELLS, REPLICATES, Slow(), workers=1)
    assert sorted(tmp_path.rglob("*.parquet")) == sorted(written)
    assert store.failures() == ()
    assert resumed(tmp_path)[1] == expected
