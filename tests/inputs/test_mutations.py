"""Damaged copies of the shipped files: each is refused in plain words with a line, or can be played."""

import random
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cyberrange.errors import CyberrangeError, InputError
from cyberrange.inputs.check_decisions import check_decisions
from cyberrange.inputs.load import (
    load_catalogue,
    load_city,
    load_decisions,
    load_posture,
    load_scenario,
    load_study,
)
from cyberrange.inputs.shipped import shipped
from cyberrange.model.build import compile_plan
from cyberrange.model.compatible import check_pair

CHUNKS = 50
PER_CHUNK = 200

POSTURES = shipped("postures")
FOLDER = POSTURES["hybrid"].parent
# The small files more often: they are quick to read, and hold everything that a large one does.
POOL = [
    *[("city", shipped("topologies")["kasba"])] * 30,
    *[("city", file) for file in shipped("topologies").values()],
    *[("scenario", file) for file in shipped("scenarios").values()] * 3,
    *[("posture", file) for file in POSTURES.values()] * 2,
    *[("base", FOLDER / "_common.yaml")] * 4,
    *[("controls", shipped("controls")["controls"])] * 3,
    *[("study", file) for file in shipped("studies").values()] * 3,
    *[("decisions", file) for file in shipped("decisions").values()] * 2,
]
VALUES = (
    "", "null", "~", "true", "0", "-1", "1e9", "1e400", ".nan", "12", "0.5", "text", "[]", "{}", "[a, b]", "{a: b}",
    "4 h", "0 h", "Rs 5 lakh", "-4 h", "1e300 y", "2027-02-30", "any", "maintainer", "shared", "found", "'", '"',
    "&a 1", "*a", "<<", "!!float 3", "!!python/none x", "- x", "? x", "|", ">-", "@", "%", "\t", "\0", "\u202e",
    "हिन्दी", "x" * 5000, "[" * 60,
)  # fmt: skip
PAIR = re.compile(rb"(?<=[ {])([a-z_]+): (\[[^\]\n]*\]|[A-Za-z0-9_.]+(?: (?:h|min|d|lakh))?)(?=[,}\n ])")
NUMBERS = (b"0", b"1", b"0.5", b"2", b"3", b"0.001", b"24", b"1000", b"1e-9", b"123456789")


@cache
def content(file: Path) -> bytes:
    return file.read_bytes()


def some_bytes(text: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(text)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(damaged))
        damaged[at : at + rng.choice([0, 1, 1, 3])] = bytes(rng.randrange(256) for _ in range(rng.randrange(3)))
    return bytes(damaged)


def some_lines(text: bytes, rng: random.Random) -> bytes:
    lines = text.split(b"\n")
    at, other = sorted(rng.randrange(len(lines)) for _ in range(2))
    match rng.randrange(4):
        case 0:
            del lines[at : min(other, at + 12)]
        case 1:
            lines[at], lines[other] = lines[other], lines[at]
        case 2:
            lines[other:other] = lines[at : at + rng.randrange(1, 8)]
        case _:
            lines = lines[: other + 1]
    return b"\n".join(lines)


def some_indentation(text: bytes, rng: random.Random) -> bytes:
    lines = text.split(b"\n")
    at = rng.randrange(len(lines))
    for i in range(at, min(len(lines), at + rng.randrange(1, 10))):
        lines[i] = lines[i][2:] if rng.random() < 0.5 and lines[i].startswith(b"  ") else b"  " + lines[i]
    return b"\n".join(lines)


def some_tokens(text: bytes, rng: random.Random) -> bytes:
    """Swap words of the file for others of its words: ids that lead to the wrong place."""
    words = list(re.finditer(rb"[A-Za-z_][A-Za-z_0-9]*|[0-9.]+", text))
    for _ in range(rng.randrange(1, 4)):
        one, other = rng.choice(words), rng.choice(words)
        text = text[: one.start()] + other[0] + text[one.end() :]
    return text


def some_values(text: bytes, rng: random.Random) -> bytes:
    places = list(re.finditer(rb"(?<=: )[^\n,\]}]+|(?<=\[)[^\n\]]+|(?<=- )[^\n]+", text))
    place = rng.choice(places)
    return text[: place.start()] + rng.choice(VALUES).encode() + text[place.end() :]


def some_numbers(text: bytes, rng: random.Random) -> bytes:
    numbers = list(re.finditer(rb"(?<=[ \[])[0-9]+(\.[0-9]+)?(?=[ ,\]}\n])", text))
    for _ in range(rng.randrange(1, 6)):
        place = rng.choice(numbers)
        if place.end() <= len(text):
            text = text[: place.start()] + rng.choice(NUMBERS) + text[place.end() :]
    return text


def some_neighbours(text: bytes, rng: random.Random) -> bytes:
    """Give a key the value that the same key has elsewhere in the file: mostly sound, seldom sensible."""
    pairs = list(PAIR.finditer(text))
    for _ in range(rng.randrange(1, 4)):
        one = rng.choice(pairs)
        other = rng.choice([pair for pair in pairs if pair[1] == one[1]])
        if text[one.start(2) : one.end(2)] == one[2]:
            text = text[: one.start(2)] + other[2] + text[one.end(2) :]
    return text


def some_keys(text: bytes, rng: random.Random) -> bytes:
    keys = list(re.finditer(rb"[a-z_0-9]+(?=:[ \n])", text))
    one, other = sorted(rng.sample(keys, 2), key=lambda key: key.start())
    return text[: one.start()] + other[0] + text[one.end() : other.start()] + one[0] + text[other.end() :]


MUTATORS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    some_bytes, some_lines, some_indentation, some_tokens, some_values, some_values, some_keys, some_numbers,
    some_numbers, some_neighbours, some_neighbours, some_neighbours,
)  # fmt: skip


def mutated(text: bytes, rng: random.Random) -> bytes:
    for mutate in rng.choices(MUTATORS, k=rng.choice([1, 1, 1, 2, 3])):
        with suppress(IndexError, ValueError):  # too little is left of the file for this one
            text = mutate(text, rng) or text
    return text


@cache
def sound() -> tuple[Any, Any, Any]:
    return load_city("kasba"), load_scenario("water_setpoints"), load_posture("hybrid")


def play(kind: str, file: Path, *, through: bool) -> None:
    """Load a damaged file and, if asked, compile it with sound ones, as a user would who plays it."""
    city, scenario, posture = sound()
    catalogue = None
    if kind == "city":
        city = load_city(file)
    elif kind == "scenario":
        scenario = load_scenario(file)
    elif kind == "controls":
        catalogue = load_catalogue(file)
        posture = posture.model_copy(update={"controls": tuple(catalogue.controls)})
    elif kind == "study":
        load_study(file)
        return
    elif kind == "decisions":
        check_decisions(load_decisions(file), city, posture)
        return
    else:
        posture = load_posture(file)
    if through and not any(problem.severity == "error" for problem in check_pair(city, scenario, posture)):
        compile_plan(city, scenario, posture, catalogue)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_damaged_file_is_refused_with_a_line_or_can_be_played(chunk: int, tmp_path: Path) -> None:
    rng = random.Random(chunk)
    for file in FOLDER.glob("*.yaml"):
        (tmp_path / file.name).write_bytes(content(file))
    for _ in range(PER_CHUNK):
        kind, source = rng.choice(POOL)
        damaged = tmp_path / ("_common.yaml" if kind == "base" else "damaged.yaml")
        damaged.write_bytes(mutated(content(source), rng))
        try:
            play(kind, tmp_path / "hybrid.yaml" if kind == "base" else damaged, through=rng.random() < 0.4)
        except InputError as error:
            assert error.problems
            for problem in error.problems:
                assert Path(problem.file).parent == tmp_path
                assert problem.line >= 1
                assert problem.column >= 1
                assert str(problem).isprintable()
        except CyberrangeError as error:
            pytest.fail(f"without a file and a line: {error}")
        if kind == "base":
            damaged.write_bytes(content(source))


def test_there_are_ten_thousand_damaged_files() -> None:
    assert CHUNKS * PER_CHUNK == 10_000
