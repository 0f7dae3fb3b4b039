"""A sweep fills the holes of a store: the same bits on any workers, in any pieces, however often it stopped."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

import cyberrange.study.sweep
from cyberrange.errors import CyberrangeError
from cyberrange.results.store import Cell, Chunk, Store, write_chunk
from cyberrange.study.runner import play
from cyberrange.study.sweep import PlayCells, sweep
from tests.study.tasks import CELLS, REPLICATES, SPEC, Broken, Slow, digest, numbers, plans_of, shipped_spec


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "study", SPEC)


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> str:
    """The bits of the whole study, written in one piece for each cell and without a sweep."""
    store = Store(tmp_path_factory.mktemp("study"), SPEC)
    for cell in CELLS:
        write_chunk(store.folder, store.spec_hash, Chunk(cell, 0, REPLICATES - 1), numbers(cell, 0, REPLICATES - 1))
    return digest(store)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a real cluster on this machine, in threads of this process."""
    import distributed

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, host="127.0.0.1", protocol="tcp", dashboard_address=None
    ) as running:
        yield running.scheduler_address


@pytest.mark.parametrize(("backend", "workers"), [("sequential", 1), ("loky", 1), ("loky", 2)])
def test_a_sweep_gives_the_same_bits_on_any_workers(store: Store, expected: str, backend, workers: int) -> None:
    swept = sweep(store, CELLS, REPLICATES, Slow(), workers=workers, backend=backend)
    assert swept == (len(CELLS) * REPLICATES, (), ())
    assert digest(store) == expected


def test_a_sweep_gives_the_same_bits_on_a_cluster(store: Store, expected: str, cluster: str) -> None:
    assert sweep(store, CELLS, REPLICATES, Slow(), workers=2, backend="dask", address=cluster).rows == 120
    assert digest(store) == expected


def test_a_failing_replicate_is_found_on_a_cluster_and_a_mistake_ends_all(store: Store, cluster: str) -> None:
    swept = sweep(store, CELLS, REPLICATES, Broken((20,)), workers=2, backend="dask", address=cluster)
    assert [failure.chunk for failure in swept.failures] == [Chunk(CELLS[0], 20, 20)]
    with pytest.raises(CyberrangeError, match="1 rows for"):
        sweep(store, [Cell("c", "calm")], 40, lambda *_: {"loss": [1.0]}, workers=2, backend="dask", address=cluster)


@pytest.mark.parametrize("seconds", [1e-9, 0.05, 0.3, 30.0])
def test_how_the_pilot_times_a_replicate_shows_in_no_row(store: Store, expected: str, monkeypatch, seconds) -> None:
    clock = iter(np.arange(10_000) * seconds)
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    sweep(store, CELLS, REPLICATES, Slow(), workers=1)
    assert digest(store) == expected


def test_slow_replicates_make_small_chunks(store: Store, monkeypatch) -> None:
    clock = iter(np.arange(10_000) * 16 * 0.5)
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    sweep(store, CELLS, REPLICATES, Slow(), workers=1)
    sizes = {path.name: int(path.name.split("-")[2]) - int(path.name.split("-")[1]) + 1 for path in
             store.folder.rglob("*.parquet")}  # fmt: skip
    assert sorted(sizes.values())[-3:] == [2, 16, 16]


def test_rows_come_in_the_order_of_their_keys(store: Store) -> None:
    sweep(store, CELLS, REPLICATES, Slow(), workers=2)
    keys = list(store.read()[["design", "scenario", "replicate"]].itertuples(index=False, name=None))
    assert keys == sorted((*cell, r) for cell in CELLS for r in range(REPLICATES))


def test_only_holes_are_played_and_what_was_there_counts_as_done(store: Store, expected: str) -> None:
    write_chunk(store.folder, store.spec_hash, Chunk(CELLS[1], 3, 12), numbers(CELLS[1], 3, 12))
    sweep(store, CELLS[:2], 20, Slow(), workers=1)
    played, told = [], []

    def task(cell: Cell, first: int, last: int, /) -> dict[str, list[float]]:
        played.extend((cell, r) for r in range(first, last + 1))
        return numbers(cell, first, last)

    sweep(store, CELLS, REPLICATES, task, workers=1, progress=lambda *now: told.append(now))
    assert set(played) == {
        *((cell, r) for cell in CELLS[:2] for r in range(20, 30)),
        *((cell, r) for cell in CELLS[2:] for r in range(30)),
    }
    assert told[0] == (40, 120)
    assert told[-1] == (120, 120)
    assert digest(store) == expected
    played.clear()
    assert sweep(store, CELLS, REPLICATES, task, workers=1).rows == 120
    assert not played


def test_rows_of_other_cells_are_not_counted(store: Store) -> None:
    sweep(store, CELLS, 10, Slow(), workers=1)
    assert sweep(store, CELLS[:1], 5, Slow(), workers=1).rows == 5


def test_replicates_that_fail_are_on_record_and_are_tried_again(store: Store, expected: str) -> None:
    swept = sweep(store, CELLS, REPLICATES, Broken((2, 20)), workers=1)
    assert swept.rows == 118
    assert [failure.chunk for failure in swept.failures] == [Chunk(CELLS[0], 2, 2), Chunk(CELLS[0], 20, 20)]
    assert store.failures() == swept.failures
    assert store.missing(CELLS, REPLICATES) == [failure.chunk for failure in swept.failures]
    assert sweep(store, CELLS, REPLICATES, Slow(), workers=1).failures == ()
    assert digest(store) == expected


def test_a_task_that_always_fails_ends_the_sweep(store: Store) -> None:
    with pytest.raises(CyberrangeError, match=r"more than 100 replicates failed, first b under calm.*no luck"):
        sweep(store, CELLS, 300, Broken(tuple(range(300))), workers=1)


def test_workers_that_write_elsewhere_are_told_from_workers_that_write(store: Store, monkeypatch) -> None:
    monkeypatch.setattr(cyberrange.study.sweep, "write_chunk", lambda *_: None)
    with pytest.raises(CyberrangeError, match="every worker must see that folder"):
        sweep(store, CELLS, REPLICATES, Slow(), workers=1)


def test_untrusted_files_are_told_and_their_rows_played_again(store: Store, expected: str) -> None:
    sweep(store, CELLS, REPLICATES, Slow(), workers=1)
    first, second, *_ = sorted(store.folder.rglob("*.parquet"))
    first.write_bytes(first.read_bytes()[:-9])
    second.rename(second.with_name("chunk-0-9-00000000.parquet"))
    swept = sweep(Store(store.folder), CELLS, REPLICATES, Slow(), workers=1)
    assert swept.rows == 120
    assert "chunk-0-9-00000000.parquet" in [ignored.path.name for ignored in swept.ignored]
    assert digest(store) == expected


@pytest.mark.parametrize("workers", [1, 2])
def test_the_engine_plays_a_study_from_its_frozen_spec(tmp_path, workers: int) -> None:
    spec = shipped_spec()
    store = Store(tmp_path, spec)
    cells = [Cell(design, "calm_day") for design in spec["designs"]]
    task = PlayCells(str(store.folder), store.spec_hash, plans_of, "live")
    sweep(store, cells, 6, task, workers=workers)
    for cell in cells:
        alone = pd.DataFrame(play(plans_of(spec)(cell), spec["seed"], 0, 6, "live"))
        rows = store.read([cell]).drop(columns=["design", "scenario", "replicate"])
        pd.testing.assert_frame_equal(rows, alone, check_exact=True)


def test_a_task_does_not_play_another_study_than_its_own(tmp_path) -> None:
    Store(tmp_path, shipped_spec())
    with pytest.raises(CyberrangeError, match="holds another study"):
        PlayCells(str(tmp_path), "0" * 64, plans_of)(Cell("hybrid", "calm_day"), 0, 0)
