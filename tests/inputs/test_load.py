"""Loading: names and paths, everything that is wrong at once, and files that survive being saved."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from cyberrange.errors import CyberrangeError, InputError
from cyberrange.inputs.city import City
from cyberrange.inputs.load import (
    load_catalogue,
    load_city,
    load_decisions,
    load_posture,
    load_scenario,
    load_study,
    save,
)
from cyberrange.inputs.records import Record
from cyberrange.inputs.shipped import Kind, shipped
from cyberrange.inputs.writing import to_yaml

BAD = Path(__file__).parent / "bad"
LOADERS: dict[Kind, Any] = {
    "topologies": load_city,
    "scenarios": load_scenario,
    "postures": load_posture,
    "controls": load_catalogue,
    "studies": load_study,
    "decisions": load_decisions,
}
SHIPPED = [(kind, name) for kind in LOADERS for name in shipped(kind)]
EVERY = pytest.mark.parametrize(("kind", "name"), SHIPPED, ids=lambda word: word)


@EVERY
def test_every_shipped_file_loads_by_name_and_by_path(kind: Kind, name: str) -> None:
    record = LOADERS[kind](name)
    assert record == LOADERS[kind](shipped(kind)[name]) == LOADERS[kind](str(shipped(kind)[name]))


@EVERY
def test_every_shipped_file_survives_saving_and_is_written_the_same_again(
    kind: Kind, name: str, tmp_path: Path
) -> None:
    record = LOADERS[kind](name)
    file = tmp_path / f"{name}.yaml"
    save(record, file)
    text = file.read_text(encoding="utf-8")
    again = LOADERS[kind](file)
    assert again == record
    assert to_yaml(again) == text


@EVERY
def test_building_the_same_record_in_python_and_saving_it_gives_the_same_file(
    kind: Kind, name: str, tmp_path: Path
) -> None:
    record = LOADERS[kind](name)
    built = rebuilt(record)
    assert built == record
    assert built is not record
    assert to_yaml(built) == to_yaml(record)


def rebuilt(value: Any) -> Any:
    """Call the constructors of a record and of all that it holds, as a script would."""
    if isinstance(value, Record):
        fields = type(value).model_fields
        given = {name: rebuilt(getattr(value, name)) for name in value.model_fields_set}
        return type(value)(**{fields[name].alias or name: item for name, item in given.items()})
    if isinstance(value, dict):
        return {key: rebuilt(item) for key, item in value.items()}
    return tuple(rebuilt(item) for item in value) if isinstance(value, tuple) else value


def test_a_city_built_from_plain_python_values_reads_well_and_loads_back(tmp_path: Path) -> None:
    city = City.model_validate(
        {
            "id": "toy",
            "name": "Toy",
            "zones": {"office": {"name": "Office", "kind": "it"}},
            "wards": {"north": {"name": "North", "population": 100}},
            "services": {
                "water": {
                    "name": "Water",
                    "sector": "water",
                    "needs": [{"all_of": ["tank"], "buffer": {"lasts": 0.5}}],
                    "value": {"citizens": 250_000},
                }
            },
            "assets": {
                "tank": {"name": "Tank", "kind": "tank", "sector": "water", "zone": "office", "layer": "sensing"}
            },
            "access": [{"from": ["tank"], "to": ["tank"]}],
        }
    )
    save(city, tmp_path / "toy.yaml")
    text = (tmp_path / "toy.yaml").read_text()
    assert "lasts: 30 min" in text
    assert "citizens: Rs 2.5 lakh" in text
    assert load_city(tmp_path / "toy.yaml") == city


def test_a_posture_that_builds_on_another_has_what_both_say(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("base: inhouse_ciso\nid: mine\nname: Mine\nteams: {it_ops: {name: Two of us}}\n")
    mine, theirs = load_posture(file), load_posture("inhouse_ciso")
    assert mine.teams["it_ops"].name == "Two of us"
    assert mine.teams["it_ops"].shifts == theirs.teams["it_ops"].shifts
    assert mine.playbook == theirs.playbook


def test_a_base_beside_the_file_comes_before_a_shipped_one(tmp_path: Path) -> None:
    base = tmp_path / "hybrid.yaml"
    base.write_text((BAD / "_posture.yaml").read_text() + "id: hybrid\n")
    file = tmp_path / "mine.yaml"
    file.write_text("base: hybrid\nid: mine\n")
    assert load_posture(file).name == "Toy posture"


def test_the_base_of_a_shipped_base_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "_common.yaml").write_text("this: is another one")
    file = tmp_path / "mine.yaml"
    file.write_text("base: hybrid_grant\nid: mine\n")
    assert load_posture(file).controls == load_posture("hybrid_grant").controls


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "sub/posture", "", "mine.yaml", ".."])
def test_a_base_is_a_name_and_never_a_path(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path / "secret.yaml", folder / "sub" / "posture.yaml"):
        place.write_text("id: secret")
    file = folder / "mine.yaml"
    file.write_text(f"base: {name!r}\n")
    with pytest.raises(InputError, match=r"mine.yaml:1:7: base: unknown base '"):
        load_posture(file)


def test_a_posture_may_use_another_catalogue_of_controls(tmp_path: Path) -> None:
    shop = load_catalogue()
    lock = {"lock": shop.controls["mfa"]}
    file = tmp_path / "mine.yaml"
    file.write_text("base: hybrid\nid: mine\ncontrols: [lock]\n")
    assert load_posture(file, catalogue=shop.model_copy(update={"controls": lock})).controls == ("lock",)
    with pytest.raises(InputError, match="unknown control 'lock'"):
        load_posture(file)


def test_all_errors_come_at_once_and_warnings_do_not_stop_a_load() -> None:
    with pytest.raises(InputError) as caught:
        load_city(BAD / "city_has_many_mistakes.yaml")
    assert len(caught.value.problems) == 5
    assert load_city(BAD / "city_has_a_cycle_of_needs.yaml").id == "toy"


def test_errors_of_the_schema_come_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        load_city(BAD / "city_lacks_keys.yaml")
    assert [problem.line for problem in caught.value.problems] == [9, 16]


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_a_name_that_ships_nowhere_is_a_plain_complaint(load: Any) -> None:
    with pytest.raises(CyberrangeError, match="neither a file nor a shipped name"):
        load("no_such_thing")


def test_the_sizes_of_shipped_records_are_what_their_files_say() -> None:
    assert len(load_city("kasba").assets) == 18
    assert all(isinstance(load_catalogue().controls[name], BaseModel) for name in load_catalogue().controls)
