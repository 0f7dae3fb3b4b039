"""JSON schemas of the input files, so that editors complete keys and underline mistakes while one writes."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from cyberrange.errors import CyberrangeError
from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue
from cyberrange.inputs.decisions import Decisions
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.quantities import Hours
from cyberrange.inputs.records import Record
from cyberrange.inputs.scenario import Scenario
from cyberrange.inputs.study import StudySpec

_MODELS: dict[str, type[Record]] = {
    "city": City,
    "scenario": Scenario,
    "posture": Posture,
    "controls": Catalogue,
    "study": StudySpec,
    "decisions": Decisions,
}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/"
_PART = "_part"
"""Ending of the definitions that a file with a base follows: it says only what differs."""

Schema = dict[str, Any]

_HOURS: Schema = TypeAdapter(Hours).json_schema()


def schemas() -> dict[str, Schema]:
    """Return the schema of each kind of file by name: city, scenario, posture, controls, study, decisions.

    Examples
    --------
    >>> schemas()["city"]["properties"]["utc_offset"]["description"]
    'Local time is this far ahead of UTC.'
    """
    made = {name: _schema_of(model) for name, model in _MODELS.items()}
    made["posture"] = _with_bases(made["posture"])
    return made


def write_schemas(folder: Path | str) -> list[Path]:
    """Write the schema of each kind of file to a folder, which is made if it is not there.

    Parameters
    ----------
    folder : Path or str
        Where ``city.schema.json`` and the others go.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    CyberrangeError
        When the folder cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [file.name for file in write_schemas(folder)]
    ['city.schema.json', 'scenario.schema.json', 'posture.schema.json', 'controls.schema.json',
     'study.schema.json', 'decisions.schema.json']
    """
    target = Path(folder)
    files = {target / f"{name}.schema.json": text_of(schema) for name, schema in schemas().items()}
    try:
        target.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CyberrangeError(f"{folder} cannot be written: {error.strerror}") from None
    return list(files)


def text_of(schema: Schema) -> str:
    """Return a schema as it stands in its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema_of(model: type[Record]) -> Schema:
    made = {"$schema": _DIALECT, **_tidied(model.model_json_schema(by_alias=True, mode="validation"))}
    # The short form of a duration follows the same pattern as the amounts in its long form.
    if "Duration" in made["$defs"]:
        made["$defs"]["Duration"]["anyOf"][0]["pattern"] = _HOURS["pattern"]
    return made


def _tidied(value: Any) -> Any:
    """Return a schema without made-up titles and examples in Python, and with ids that have to look like ids."""
    if isinstance(value, list):
        return [_tidied(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _tidied(item) for key, item in value.items() if not (key == "title" and isinstance(item, str))}
    if "patternProperties" in kept:
        kept.setdefault("additionalProperties", False)
    if isinstance(kept.get("description"), str):
        kept["description"] = " ".join(kept["description"].partition("\n\nExamples\n")[0].split())
    return kept


def _with_bases(posture: Schema) -> Schema:
    """Return the schema of a posture that may build on another: then nothing is required, and null takes away."""
    whole = {key: value for key, value in posture.items() if key not in ("$schema", "$defs")}
    base = {"type": "string", "description": "The posture that this one builds on; the file says only what differs."}
    part = _relaxed(whole)
    part["properties"] = {"base": base, **part["properties"]}
    definitions = {**posture["$defs"], **{name + _PART: _relaxed(made) for name, made in posture["$defs"].items()}}
    return {
        "$schema": _DIALECT,
        "description": whole["description"],
        "if": {"required": ["base"]},
        "then": {"$ref": f"{_REF}Posture{_PART}"},
        "else": {"$ref": f"{_REF}Posture"},
        "$defs": {**definitions, "Posture": whole, f"Posture{_PART}": part},
    }


def _relaxed(schema: Schema) -> Schema:
    """Return a schema that asks for no key and lets null stand for each."""
    made: Schema = _parts(deepcopy(schema))
    made.pop("required", None)
    if "properties" in made:
        made["properties"] = {key: _or_null(value) for key, value in made["properties"].items()}
    return made


def _parts(value: Any) -> Any:
    """Return a schema whose references lead to the definitions for files with a base."""
    if isinstance(value, list):
        return [_parts(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: _parts(item) for key, item in value.items()}
    if isinstance(made.get("$ref"), str):
        made["$ref"] += _PART
    for key in ("additionalProperties", "patternProperties"):
        if isinstance(made.get(key), dict):
            made[key] = _nullable(key, made[key])
    return made


def _nullable(key: str, entries: Schema) -> Schema:
    """Let null take an entry of a mapping away."""
    if key == "additionalProperties":
        return _or_null(entries)
    return {pattern: _or_null(value) for pattern, value in entries.items()}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
