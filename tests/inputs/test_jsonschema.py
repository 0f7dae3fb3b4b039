"""The JSON schemas on disk are those of the records, and let editors help."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from cyberrange.errors import CyberrangeError
from cyberrange.inputs.city import City, Sector
from cyberrange.inputs.jsonschema import schemas, text_of, write_schemas
from cyberrange.inputs.posture import Posture

FOLDER = Path(__file__).parents[2] / "schemas"
NAMES = ("city", "scenario", "posture", "controls", "study", "decisions")


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_on_disk_is_up_to_date(name: str) -> None:
    file = FOLDER / f"{name}.schema.json"
    assert file.read_text(encoding="utf-8") == text_of(schemas()[name]), "write them anew with: cyberrange schema"


def test_nothing_else_lies_beside_the_schemas() -> None:
    assert sorted(file.name for file in FOLDER.iterdir()) == sorted(f"{name}.schema.json" for name in NAMES)


def test_writing_twice_gives_the_same_files(tmp_path: Path) -> None:
    first = {file.name: file.read_bytes() for file in write_schemas(tmp_path / "new" / "folder")}
    assert {file.name: file.read_bytes() for file in write_schemas(tmp_path / "new" / "folder")} == first
    assert set(first) == {f"{name}.schema.json" for name in NAMES}


def test_a_folder_that_cannot_be_written_is_a_plain_complaint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CyberrangeError, match="cannot be written"):
        write_schemas(tmp_path / "file")


def test_an_editor_knows_every_key_with_its_meaning_and_choices() -> None:
    city = schemas()["city"]
    assert set(city["properties"]) == set(City.model_fields)
    asset = city["$defs"]["Asset"]
    assert asset["additionalProperties"] is False
    assert asset["properties"]["sector"]["enum"] == list(get_args(Sector))
    assert asset["properties"]["watched_by"]["description"].startswith("The asset that raises an alarm")
    assert "from" in city["$defs"]["Access"]["properties"]


@pytest.mark.parametrize("name", NAMES)
def test_no_python_reaches_an_editor(name: str) -> None:
    text = text_of(schemas()[name])
    assert ">>>" not in text
    assert '"title"' not in text


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_leads_to_a_definition(name: str) -> None:
    schema = schemas()[name]
    assert {ref.removeprefix("#/$defs/") for ref in references(schema)} <= set(schema["$defs"])


def references(value: Any) -> set[str]:
    if isinstance(value, list):
        return {ref for item in value for ref in references(item)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own | {ref for item in value.values() for ref in references(item)}


def test_a_posture_with_a_base_needs_no_key_and_may_take_any_away() -> None:
    schema = schemas()["posture"]
    whole, part = schema["$defs"]["Posture"], schema["$defs"]["Posture_part"]
    assert "triage" in whole["required"]
    assert set(part["properties"]) == {"base", *Posture.model_fields}
    assert '"required"' not in json.dumps({name: made for name, made in schema["$defs"].items() if "_part" in name})
    assert part["properties"]["triage"]["anyOf"][1] == {"type": "null"}
