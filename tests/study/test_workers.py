"""Chunks on workers: each comes back once, from any backend, and mistakes are told."""

import signal
import socket
import sys

import pytest

import cyberrange.study.workers
from cyberrange.errors import CyberrangeError
from cyberrange.results.store import Chunk, Failure
from cyberrange.study.workers import run_chunks
from tests.study.tasks import CELLS, Broken, OfChunk, Slow, numbers, planner_mistake, threads

CHUNKS = [part for cell in CELLS for part in Chunk(cell, 0, 9).cut(4)]
WAYS = [("sequential", 1), ("loky", 1), ("loky", 2)]


@pytest.mark.parametrize(("backend", "workers"), WAYS)
def test_each_chunk_comes_back_once_with_its_result(backend, workers: int) -> None:
    told = []
    task = OfChunk(Slow())
    results = list(run_chunks(task, CHUNKS, workers=workers, backend=backend, progress=lambda *now: told.append(now)))
    assert sorted(chunk for chunk, _ in results) == sorted(CHUNKS)
    assert all(result == numbers(chunk.cell, chunk.first, chunk.last) for chunk, result in results)
    assert told[-1] == (40, 40)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize(("backend", "workers"), WAYS)
def test_a_replicate_that_fails_is_found_and_costs_no_other(backend, workers: int) -> None:
    results = dict(run_chunks(OfChunk(Broken((5, 8))), CHUNKS, workers=workers, backend=backend))
    failed = {chunk: result for chunk, result in results.items() if isinstance(result, Failure)}
    assert sorted(failed) == [Chunk(CELLS[0], 5, 5), Chunk(CELLS[0], 8, 8)]
    assert failed[Chunk(CELLS[0], 5, 5)].message.startswith("ZeroDivisionError: no luck with 5 (tasks.py:")
    for cell in CELLS:
        rest = [chunk for chunk in results if chunk.cell == cell]
        assert not Chunk(cell, 0, 9).without(rest)
        assert sum(map(len, rest)) == 10


@pytest.mark.parametrize(("backend", "workers"), WAYS)
def test_a_mistake_of_the_user_ends_all(backend, workers: int) -> None:
    with pytest.raises(CyberrangeError, match="lacks a pump"):
        list(run_chunks(planner_mistake, CHUNKS, workers=workers, backend=backend))


def test_workers_start_no_threads_of_their_own() -> None:
    for _, counts in run_chunks(threads, CHUNKS, workers=2):
        assert counts == ["1"] * 4


def test_who_leaves_early_leaves_a_pool_that_works() -> None:
    before = signal.getsignal(signal.SIGINT)
    results = run_chunks(OfChunk(Slow(0.01)), CHUNKS, workers=2)
    next(results)
    results.close()
    assert len(list(run_chunks(OfChunk(Slow()), CHUNKS, workers=2))) == len(CHUNKS)
    assert signal.getsignal(signal.SIGINT) is before


def test_nothing_to_play_is_played() -> None:
    assert list(run_chunks(OfChunk(Slow()), [], workers=2)) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"workers": 0}, "0 workers: at least 1"),
        ({"workers": 1, "backend": "loki"}, "unknown backend 'loki'. Did you mean 'loky'"),
        ({"workers": 1, "backend": "dask"}, "needs the address of a scheduler"),
    ],
)
def test_what_cannot_be_used_is_told(options, told: str) -> None:
    with pytest.raises(CyberrangeError, match=told):
        list(run_chunks(OfChunk(Slow()), CHUNKS, **options))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1:port", "127.0.0.1", "http://127.0.0.1:80", ""])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(CyberrangeError, match=f"no dask scheduler answers at '{address}'"):
        list(run_chunks(OfChunk(Slow()), CHUNKS, workers=1, backend="dask", address=address))


def test_without_dask_it_is_told_what_is_needed(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CyberrangeError, match="needs the packages dask and distributed"):
        list(run_chunks(OfChunk(Slow()), CHUNKS, workers=1, backend="dask", address="tcp://127.0.0.1:8786"))


@pytest.mark.parametrize("listens", [False, True])
def test_an_address_at_which_no_scheduler_answers_is_named_soon(monkeypatch, listens: bool) -> None:
    monkeypatch.setattr(cyberrange.study.workers, "_CONNECT_SECONDS", 0.5)
    silent = socket.create_server(("127.0.0.1", 0 if listens else free_port()))
    address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
    if not listens:
        silent.close()
    with silent, pytest.raises(CyberrangeError, match=f"no dask scheduler answers at '{address}'"):
        list(run_chunks(OfChunk(Slow()), CHUNKS, workers=1, backend="dask", address=address))
