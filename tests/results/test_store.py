"""The store: frozen, sound after any accident, and the same rows however they were cut."""

import errno
import json
import os
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyberrange.errors import CyberrangeError
from cyberrange.results.store import Cell, Chunk, Failure, Store, hash_of, write_chunk

SPEC = {"seed": 7, "city": {"id": "kasba", "services": ["water", "power"]}, "designs": ["a", "b"]}
A, B = Cell("a", "calm"), Cell("b", "calm")


def rows_of(chunk: Chunk) -> pd.DataFrame:
    replicates = np.arange(chunk.first, chunk.last + 1)
    return pd.DataFrame({"loss": replicates / 3 + len(chunk.cell.design), "level": np.sqrt(replicates)})


def put(store: Store, *chunks: Chunk) -> list[Path]:
    return [write_chunk(store.folder, store.spec_hash, chunk, rows_of(chunk)) for chunk in chunks]


def whole(chunk: Chunk) -> pd.DataFrame:
    keys = {"design": chunk.cell.design, "scenario": chunk.cell.scenario}
    return pd.DataFrame({**keys, "replicate": range(chunk.first, chunk.last + 1), **rows_of(chunk)})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "study", SPEC)


# --- the spec ------------------------------------------------------------------------------------


def test_a_study_is_opened_again_with_its_spec_and_without(store: Store) -> None:
    for again in (Store(store.folder, SPEC), Store(store.folder)):
        assert again.spec == SPEC
        assert again.spec_hash == store.spec_hash == hash_of(SPEC)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({**SPEC, "seed": 8}, ["seed (7 there, 8 asked)"]),
        ({"seed": 7, "designs": ["a", "b"]}, ["city ({", "there, missing asked)"]),
        ({**SPEC, "budget": 1}, ["budget (missing there, 1 asked)"]),
        ({**SPEC, "city": {"id": "kasba", "services": ["water"]}}, ["city.services (", "asked)"]),
        ({**SPEC, **{f"k{i}": i for i in range(20)}}, ["k0 (", "and 12 more"]),
        (dict(reversed(SPEC.items())), ["in another order"]),
    ],
)
def test_a_folder_with_another_spec_is_refused_and_what_differs_is_named(store: Store, other, told) -> None:
    with pytest.raises(CyberrangeError) as caught:
        Store(store.folder, other)
    assert all(part in str(caught.value) for part in [str(store.folder), *told])
    assert Store(store.folder).spec == SPEC


def test_a_folder_without_a_study_is_not_taken_for_one(tmp_path: Path) -> None:
    with pytest.raises(CyberrangeError, match="holds no study"):
        Store(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(CyberrangeError, match="nobody knows of which study"):
        Store(tmp_path, SPEC)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"spec": {}}', '{"sha256": "0", "spec": 3}'])
def test_a_damaged_spec_is_refused(store: Store, text: str) -> None:
    (store.folder / "spec.json").write_text(text)
    with pytest.raises(CyberrangeError, match="damaged"):
        Store(store.folder, SPEC)


def test_a_spec_that_was_changed_by_hand_is_refused(store: Store) -> None:
    path = store.folder / "spec.json"
    path.write_text(path.read_text().replace("kasba", "qasba"))
    with pytest.raises(CyberrangeError, match="changed after the study began"):
        Store(store.folder)


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, np.float64("inf")])
def test_a_spec_that_json_cannot_hold_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(CyberrangeError, match="cannot be written as JSON"):
        Store(tmp_path / "new", {"seed": value})
    assert not (tmp_path / "new").exists()


# --- rows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_rows_are_the_same_to_the_bit_however_they_were_cut(store: Store, size: int) -> None:
    chunks = [part for cell in (B, A) for part in Chunk(cell, 0, 19).cut(size)]
    put(store, *reversed(chunks))
    expected = pd.concat([whole(Chunk(A, 0, 19)), whole(Chunk(B, 0, 19))], ignore_index=True)
    pd.testing.assert_frame_equal(store.read(), expected, check_exact=True)
    pd.testing.assert_frame_equal(Store(store.folder).read([B]), whole(Chunk(B, 0, 19)), check_exact=True)


@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=6))
def test_chunks_that_overlap_count_once(tmp_path_factory: pytest.TempPathFactory, cuts) -> None:
    store = Store(tmp_path_factory.mktemp("study"), SPEC)
    chunks = [Chunk(A, min(cut), max(cut)) for cut in cuts]
    put(store, *chunks)
    there = sorted({r for chunk in chunks for r in range(chunk.first, chunk.last + 1)})
    expected = whole(Chunk(A, 0, 14)).iloc[there].reset_index(drop=True)
    if there:
        pd.testing.assert_frame_equal(store.read(), expected, check_exact=True)
    missing = [r for hole in store.missing([A], 15) for r in range(hole.first, hole.last + 1)]
    assert missing == sorted(set(range(15)) - set(there))
    assert store.connect().execute("SELECT count(*) FROM runs").fetchone() == (len(there),)


def test_holes_are_cut_and_come_cell_by_cell(store: Store) -> None:
    put(store, Chunk(A, 2, 3), Chunk(A, 8, 12))
    holes = [(hole.cell, hole.first, hole.last) for hole in store.missing([A, B, A], 10, 4)]
    assert holes == [(A, 0, 1), (A, 4, 7), (B, 0, 3), (B, 4, 7), (B, 8, 9)]
    assert store.missing([A], 2, 4) == [Chunk(A, 0, 1)]
    assert store.missing([A, B], 0) == []


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8),
    st.tuples(st.integers(0, 30), st.integers(0, 30)),
)
def test_a_chunk_without_others_is_the_difference_of_sets(others, own) -> None:
    chunk = Chunk(A, min(own), max(own))
    covered = [Chunk(A, min(pair), max(pair)) for pair in others]
    rest = chunk.without([*covered, Chunk(B, 0, 30)])
    numbers = [r for part in rest for r in range(part.first, part.last + 1)]
    gone = {r for part in covered for r in range(part.first, part.last + 1)}
    assert numbers == [r for r in range(chunk.first, chunk.last + 1) if r not in gone]


def test_a_cell_without_a_measure_has_no_number_there(store: Store) -> None:
    write_chunk(store.folder, store.spec_hash, Chunk(A, 0, 1), {"loss": [1.0, float("nan")]})
    write_chunk(store.folder, store.spec_hash, Chunk(B, 0, 0), [{"level": 1}])
    frame = store.read()
    assert list(frame.columns) == ["design", "scenario", "replicate", "loss", "level"]
    assert frame["loss"].isna().tolist() == [False, True, True]
    assert (frame.dtypes[["loss", "level"]] == np.float64).all()
    assert store.connect().execute("SELECT avg(loss), avg(level) FROM runs").fetchone() == (1.0, 1.0)


def test_any_id_can_name_a_cell(store: Store) -> None:
    cells = [Cell("../x", "a/b"), Cell("..", "."), Cell("a+b", "c"), Cell("a", "b+c"), Cell("नगर 'x'", 'q"\\')]
    put(store, *(Chunk(cell, 0, 1) for cell in cells))
    assert store.missing(cells, 2) == []
    assert {Cell(*key) for key in store.read()[["design", "scenario"]].itertuples(index=False)} == set(cells)
    assert all(path.parent.parent == store.folder / "runs" for path in store.folder.rglob("*.parquet"))


def test_a_study_without_runs_is_an_empty_table(store: Store) -> None:
    assert list(store.read().columns) == ["design", "scenario", "replicate"]
    assert len(store.read()) == 0
    assert store.connect().execute("SELECT count(*) FROM cells").fetchone() == (0,)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ({"loss": [1.0]}, "1 rows for 2 replicates of a under calm, replicates 0 to 1"),
        ({"loss": [1.0, 2.0], "scenario": [1, 2]}, "a measure named 'scenario'"),
    ],
)
def test_rows_that_do_not_fit_the_chunk_are_refused(store: Store, rows, told: str) -> None:
    with pytest.raises(CyberrangeError, match=told):
        write_chunk(store.folder, store.spec_hash, Chunk(A, 0, 1), rows)
    assert not list(store.folder.rglob("*.parquet"))


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(CyberrangeError, match="does not find the study"):
        write_chunk(tmp_path / "elsewhere", "0" * 64, Chunk(A, 0, 0), {"loss": [1.0]})
    assert not (tmp_path / "elsewhere").exists()


# --- damage --------------------------------------------------------------------------------------


def truncated(path: Path, _: Store) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path: Path, _: Store) -> None:
    path.write_bytes(b"")


def flipped(path: Path, _: Store) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)


def renamed_by_hand(path: Path, _: Store) -> None:
    path.rename(path.with_name("chunk.parquet"))


def named(path: Path, data: bytes) -> None:
    import hashlib

    path.unlink()
    path.with_name(f"chunk-0-9-{hashlib.sha256(data).hexdigest()[:8]}.parquet").write_bytes(data)


def of_another_study(path: Path, store: Store) -> None:
    other = Store(store.folder.parent / "other", {**SPEC, "seed": 8})
    (foreign,) = put(other, Chunk(A, 0, 9))
    named(path, foreign.read_bytes())


def of_another_program(path: Path, _: Store) -> None:
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table({"loss": [1.0]}), buffer)
    named(path, buffer.getvalue().to_pybytes())


def no_parquet(path: Path, _: Store) -> None:
    named(path, b"PAR1 and nothing else")


def fewer_rows(path: Path, _: Store) -> None:
    buffer = pa.BufferOutputStream()
    pq.write_table(pq.ParquetFile(path).read().slice(1), buffer)
    named(path, buffer.getvalue().to_pybytes())


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncated, "damaged"),
        (emptied, "damaged"),
        (flipped, "damaged"),
        (renamed_by_hand, "not written by a study"),
        (of_another_study, "belongs to another study"),
        (of_another_program, "footer"),
        (no_parquet, "footer"),
        (fewer_rows, "9 rows for 10 replicates"),
    ],
)
def test_what_does_not_prove_itself_is_ignored_and_can_be_played_again(store: Store, damage, reason: str) -> None:
    path, _ = put(store, Chunk(A, 0, 9), Chunk(A, 10, 19))
    damage(path, store)
    (ignored,) = store.ignored()
    assert reason in ignored.reason
    assert ignored.path.exists()
    assert store.missing([A], 20) == [Chunk(A, 0, 9)]
    pd.testing.assert_frame_equal(store.read(), whole(Chunk(A, 10, 19)), check_exact=True)
    assert store.connect().execute("SELECT count(*), min(replicate) FROM runs").fetchone() == (10, 10)
    put(store, Chunk(A, 0, 9))
    assert store.missing([A], 20) == []
    pd.testing.assert_frame_equal(store.read(), whole(Chunk(A, 0, 19)), check_exact=True)


def test_the_footer_names_the_spec_and_the_keys(store: Store) -> None:
    (path,) = put(store, Chunk(A, 3, 5))
    about = json.loads(pq.read_metadata(path).metadata[b"cyberrange"])
    assert about == {"spec": store.spec_hash, "cell": ["a", "calm"], "first": 3, "last": 5}
    assert path.relative_to(store.folder).as_posix().startswith("runs/part=a+calm/chunk-3-5-")


def test_left_over_temporary_files_go_when_the_study_is_opened(store: Store) -> None:
    (path,) = put(store, Chunk(A, 0, 1))
    for left_over in (path.with_name(".chunk-2-3.parquet.0a.tmp"), store.folder / ".spec.json.0a.tmp"):
        left_over.write_bytes(b"half")
    assert Store(store.folder).read().equals(store.read())
    assert not list(store.folder.rglob("*.tmp"))


def test_opening_a_study_while_a_worker_writes_costs_no_chunk(store: Store, monkeypatch) -> None:
    replace, opened = os.replace, []

    def interrupted(source, target) -> None:
        if not opened:
            opened.append(Store(store.folder))
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    put(store, Chunk(A, 0, 1))
    assert opened
    assert store.missing([A], 2) == []


# --- a full disk ---------------------------------------------------------------------------------


def no_room(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["os.replace", "pathlib.Path.write_bytes", "pathlib.Path.mkdir"])
def test_a_full_disk_leaves_what_was_there_and_nothing_half_written(store: Store, monkeypatch, step: str) -> None:
    put(store, Chunk(A, 0, 9))
    before = {path: path.read_bytes() for path in store.folder.rglob("*") if path.is_file()}
    with monkeypatch.context() as full, pytest.raises(CyberrangeError, match="disk is full"):
        full.setattr(step, no_room)
        put(store, Chunk(A, 10, 19))
    assert {path: path.read_bytes() for path in store.folder.rglob("*") if path.is_file()} == before
    put(store, Chunk(A, 10, 19))
    assert store.missing([A], 20) == []


def test_a_full_disk_starts_no_study(tmp_path: Path, monkeypatch) -> None:
    with monkeypatch.context() as full, pytest.raises(CyberrangeError, match="disk is full"):
        full.setattr("os.replace", no_room)
        Store(tmp_path, SPEC)
    assert not list(tmp_path.iterdir())
    assert Store(tmp_path, SPEC).spec == SPEC


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CyberrangeError, match=r"cannot write .*file"):
        Store(tmp_path / "file" / "study", SPEC)


# --- views and failures --------------------------------------------------------------------------


def test_the_views_say_the_same_as_the_rows(tmp_path: Path) -> None:
    store = Store(tmp_path / "it's a study", SPEC)
    put(store, Chunk(A, 0, 9), Chunk(B, 0, 4), Chunk(B, 5, 9))
    connection = store.connect()
    ordered = connection.execute("FROM runs ORDER BY design, scenario, replicate").df()
    pd.testing.assert_frame_equal(ordered, store.read(), check_dtype=False, check_exact=True)
    assert connection.execute("FROM cells").fetchall() == [("a", "calm", 10), ("b", "calm", 10)]


def test_the_file_of_views_holds_no_rows_and_can_be_made_again(store: Store) -> None:
    for chunk in Chunk(A, 0, 9).cut(5):
        put(store, chunk)
        path = store.save_views()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("FROM cells").fetchall() == [("a", "calm", 10)]
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)
    assert path == store.folder / "study.duckdb"
    assert not list(store.folder.glob(".*"))


def test_failures_are_on_record_even_after_a_half_written_line(store: Store) -> None:
    assert store.failures() == ()
    failures = [Failure(Chunk(A, 3, 3), "ValueError: two\nlines"), Failure(Chunk(B, 0, 4), "killed")]
    for failure in failures:
        store.record_failure(failure)
    with open(store.folder / "failures.jsonl", "ab") as file:
        file.write(b'{"design": "a", "scen')
    assert list(Store(store.folder).failures()) == failures
