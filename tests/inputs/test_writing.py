"""Records to YAML: what is written reads back the same, and reads well."""

import datetime as dt
import os
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from cyberrange.errors import CyberrangeError
from cyberrange.inputs.reading import read_record
from cyberrange.inputs.writing import save, to_yaml
from cyberrange.inputs.yaml_text import read_yaml


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Need(Strict):
    kind: Literal["all", "any"]
    of: tuple[str, ...]
    share: float = 1.0


class Service(Strict):
    name: str
    about: str = ""
    needs: tuple[Need, ...] = ()
    grid: tuple[tuple[int, ...], ...] = ()
    start: dt.datetime | None = None
    source: str = Field(default="", alias="from")


class City(Strict):
    name: str = "Kasba"
    services: dict[str, Service] = {}


class Anything(Strict):
    value: Any


LONG = "The pumping station at the river lifts raw water to the treatment works; a valve closes by hand."


def test_the_text_reads_well() -> None:
    service = Service.model_validate(
        {
            "name": "Water – पानी",
            "about": LONG,
            "needs": [{"kind": "all", "of": ["pump_1", "no"]}, {"kind": "any", "of": []}],
            "grid": [[1, 2], []],
            "start": "2025-01-31T09:30:00",
            "from": "line one\n  line: two\n\nline three\n",
        }
    )
    assert to_yaml(City(services={"water": service, "on": Service(name="4.5 h")})) == (
        "services:\n"
        "  water:\n"
        "    name: Water – पानी\n"
        "    about: >-\n"
        "      The pumping station at the river lifts raw water to the treatment works; a valve closes by\n"
        "      hand.\n"
        "    needs:\n"
        "      - kind: all\n"
        '        of: [pump_1, "no"]\n'
        "      - kind: any\n"
        "        of: []\n"
        "    grid:\n"
        "      - [1, 2]\n"
        "      - []\n"
        '    start: "2025-01-31T09:30:00"\n'
        "    from: |\n"
        "      line one\n"
        "        line: two\n"
        "\n"
        "      line three\n"
        '  "on":\n'
        "    name: 4.5 h\n"
    )


def test_a_record_of_defaults_is_an_empty_mapping() -> None:
    assert to_yaml(City()) == "{}\n"
    assert read_record("{}\n", City)[0] == City()


def test_a_list_stands_on_one_line_while_it_fits() -> None:
    fits = to_yaml(Anything(value=["x" * 10] * 7 + ["x" * 5]))
    assert fits.count("\n") == 1
    assert max(map(len, fits.splitlines())) <= 100
    assert to_yaml(Anything(value=["x" * 10] * 8)).count("\n") == 9


def test_defaults_are_left_out_and_aliases_used() -> None:
    service = Service.model_validate({"name": "W", "from": "here"})
    assert to_yaml(service) == "name: W\nfrom: here\n"


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_could_not_be_read_again_is_not_written(number: float) -> None:
    with pytest.raises(CyberrangeError, match="not finite"):
        to_yaml(Need(kind="all", of=(), share=number))


WORDS = st.sampled_from(
    ["no", "Yes", "NULL", "~", "1e3", "1_0", "09:30", "4.5 h", "1 - 2", "2025-01-31", "- a", "a: b", "a #b", "[a",
     "<<", "*a", "&a", "!a", "%a", "@a", "---", "...", "a\n", "\na", "a\n\nb", " a", "a ", "a\n b\n", "\ta", "a\\nb",
     '"', "'", "a\r\nb", "#a\n#b", "?", ": ", "=", "\u2028", "\x85", "\ufeff", "\u200d", "a b " * 40 + "c", "x" * 150,
     LONG, LONG + "\n" + LONG]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.text(alphabet="ab :#-\n", max_size=30)
    | WORDS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | WORDS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_any_value_survives_writing_and_reading(value: object) -> None:
    text = to_yaml(Anything(value=value))
    again = read_yaml(text).values["value"]
    assert again == value
    assert repr(again) == repr(value)  # 1, 1.0 and true are equal in Python


@given(VALUES)
def test_other_readers_of_yaml_see_the_same_values(value: object) -> None:
    assert repr(yaml.safe_load(to_yaml(Anything(value=value)))) == repr({"value": value})


@given(st.dictionaries(st.text(max_size=8) | WORDS, st.builds(Service, name=WORDS), max_size=4))
def test_a_record_survives_and_is_written_the_same_again(services: dict[str, Service]) -> None:
    city = City(services=services)
    text = to_yaml(city)
    again, _ = read_record(text, City)
    assert again == city
    assert to_yaml(again) == text


def test_a_saved_file_reads_back_as_an_equal_record(tmp_path: Path) -> None:
    city = City(name="हिन्दी", services={"water": Service(name="W", about=LONG)})
    save(city, tmp_path / "city.yaml")
    assert read_record(tmp_path / "city.yaml", City)[0] == city
    assert os.listdir(tmp_path) == ["city.yaml"]


def test_a_file_is_replaced_whole_or_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "city.yaml"
    save(City(name="Old"), file)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(CyberrangeError, match=r"city.yaml cannot be written: No space left"):
        save(City(name="New"), file)
    assert file.read_text() == "name: Old\n"
    assert os.listdir(tmp_path) == ["city.yaml"]


def test_a_folder_that_is_not_there_is_a_plain_complaint(tmp_path: Path) -> None:
    with pytest.raises(CyberrangeError, match="cannot be written: No such file or directory"):
        save(City(), tmp_path / "none" / "city.yaml")
