"""YAML text: which values it gives, where they stand, and what is refused."""

import pickle
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cyberrange.errors import InputError, Problem, did_you_mean
from cyberrange.inputs import yaml_text
from cyberrange.inputs.yaml_text import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_PROBLEMS, read_yaml

CITY = """\
# a comment
name: Kasba
services:
  water:
    needs: [pump_1, pump_2]
    open: no
  "हिन्दी": {level: 0.5}
"""


@pytest.fixture(params=["C loader", "pure Python loader"], autouse=True)
def _each_loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure Python loader":
        monkeypatch.setattr(yaml_text, "_LOADER", yaml.SafeLoader)


def complaints(source: str | Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_yaml(source)
    return [str(problem).removeprefix("<text>:") for problem in caught.value.problems]


def value_of(text: str) -> object:
    return read_yaml(f"x: {text}").values["x"]


def test_values_are_plain_python_in_the_order_of_the_file() -> None:
    values = read_yaml(CITY).values
    assert list(values["services"]) == ["water", "हिन्दी"]
    assert values["services"]["water"] == {"needs": ["pump_1", "pump_2"], "open": "no"}


@pytest.mark.parametrize(
    ("path", "value_at", "key_at"),
    [
        (("name",), (2, 7), (2, 1)),
        (("services",), (4, 3), (3, 1)),
        (("services", "water", "needs"), (5, 12), (5, 5)),
        (("services", "water", "needs", 1), (5, 21), (5, 21)),
        (("services", "हिन्दी", "level"), (7, 21), (7, 14)),
        (("services", "water", "never_written"), (5, 5), (4, 3)),
    ],
)
def test_every_key_and_value_knows_its_line_and_column(
    path: tuple[str | int, ...], value_at: tuple[int, int], key_at: tuple[int, int]
) -> None:
    document = read_yaml(CITY)
    assert document.place(path)[1:] == value_at
    assert document.key_place(path)[1:] == key_at


def test_a_file_gives_its_name_to_every_place(tmp_path: Path) -> None:
    file = tmp_path / "city.yaml"
    file.write_bytes(b"\xef\xbb\xbfa:\r\n  b: 1\r\n")
    assert read_yaml(file).place(("a", "b")) == (str(file), 2, 6)


@pytest.mark.parametrize("text", ["no", "yes", "on", "off", "y", "True", "NULL", "2025-01-31"])
def test_words_and_dates_that_other_readers_convert_stay_text(text: str) -> None:
    assert value_of(text) == text


@pytest.mark.parametrize("text", ["09:30", "12:30:45", "007", "0x1f", "1_000", "1.2.3", "-", "nan"])
def test_what_only_looks_like_a_number_stays_text(text: str) -> None:
    assert value_of(text if text != "-" else "'-'") == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("2.", 2.0),
        ("+1.5E-2", 0.015),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ("!!float 12", 12.0),
    ],
)
def test_plain_values_have_the_type_that_they_look_like(text: str, value: object) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


def test_all_duplicate_keys_are_reported_at_once() -> None:
    text = "a: 1\nb: {x: 1, x: 2}\na: 2\nc:\n  - d: 1\n    d: 1\n"
    assert complaints(text) == [
        "2:11: b: duplicate key 'x', first on line 2",
        "3:1: duplicate key 'a', first on line 1",
        "6:5: c[0]: duplicate key 'd', first on line 5",
    ]


def test_a_file_full_of_mistakes_is_told_in_part() -> None:
    assert len(complaints("a: 1\n" * 5000)) == MAX_PROBLEMS


@pytest.mark.parametrize(
    ("key", "found"),
    [("1", "the number 1"), ("true", "true"), ("null", "nothing"), ("? [a]\n", "a list")],
)
def test_a_key_that_is_not_text_is_refused(key: str, found: str) -> None:
    assert complaints(f"{key}: x")[0].endswith(f"a key must be text, found {found}. Put it in quotes")


def test_different_mistakes_are_reported_together() -> None:
    text = "a: .nan\nb: -.inf\nc: 1e999\nd: !mine 3\ne: !!int many\nf: {<<: {}}\ng: *nowhere\n"
    assert complaints(text) == [
        "1:4: a: expected a finite number, found .nan",
        "2:4: b: expected a finite number, found -.inf",
        "3:4: c: the number 1e999 is too large",
        "4:4: d: the tag '!mine' is not allowed for text '3'",
        "5:4: e: the tag 'tag:yaml.org,2002:int' is not allowed for text 'many'",
        "6:5: f: merge keys (<<) are not read",
        "7:4: g: no value that ends before this has the anchor 'nowhere'",
    ]


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.getcwd []", "!!set {a}", "!!map [a]"])
def test_a_tag_that_asks_for_more_than_plain_values_is_refused(tag: str) -> None:
    assert "is not allowed for" in complaints(f"x: {tag}")[0]


@pytest.mark.parametrize("text", ["", "\n\n# nothing\n", "---\n", "~"])
def test_an_empty_document_is_refused(text: str) -> None:
    assert complaints(text)[0].endswith(": the file is empty")


def test_a_second_document_is_refused() -> None:
    assert complaints("a: 1\n---\nb: 2") == ["2:1: a second document starts here; one is read"]


@pytest.mark.parametrize(("text", "found"), [("- a", "a list"), ("word", "text 'word'")])
def test_a_top_level_without_keys_is_refused(text: str, found: str) -> None:
    assert complaints(text) == [f"1:1: expected keys and values, found {found}"]


def test_each_control_character_is_named_with_its_place() -> None:
    assert complaints("a: \x00\nb: c\x1b[31m\n") == [
        r"1:4: control character '\x00'",
        r"2:5: control character '\x1b'",
    ]


def test_bytes_that_are_not_utf8_are_refused_at_their_place(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"a: 1\nb: caf\xe9\n")
    assert complaints(file) == [f"{file}:2:7: this is not UTF-8 text. Save the file as UTF-8"]


def test_half_of_a_surrogate_pair_is_refused() -> None:
    assert complaints(r'a: "\ud83d"')


def test_a_file_that_is_not_there_is_a_plain_complaint(tmp_path: Path) -> None:
    file = tmp_path / "none.yaml"
    assert complaints(file) == [f"{file}: cannot be read: No such file or directory"]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    with file.open("wb") as out:
        out.truncate(MAX_BYTES + 1)
    assert complaints(file) == [f"{file}: the file is larger than 16 MiB"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "[{a: "])
def test_endless_nesting_is_refused_without_harm(opening: str) -> None:
    assert f"nested deeper than {MAX_DEPTH} levels" in complaints(opening * 200_000)[-1]


def test_nesting_up_to_the_limit_is_read() -> None:
    lists = MAX_DEPTH - 1
    assert read_yaml(f"a: {'[' * lists}1{']' * lists}").values
    assert complaints(f"a: {'[' * (lists + 1)}1{']' * (lists + 1)}")


def test_too_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "MAX_NODES", 20)
    assert read_yaml("a: [1, 2, 3]")
    assert complaints(f"a: [{'1, ' * 20}]")[0].endswith("more than 20 values")


def test_an_alias_gives_the_value_and_the_place_of_its_anchor() -> None:
    document = read_yaml("a: &shared {b: 1}\nc: *shared\n")
    assert document.values["c"] == {"b": 1}
    assert document.place(("c", "b"))[1:] == (1, 16)
    assert document.key_place(("c",))[1:] == (2, 1)


def test_aliases_of_aliases_count_as_if_they_were_written_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(yaml_text, "MAX_NODES", 10_000)
    rows = [f"{new}: &{new} [{f'*{old}, ' * 9}]" for old, new in pairwise("abcdefgh")]
    bomb = "\n".join(["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]", *rows])
    assert "more than 10,000 values" in complaints(bomb)[0]


def test_many_aliases_are_refused() -> None:
    assert read_yaml(f"a: &a 1\nb: [{'*a, ' * MAX_ALIASES}]")
    assert f"more than {MAX_ALIASES} aliases" in complaints(f"a: &a 1\nb: [{'*a, ' * (MAX_ALIASES + 1)}]")[0]


def test_aliases_cannot_build_what_nesting_may_not() -> None:
    half = MAX_DEPTH // 2 + 1
    text = f"a: &a {'[' * half}{']' * half}\nb: {'[' * half}*a{']' * half}"
    assert "nested deeper" in complaints(text)[0]


def test_a_value_cannot_hold_itself() -> None:
    assert "the anchor 'a'" in complaints("a: &a [*a]")[0]


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ("a: b: c", "1:5:", "Put text that holds ': ' in quotes"),
        ("a:\n\tb: 1", "2:1:", "Indent with spaces"),
        ("a: @x", "1:4:", "in quotes"),
        ("a: [1, 2\nb: 3", "2:", ""),
        ('a: "open\n', "2:1:", ""),
    ],
)
def test_text_that_is_not_yaml_is_refused_where_it_breaks(text: str, position: str, hint: str) -> None:
    (complaint,) = complaints(text)
    assert complaint.startswith(position)
    assert "this is not YAML: " in complaint
    assert hint in complaint


def test_a_complaint_stays_on_one_line_whatever_the_file_holds() -> None:
    key = '"two\\nlines \\e[31m \\u202e' + "x" * 500 + '"'
    (complaint,) = complaints(f"{key}: 1\n{key}: 2")
    assert complaint.isprintable()
    assert len(complaint) < 200


@given(st.text(max_size=200))
def test_any_text_gives_a_document_or_an_input_error(text: str) -> None:
    try:
        assert isinstance(read_yaml(text).values, dict)
    except InputError as error:
        assert error.problems


def test_the_right_word_is_offered_also_for_another_case() -> None:
    assert did_you_mean("PUMP_1", ["pump_1", "tank"]) == " Did you mean 'pump_1'?"


def test_few_allowed_words_are_listed_and_many_are_not() -> None:
    assert did_you_mean("xyz", ["high", "low"]) == " Allowed: high, low."
    assert did_you_mean("xyz", [f"word_{n}" for n in range(13)]) == ""
    assert did_you_mean("xyz", []) == ""


def test_an_input_error_survives_being_rebuilt_from_its_arguments() -> None:
    with pytest.raises(InputError) as caught:
        read_yaml("a: 1\na: 2")
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.problems == caught.value.problems
    assert str(again) == str(caught.value)


def test_a_warning_says_that_it_is_one() -> None:
    problem = Problem("a.yaml", 3, 1, "services", "nobody uses this", severity="warning")
    assert str(problem) == "a.yaml:3:1: warning: services: nobody uses this"
