"""The results of a study in a folder: a frozen spec, and Parquet chunks that workers write whole or not at all.

    spec.json                                        what the study is, with its SHA-256
    runs/part=<cell>/chunk-<first>-<last>-<hash>.parquet   rows of replicates first to last of one cell
    failures.jsonl                                   one line for each replicate that could not be played
    study.duckdb                                     views for other tools; can be made again at any time

A chunk proves itself: its name carries the first 8 hex digits of the SHA-256 of its bytes, its footer the spec and the
keys. What does not prove itself is ignored and played again, so a store is sound after any crash. Rows are the same
however the replicates were cut into chunks, and by whom.
"""

import errno
import hashlib
import itertools
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cyberrange.errors import CyberrangeError, shortened

if TYPE_CHECKING:
    import duckdb

KEY = ("design", "scenario", "replicate")
"""The columns that name a row; all others are measures."""

Rows = pd.DataFrame | Mapping[str, Any] | Sequence[Mapping[str, float]]
"""Measures of some replicates in order: a column each, or a dict for each replicate."""

_SPEC = "spec.json"
_FAILURES = "failures.jsonl"
_FOOTER = b"cyberrange"
_NAME = re.compile(r"chunk-\d+-\d+-([0-9a-f]{8})\.parquet")
_KEYS = pa.schema([("design", pa.string()), ("scenario", pa.string()), ("replicate", pa.int64())])
_MOST_DIFFERENCES_TOLD = 8
_TRIES = 3


class Cell(NamedTuple):
    """One design under one scenario; its replicates are numbered from 0."""

    design: str
    scenario: str


@dataclass(frozen=True, order=True)
class Chunk:
    """Replicates `first` to `last` of a cell, the last included.

    Examples
    --------
    >>> chunk = Chunk(Cell("base", "calm_day"), 0, 9)
    >>> len(chunk), [(part.first, part.last) for part in chunk.cut(4)]
    (10, [(0, 3), (4, 7), (8, 9)])
    """

    cell: Cell
    first: int
    last: int

    def __len__(self) -> int:
        """Return the number of replicates."""
        return self.last - self.first + 1

    def cut(self, size: int) -> list["Chunk"]:
        """Return the chunk in parts of at most `size` replicates, in order."""
        return [
            Chunk(self.cell, first, min(first + size - 1, self.last))
            for first in range(self.first, self.last + 1, size)
        ]

    def without(self, others: Iterable["Chunk"]) -> list["Chunk"]:
        """Return the parts of the chunk that no other one covers, in order.

        Examples
        --------
        >>> cell = Cell("base", "calm_day")
        >>> [(c.first, c.last) for c in Chunk(cell, 0, 9).without([Chunk(cell, 2, 3), Chunk(cell, 3, 6)])]
        [(0, 1), (7, 9)]
        """
        gaps, free = [], self.first
        for other in sorted(other for other in others if other.cell == self.cell):
            if free < other.first:
                gaps.append(Chunk(self.cell, free, min(other.first - 1, self.last)))
            free = max(free, other.last + 1)
            if free > self.last:
                break
        return gaps if free > self.last else [*gaps, Chunk(self.cell, free, self.last)]


class Ignored(NamedTuple):
    """A file among the runs that is not trusted, and why."""

    path: Path
    reason: str


class Failure(NamedTuple):
    """Replicates that could not be played, and why."""

    chunk: Chunk
    message: str


class _File(NamedTuple):
    chunk: Chunk
    path: Path


def spec_text(spec: Mapping[str, Any]) -> str:
    """Return a spec as canonical JSON: no spaces, keys in the order given.

    The order of keys is kept because it matters: a city whose services stand in another order adds up its losses in
    another order, which moves last digits.

    Raises
    ------
    CyberrangeError
        When the spec holds something that JSON cannot, such as a number that is not finite.

    Examples
    --------
    >>> spec_text({"seed": 7, "designs": ["base"]})
    '{"seed":7,"designs":["base"]}'
    """
    try:
        return json.dumps(spec, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise CyberrangeError(f"the spec of the study cannot be written as JSON: {error}") from error


def hash_of(spec: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a spec's canonical JSON, 64 hex digits."""
    return hashlib.sha256(spec_text(spec).encode()).hexdigest()


def read_spec(folder: Path | str) -> dict[str, Any]:
    """Return the spec that is frozen in the folder of a study.

    Raises
    ------
    CyberrangeError
        When there is none, or it was changed by hand.
    """
    path = Path(folder) / _SPEC
    try:
        frozen = json.loads(path.read_bytes())
        spec, digest = dict(frozen["spec"]), frozen["sha256"]
    except FileNotFoundError:
        raise CyberrangeError(f"{folder} holds no study: there is no {_SPEC} in it") from None
    except OSError as error:
        raise CyberrangeError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CyberrangeError(f"{path} is damaged: it is not the frozen spec of a study") from error
    if hash_of(spec) != digest:
        raise CyberrangeError(f"{path} was changed after the study began. Start another study in another folder.")
    return spec


def write_chunk(folder: Path | str, spec_hash: str, chunk: Chunk, rows: Rows) -> Path:
    """Write the rows of a chunk to the folder of a study: whole or not at all. Workers call this, in any process.

    Parameters
    ----------
    folder
        The folder of the study; workers on other machines must see the same folder.
    spec_hash
        `Store.spec_hash` of the study.
    chunk
        Which replicates the rows are.
    rows
        The measures of each replicate in order; stored as float64, not-a-number as missing.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    CyberrangeError
        When the rows do not fit the chunk, the folder is not the study's, or the disk is full.
    """
    folder = Path(folder)
    if not (folder / _SPEC).is_file():
        raise CyberrangeError(
            f"a worker does not find the study at {folder.absolute()}: every worker must see its folder"
        )
    data = _parquet(_table(chunk, rows), chunk, spec_hash)
    part = folder / "runs" / f"part={quote(chunk.cell.design, safe='')}+{quote(chunk.cell.scenario, safe='')}"
    path = part / f"chunk-{chunk.first}-{chunk.last}-{hashlib.sha256(data).hexdigest()[:8]}.parquet"
    _write_whole(path, data)
    return path


class Store:
    """The results of one study in a folder.

    Parameters
    ----------
    folder
        Made if it does not exist.
    spec
        What the study is, as a dict that JSON can hold; frozen in the folder when that is new. When not given, the
        folder must hold a study.

    Attributes
    ----------
    folder : pathlib.Path
        Where the study lies.
    spec : dict
        The frozen spec, as read back from JSON.
    spec_hash : str
        The SHA-256 of its canonical JSON.

    Raises
    ------
    CyberrangeError
        When the folder holds a study with another spec (the message says which keys differ), or none.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> cell = Cell("base", "calm_day")
    >>> with TemporaryDirectory() as folder:
    ...     store = Store(folder, {"seed": 7})
    ...     _ = write_chunk(folder, store.spec_hash, Chunk(cell, 0, 1), {"loss": [0.5, 0.25]})
    ...     print(store.read())
    ...     print([(hole.first, hole.last) for hole in store.missing([cell], 5)])
      design  scenario  replicate  loss
    0   base  calm_day          0  0.50
    1   base  calm_day          1  0.25
    [(2, 4)]
    """

    def __init__(self, folder: Path | str, spec: Mapping[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        if spec is not None and not (self.folder / _SPEC).is_file():
            _freeze(self.folder, spec)
        self.spec = read_spec(self.folder)
        self.spec_hash = hash_of(self.spec)
        if spec is not None and hash_of(spec) != self.spec_hash:
            raise CyberrangeError(_other_study(self.folder, self.spec, json.loads(spec_text(spec))))
        self._judged: dict[tuple[Path, int, int], Chunk | str] = {}
        for left_over in (*self.folder.glob(".*.tmp"), *self._runs.glob("part=*/.*.tmp")):
            # On Windows a file that a worker is writing at this moment cannot be removed, and need not be.
            with suppress(OSError):
                left_over.unlink()

    @property
    def _runs(self) -> Path:
        return self.folder / "runs"

    def missing(self, cells: Iterable[Cell], replicates: int, chunk: int | None = None) -> list[Chunk]:
        """Return what is not stored yet of replicates 0 to `replicates` - 1 of each cell.

        Parameters
        ----------
        cells, replicates
            What the study should hold.
        chunk
            The most replicates in one chunk; without it each hole is one chunk.
        """
        there: dict[Cell, list[Chunk]] = {}
        for stored in self._chunks():
            there.setdefault(stored.chunk.cell, []).append(stored.chunk)
        wanted = [Chunk(cell, 0, replicates - 1) for cell in dict.fromkeys(cells)] if replicates > 0 else []
        holes = [hole for whole in wanted for hole in whole.without(there.get(whole.cell, []))]
        return [part for hole in holes for part in hole.cut(chunk or len(hole))]

    def read(self, cells: Iterable[Cell] | None = None, measures: Iterable[str] | None = None) -> pd.DataFrame:
        """Return the rows of some cells, or of all, sorted by design, scenario and replicate.

        Parameters
        ----------
        cells
            Only these.
        measures
            Only these columns besides the key; all when absent.

        Returns
        -------
        pandas.DataFrame
            Columns `design`, `scenario`, `replicate` and the measures as float64, not-a-number where a cell lacks one.
            The same to the bit however the replicates were cut into chunks.
        """
        chosen = None if cells is None else set(cells)
        columns = None if measures is None else [*KEY, *measures]
        parts: list[tuple[Path, int]] = []
        done: tuple[Cell | None, int] = (None, -1)
        for chunk, path in self._chunks():
            if chosen is not None and chunk.cell not in chosen:
                continue
            # A replicate may stand in two chunks, after a worker died or when two sweeps met: the first one counts.
            free = max(chunk.first, done[1] + 1) if done[0] == chunk.cell else chunk.first
            if free <= chunk.last:
                parts.append((path, free - chunk.first))
                done = (chunk.cell, chunk.last)

        def table(part: tuple[Path, int]) -> pa.Table:
            with pq.ParquetFile(part[0]) as file:
                return file.read(columns, use_threads=False).slice(part[1])

        with ThreadPoolExecutor() as pool:
            tables = [_KEYS.empty_table(), *pool.map(table, parts)]
        frame: pd.DataFrame = pa.concat_tables(tables, promote_options="default").to_pandas()
        return frame

    def ignored(self) -> tuple[Ignored, ...]:
        """Return the files among the runs that are not trusted, each with the reason."""
        return tuple(Ignored(path, verdict) for path, verdict in self._verdicts() if isinstance(verdict, str))

    def connect(self) -> "duckdb.DuckDBPyConnection":
        """Return an in-memory DuckDB connection with the views `runs` and `cells`, of what is stored at this moment.

        `runs` has the columns of `read`, in no order; `cells` one row for each cell, with its number of `replicates`.
        """
        import duckdb

        connection = duckdb.connect()
        self._make_views(connection)
        return connection

    def save_views(self) -> Path:
        """Write `study.duckdb` with the same views, for other tools; to be made again when runs were added."""
        import duckdb

        path = self.folder / "study.duckdb"
        temporary = path.with_name(f".{secrets.token_hex(4)}.tmp")
        with duckdb.connect(str(temporary)) as connection:
            self._make_views(connection)
        os.replace(temporary, path)
        return path

    def record_failure(self, failure: Failure) -> None:
        """Append a failure to `failures.jsonl`; only the process that leads a sweep calls this."""
        chunk = failure.chunk
        line = {**chunk.cell._asdict(), "first": chunk.first, "last": chunk.last, "message": failure.message}
        try:
            with open(self.folder / _FAILURES, "ab") as file:
                file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise _cannot_write(self.folder / _FAILURES, error) from error

    def failures(self) -> tuple[Failure, ...]:
        """Return all failures on record, in order; a replicate may have been played since."""
        path = self.folder / _FAILURES
        lines = path.read_bytes().splitlines() if path.exists() else []
        return tuple(failure for line in lines if (failure := _failure(line)))

    def _chunks(self) -> list[_File]:
        """Return the trusted files in order of key; of chunks that start alike the longest comes first."""
        files = [_File(verdict, path) for path, verdict in self._verdicts() if isinstance(verdict, Chunk)]
        return sorted(files, key=lambda file: (file.chunk.cell, file.chunk.first, -file.chunk.last, file.path))

    def _verdicts(self) -> Iterator[tuple[Path, Chunk | str]]:
        """Yield each file among the runs with the chunk it holds, or the reason why it is not trusted."""
        for path in sorted(self._runs.glob("part=*/*.parquet")):
            about = path.stat()
            key = (path, about.st_size, about.st_mtime_ns)
            if key not in self._judged:
                self._judged[key] = _judged(path, self.spec_hash)
            yield path, self._judged[key]

    def _make_views(self, connection: "duckdb.DuckDBPyConnection") -> None:
        files = self._chunks()
        once = "DISTINCT ON (design, scenario, replicate) " if _overlap(files) else ""
        names = ", ".join("'" + str(file.path.absolute()).replace("'", "''") + "'" for file in files)
        rows = f"read_parquet([{names}], union_by_name = true, hive_partitioning = false)"
        none = "(SELECT '' AS design, '' AS scenario, 0::BIGINT AS replicate WHERE false)"
        connection.execute(f"CREATE VIEW runs AS SELECT {once}* FROM {rows if files else none}")
        connection.execute(
            "CREATE VIEW cells AS SELECT design, scenario, count(*) AS replicates FROM runs GROUP BY ALL ORDER BY ALL"
        )


def _freeze(folder: Path, spec: Mapping[str, Any]) -> None:
    if (folder / "runs").exists():
        raise CyberrangeError(
            f"{folder} holds runs but no {_SPEC}: nobody knows of which study. Choose another folder."
        )
    frozen = {"sha256": hash_of(spec), "spec": spec}
    _write_whole(folder / _SPEC, json.dumps(frozen, ensure_ascii=False, indent=1).encode())


def _table(chunk: Chunk, rows: Rows) -> pa.Table:
    named: Any = rows if isinstance(rows, Mapping) else pd.DataFrame(rows)
    values = {str(name): np.asarray(named[name], np.float64) for name in named}
    clash = [name for name in KEY if name in values]
    sizes = {len(column) for column in values.values()} or {len(named)}
    if clash or sizes != {len(chunk)}:
        wrong = f"a measure named '{clash[0]}'" if clash else f"{max(sizes)} rows for {len(chunk)} replicates"
        raise CyberrangeError(f"the task returned {wrong} of {told(chunk)}")
    columns = {
        "design": pa.array([chunk.cell.design] * len(chunk), pa.string()),
        "scenario": pa.array([chunk.cell.scenario] * len(chunk), pa.string()),
        "replicate": pa.array(np.arange(chunk.first, chunk.last + 1), pa.int64()),
    }
    # Missing, not NaN: SQL leaves missing values out of a mean, and a NaN would spoil it.
    measures = {name: pa.array(column, pa.float64(), from_pandas=True) for name, column in values.items()}
    return pa.table({**columns, **measures})


def _parquet(table: pa.Table, chunk: Chunk, spec_hash: str) -> bytes:
    about = {"spec": spec_hash, **asdict(chunk), "cell": chunk.cell}
    buffer = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({_FOOTER: json.dumps(about)}), buffer, compression="zstd")
    data: bytes = buffer.getvalue().to_pybytes()
    return data


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name and rename it; whoever opens the store meanwhile may clear that name away."""
    for left in reversed(range(_TRIES)):
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            os.replace(temporary, path)
            return
        except FileNotFoundError as error:
            if not left:
                raise _cannot_write(path, error) from error
        except OSError as error:
            raise _cannot_write(path, error) from error
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _cannot_write(path: Path, error: OSError) -> CyberrangeError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return CyberrangeError(
            f"the disk is full: cannot write {path}. What is stored is whole; make room and start the study again."
        )
    return CyberrangeError(f"cannot write {path}: {error.strerror or error}")


def _judged(path: Path, spec_hash: str) -> Chunk | str:
    """Return the chunk that a file holds, or why it is not trusted."""
    named = _NAME.fullmatch(path.name)
    try:
        data = path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if named is None or hashlib.sha256(data).hexdigest()[:8] != named[1]:
        return "damaged, or not written by a study: its bytes do not have the hash in its name"
    try:
        footer = pq.read_metadata(pa.BufferReader(data))
        about = json.loads(footer.metadata[_FOOTER])
        chunk = Chunk(Cell(*about["cell"]), about["first"], about["last"])
    except (pa.ArrowException, ValueError, KeyError, TypeError):
        return "its footer does not say which rows it holds"
    if about["spec"] != spec_hash:
        return f"belongs to another study (spec {shortened(about['spec'])[:8]})"
    return chunk if footer.num_rows == len(chunk) else f"holds {footer.num_rows} rows for {len(chunk)} replicates"


def _overlap(files: list[_File]) -> bool:
    return any(a.chunk.cell == b.chunk.cell and b.chunk.first <= a.chunk.last for a, b in itertools.pairwise(files))


def _failure(line: bytes) -> Failure | None:
    # The last line may be half written when the process was killed.
    with suppress(ValueError, KeyError, TypeError):
        said = json.loads(line)
        return Failure(Chunk(Cell(said["design"], said["scenario"]), said["first"], said["last"]), said["message"])
    return None


def told(chunk: Chunk) -> str:
    """Return a chunk in words.

    Examples
    --------
    >>> told(Chunk(Cell("base", "calm_day"), 3, 3)), told(Chunk(Cell("base", "calm_day"), 3, 4))
    ('base under calm_day, replicate 3', 'base under calm_day, replicates 3 to 4')
    """
    which = f"replicate {chunk.first}" if len(chunk) == 1 else f"replicates {chunk.first} to {chunk.last}"
    return f"{shortened(chunk.cell.design)} under {shortened(chunk.cell.scenario)}, {which}"


def _other_study(folder: Path, there: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    gaps = list(_differences("", there, asked))
    shown = "; ".join(gaps[:_MOST_DIFFERENCES_TOLD])
    more = f"; and {len(gaps) - _MOST_DIFFERENCES_TOLD} more" if len(gaps) > _MOST_DIFFERENCES_TOLD else ""
    differ = shown + more if gaps else "the same keys and values in another order"
    return f"{folder} holds another study: {differ}. Choose another folder, or ask for the study that is there."


def _differences(path: str, there: Any, asked: Any) -> Iterator[str]:
    """Yield each place in which two specs differ, with what stands there in both."""
    if isinstance(there, dict) and isinstance(asked, dict):
        for key in dict.fromkeys([*there, *asked]):
            yield from _differences(f"{path}.{key}" if path else str(key), there.get(key, ...), asked.get(key, ...))
    elif there != asked:
        old, new = ("missing" if side is ... else shortened(side) for side in (there, asked))
        yield f"{shortened(path)} ({old} there, {new} asked)"
