"""Records from YAML: what is accepted, and what a person is told otherwise."""

import datetime as dt
import random
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from cyberrange.errors import InputError
from cyberrange.inputs.reading import MAX_BASES, read_record

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Tank(Strict):
    kind: Literal["tank"]
    hours: Annotated[float, Field(ge=0, le=100)]


class Battery(Strict):
    kind: Literal["battery"]
    minutes: Annotated[int, Field(gt=0)]
    cells: int = 1


class Lasting(Strict):
    """Has a short form, so that pydantic reads the long form as Python objects."""

    fixed: float | None = None
    steps: tuple[float, ...] = ()
    since: dt.date | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"fixed": value} if isinstance(value, int | float) else value


class Service(Strict):
    name: Annotated[str, Field(max_length=20)]
    needs: tuple[Id, ...] = ()
    open: bool = True
    people: int = 0
    store: Annotated[Tank | Battery, Field(discriminator="kind")] | None = None
    level: float | Lasting = 1.0
    colour: Colour = Colour.RED
    start: dt.datetime | None = None
    spot: tuple[float, float] = (0.0, 0.0)
    lasting: Lasting | None = None
    source: str = Field(default="", alias="from")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.people == 13:
            raise ValueError("thirteen people bring bad luck")
        if self.people == 14:
            raise ValueError("first", "second")
        if self.people == 16:
            raise ValueError
        if self.people == 15:
            raise PydanticCustomError("fifteen", "third of {n}\nfourth", {"n": 15})
        return self


class City(Strict):
    name: str
    services: Annotated[dict[Id, Service], Field(max_length=3)] = {}


def complaints(text: str | Path, model: type[BaseModel] = City) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_record(text, model)
    return [str(problem).removeprefix("<text>:") for problem in caught.value.problems]


def about_service(line: str) -> list[str]:
    text = f"name: Kasba\nservices:\n  water:\n    name: Water\n    {line}\n"
    return [c.replace("services.water", "@") for c in complaints(text)]


def test_a_record_comes_with_its_document() -> None:
    city, document = read_record("name: Kasba\nservices: {water: {name: W, needs: [pump]}}", City)
    assert city == City(name="Kasba", services={"water": Service(name="W", needs=("pump",))})
    place = document.place(("services", "water", "needs", 0))
    assert place == ("<text>", 2, 37)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("peple: 3", "5:5: @: unknown key 'peple'. Did you mean 'people'?"),
        ("source: x", "5:5: @: unknown key 'source'. Did you mean 'store'?"),
        ("frm: x", "5:5: @: unknown key 'frm'. Did you mean 'from'?"),
        ("name2: x", "5:5: @: unknown key 'name2'. Did you mean 'name'?"),
        ("people: many", "5:13: @.people: expected a whole number, found text 'many'"),
        ("people: '3'", "5:13: @.people: expected a whole number, found text '3'"),
        ("people: 2.5", "5:13: @.people: expected a whole number, found the number 2.5"),
        ("people: true", "5:13: @.people: expected a whole number, found true"),
        ("people:", "5:12: @.people: expected a whole number, found nothing"),
        ("open: yes", "5:11: @.open: expected true or false, found text 'yes'"),
        ("open: 1", "5:11: @.open: expected true or false, found the number 1"),
        ("needs: pump", "5:12: @.needs: expected a list, found text 'pump'"),
        ("needs: [3]", "5:13: @.needs[0]: expected text, found the number 3"),
        (
            "needs: [a, Pump No. 2]",
            "5:16: @.needs[1]: 'Pump No. 2' is not an id: lower-case letters, digits and "
            "underscores, a letter first. Did you mean 'pump_no_2'?",
        ),
        ("store: 3", "5:12: @.store: expected keys and values, found the number 3"),
        ("store: {hours: 1}", "5:5: @.store: missing key 'kind'"),
        (
            "store: {kind: tnak}",
            "5:19: @.store.kind: 'tnak' is not an allowed value. Did you mean 'tank'?",
        ),
        (
            "store: {kind: battery, minutes: 5, hours: 1}",
            "5:40: @.store: unknown key 'hours'. Allowed: kind, minutes, cells.",
        ),
        (
            "store: {kind: tank, hours: 101}",
            "5:32: @.store.hours: out of range: found 101, allowed is at most 100",
        ),
        (
            "store: {kind: battery, minutes: 0}",
            "5:37: @.store.minutes: out of range: found 0, allowed is more than 0",
        ),
        (
            "colour: rde",
            "5:13: @.colour: 'rde' is not an allowed value. Did you mean 'red'?",
        ),
        ("colour: 3", "5:13: @.colour: expected 'red' or 'green', found the number 3"),
        (
            "start: tomorrow",
            "5:12: @.start: expected a date and time such as 2025-01-31T09:30, found text 'tomorrow'",
        ),
        ("spot: [1]", "5:5: @.spot: missing item 2"),
        ("spot: [1, 2, 3]", "5:11: @.spot: found 3 entries, allowed is at most 2"),
        ("level: high", "5:12: @.level: expected a number or keys and values, found text 'high'"),
        ("level: {fixd: 3}", "5:13: @.level: unknown key 'fixd'. Did you mean 'fixed'?"),
        ("people: 13", "4:5: @: thirteen people bring bad luck"),
    ],
)
def test_each_mistake_is_told_in_plain_words_at_its_place(line: str, complaint: str) -> None:
    assert about_service(line) == [complaint]


def test_a_validator_may_report_several_things() -> None:
    assert about_service("people: 14") == ["4:5: @: first", "4:5: @: second"]
    assert about_service("people: 15") == ["4:5: @: third of 15", "4:5: @: fourth"]


def test_a_validator_without_words_is_still_heard() -> None:
    assert about_service("people: 16") == ["4:5: @: this is not valid"]


def test_a_missing_key_is_reported_at_the_key_of_what_lacks_it() -> None:
    text = "services:\n  water: {}\n  power:\n    open: true\n"
    assert complaints(text) == [
        "1:1: missing key 'name'",
        "2:3: services.water: missing key 'name'",
        "3:3: services.power: missing key 'name'",
    ]


def test_a_wrong_name_of_a_mapping_is_reported_at_the_key() -> None:
    (complaint,) = complaints("name: x\nservices:\n  Big Water: {name: x}\n")
    assert complaint.startswith("3:3: services: 'Big Water' is not an id")
    assert complaint.endswith("Did you mean 'big_water'?")


def test_too_many_entries_and_too_long_text_are_counted() -> None:
    four = ", ".join(f"s{n}: {{name: x}}" for n in range(4))
    assert complaints(f"name: x\nservices: {{{four}}}") == ["2:11: services: found 4 entries, allowed is at most 3"]
    assert complaints(f"name: {'x' * 21}", Service) == ["1:7: name: found 21 characters, allowed is at most 20"]


def test_entries_that_were_refused_still_count_as_entries() -> None:
    class Team(Strict):
        people: Annotated[tuple[Id, ...], Field(min_length=1)]

    class Lottery(Strict):
        people: Annotated[frozenset[str], Field(min_length=2)]

    assert complaints("people: [1]", Team) == ["1:10: people[0]: expected text, found the number 1"]
    assert complaints("people: [a, a]", Lottery)
    assert complaints("people: []", Team) == ["1:9: people: found 0 entries, allowed is at least 1"]


def test_all_mistakes_of_a_file_come_at_once_in_the_order_of_the_file() -> None:
    text = "nmae: x\nservices:\n  water: {name: 3, open: on}\n  power: {name: x, needs: [A]}\n"
    positions = [complaint.split(": ")[0] for complaint in complaints(text)]
    assert positions == ["1:1", "1:1", "3:17", "3:26", "4:28"]


def test_a_before_validator_does_not_make_lists_and_dates_wrong() -> None:
    text = "name: x\nlasting: {steps: [1, 2], since: 2025-01-31}"
    lasting = read_record(text, Service)[0].lasting
    assert lasting == Lasting(steps=(1.0, 2.0), since=dt.date(2025, 1, 31))
    assert read_record("name: x\nlasting: 3", Service)[0].lasting == Lasting(fixed=3)


def test_mistakes_behind_a_before_validator_are_found_with_all_others() -> None:
    text = "name: 3\nlasting: {steps: [1, x], fixed: {}}"
    assert complaints(text, Service) == [
        "1:7: name: expected text, found the number 3",
        "2:22: lasting.steps[1]: expected a number, found text 'x'",
        "2:33: lasting.fixed: expected a number, found keys and values",
    ]


def test_a_member_of_a_union_with_the_name_of_a_key_is_not_confused_with_it() -> None:
    class Outer(Strict):
        store: Annotated[Tank | Battery, Field(discriminator="kind")]

    found = complaints("store: {kind: tank, hours: x, tank: {hours: 1}}", Outer)
    assert found == [
        "1:28: store.hours: expected a number, found text 'x'",
        "1:31: store: unknown key 'tank'. Allowed: kind, hours.",
    ]


def test_nothing_that_pydantic_says_reaches_the_user() -> None:
    text = "name: [1]\nservices: {a: {name: {}, people: x, store: {kind: z}, start: 5, spot: 1}}"
    said = " ".join(complaints(text))
    assert not any(word in said for word in ("Input", "valid ", "type=", "pydantic", "http"))


def test_quotes_from_the_file_are_short_and_printable() -> None:
    (complaint,) = about_service('open: "' + "long \\e[31m\\n" * 1000 + '"')
    assert complaint.isprintable()
    assert len(complaint) < 150


# --- a file that builds on another ---------------------------------------------------------------

BASE = """\
name: Base
services:
  water: {name: Water, people: 3, needs: [a, b]}
  power: {name: Power}
"""


@pytest.fixture
def base_of(tmp_path: Path) -> Callable[[str], Path]:
    (tmp_path / "base.yaml").write_text(BASE)
    return lambda name: tmp_path / f"{name}.yaml"


def test_mappings_are_merged_and_everything_else_is_replaced(
    base_of: Callable[[str], Path],
) -> None:
    text = "base: base\nservices:\n  water: {people: 4, needs: [c]}\n  lamps: {name: Lamps}\n"
    city, document = read_record(text, City, base_of=base_of)
    assert city.name == "Base"
    assert city.services["water"] == Service(name="Water", people=4, needs=("c",))
    assert list(city.services) == ["water", "power", "lamps"]
    assert "base" not in document.values


def test_null_removes_a_key_of_the_base(base_of: Callable[[str], Path]) -> None:
    text = "base: base\nservices: {power: null, water: {needs: }}"
    city, _ = read_record(text, City, base_of=base_of)
    assert city.services == {"water": Service(name="Water", people=3)}


def test_each_complaint_names_the_file_in_which_the_value_stands(
    tmp_path: Path, base_of: Callable[[str], Path]
) -> None:
    base_of("base").write_text(BASE.replace("people: 3", "people: x"))
    top = tmp_path / "top.yaml"
    top.write_text("base: base\nservices:\n  power: {open: maybe}\n")
    with pytest.raises(InputError) as caught:
        read_record(top, City, base_of=base_of)
    assert [(Path(p.file).name, p.line, p.column) for p in caught.value.problems] == [
        ("base.yaml", 3, 32),
        ("top.yaml", 3, 17),
    ]


def test_a_chain_of_bases_ends_at_the_limit(tmp_path: Path, base_of: Callable[[str], Path]) -> None:
    for number in range(1, MAX_BASES + 1):
        base_of(f"b{number}").write_text(f"base: {f'b{number - 1}' if number > 1 else 'base'}\n")
    city, _ = read_record(base_of(f"b{MAX_BASES - 1}"), City, base_of=base_of)
    assert city.name == "Base"
    assert read_record(base_of(f"b{MAX_BASES}"), City, base_of=base_of)[0] == city
    with pytest.raises(InputError, match=r"b1.yaml:1:7: base: the base 'base' is one too many"):
        read_record(f"base: b{MAX_BASES}", City, base_of=base_of)


@pytest.mark.parametrize("text", ["base: loop", "base: other"])
def test_a_circle_of_bases_is_refused(text: str, base_of: Callable[[str], Path]) -> None:
    base_of("loop").write_text(text)
    base_of("other").write_text("base: loop")
    with pytest.raises(InputError, match="leads back to a file that builds on it"):
        read_record(base_of("loop"), City, base_of=base_of)


def test_a_base_that_does_not_exist_is_reported_where_it_is_named(
    base_of: Callable[[str], Path],
) -> None:
    with pytest.raises(InputError, match=r"^<text>:2:7: base: the base 'nowhere' is not there: "):
        read_record("name: x\nbase: nowhere", City, base_of=base_of)


@pytest.mark.parametrize("error", [LookupError, ValueError, KeyError])
def test_what_the_resolver_objects_to_is_passed_on(error: type[Exception]) -> None:
    def refuse(name: str) -> str:
        raise error(f"no city {name}")

    with pytest.raises(InputError) as caught:
        read_record("base: x", City, base_of=refuse)
    assert str(caught.value) == "<text>:1:7: base: no city x"


def test_a_base_has_a_name(base_of: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match="1:7: base: expected text, found a list"):
        read_record("base: [x]", City, base_of=base_of)


def test_without_a_resolver_base_is_a_key_like_any_other() -> None:
    assert "unknown key 'base'" in complaints("name: x\nbase: y")[0]


# --- damaged files -------------------------------------------------------------------------------

WHOLE = """\
name: Kasba
services:
  water:
    name: "Water"
    needs: [pump_1, 'pump_2']
    store: {kind: tank, hours: 4.5}
    start: 2025-01-31T09:30
  power: &power
    name: Power
    level: {fixed: 3, steps: [1, 2]}
    spot: [1.5, 2e3]
  lamps: *power
"""


@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_a_damaged_file_gives_a_record_or_an_input_error(rng: random.Random, hits: int) -> None:
    content = bytearray(WHOLE.encode())
    for _ in range(hits):
        at = rng.randrange(len(content))
        content[at : at + rng.choice([0, 1, 1, 5])] = rng.choice(
            [bytes([rng.randrange(256)]), b"", b"\n", b"[", b"{", b": ", b"*power", b"\xff", b"!!int "]
        )
    try:
        text = bytes(content).decode("utf-8", errors="surrogateescape")
        assert isinstance(read_record(text, City)[0], City)
    except InputError as error:
        assert str(error)
