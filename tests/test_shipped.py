"""Shipped files are found by name, in a checkout and in a wheel, and nothing else is."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import get_args

import pytest

from cyberrange.errors import CyberrangeError
from cyberrange.inputs import shipped as shipped_files
from cyberrange.inputs.shipped import Kind, find, shipped

REPOSITORY = Path(__file__).parents[1]
KINDS: tuple[Kind, ...] = get_args(Kind)
FILES = (
    "topologies/harbour.yaml",
    "topologies/suryanagar.yaml",
    "topologies/notes.txt",
    "scenarios/ransomware.yaml",
    "scenarios/controls.yaml",
    "scenarios/postures/inhouse_ciso.yaml",
    "scenarios/postures/_base.yaml",
    "secret.yaml",
)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Put a made-up set of files in the place of the shipped ones."""
    data = tmp_path / "data"
    for name in FILES:
        file = data / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(shipped_files, "_root", lambda: data)
    return data


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("topologies", ["harbour", "suryanagar"]),
        ("scenarios", ["ransomware"]),
        ("postures", ["inhouse_ciso"]),
        ("controls", ["controls"]),
    ],
)
def test_each_kind_lists_its_own_names(root, kind, names):
    files = shipped(kind)
    assert list(files) == names
    assert all(file.is_file() and file.is_relative_to(root) for file in files.values())


@pytest.mark.parametrize("name", ["suryanagar", "topologies/suryanagar.yaml"])
def test_a_shipped_file_is_found_by_name_and_by_place(root, name):
    assert find("topologies", name) == root / "topologies/suryanagar.yaml"


def test_a_file_that_exists_comes_before_a_shipped_name(root):
    own = Path("suryanagar")
    own.write_text("")
    assert find("topologies", "suryanagar") == own
    assert find("topologies", own) == own


def test_a_folder_does_not_hide_a_shipped_name(root):
    Path("suryanagar").mkdir()
    assert find("topologies", "suryanagar") == root / "topologies/suryanagar.yaml"


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "../secret.yaml",
        "topologies/../secret.yaml",
        "postures/inhouse_ciso",
        "..\\secret",
        "..",
        ".",
        "*",
        "",
        "_base",
        "controls",
        "notes",
        "a" * 5000,
        "a\0b",
    ],
)
def test_nothing_else_is_found(root, name):
    for kind in ("topologies", "postures"):
        with pytest.raises(CyberrangeError, match="neither a file nor a shipped name"):
            find(kind, name)


def test_a_misspelt_name_leads_to_the_right_one(root):
    with pytest.raises(CyberrangeError) as caught:
        find("topologies", "suryanagr")
    assert str(caught.value) == (
        "unknown city 'suryanagr': neither a file nor a shipped name. Did you mean 'suryanagar'?"
    )


def test_a_name_cannot_break_the_line_it_is_shown_on(root):
    with pytest.raises(CyberrangeError) as caught:
        find("topologies", "a\nb\x1b[31m")
    assert str(caught.value).isprintable()


def test_a_package_without_files_still_explains_itself(root, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped_files, "_root", lambda: tmp_path / "nowhere")
    assert shipped("topologies") == {}
    with pytest.raises(CyberrangeError, match=r"shipped name$"):
        find("topologies", "suryanagar")


@pytest.mark.parametrize("kind", KINDS)
def test_the_repository_ships_some_of_each_kind(kind):
    assert shipped(kind)


def test_the_wheel_holds_all_that_the_repository_ships(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    assert (site / "cyberrange/py.typed").is_file()
    assert _shapes(site / "cyberrange/data/schemas") == _shapes(REPOSITORY / "schemas")
    assert {entry.name.split("-")[0] for entry in site.iterdir()} == {"cyberrange"}
    assert _shipped_by(site) == {kind: list(shipped(kind)) for kind in KINDS}


def _shapes(folder):
    return {file.relative_to(folder) for file in folder.rglob("*") if file.is_file()}


def _shipped_by(site):
    """Return the names that the package in a folder ships, all of them inside that folder."""
    code = (
        "import json, sys\n"
        "from cyberrange.inputs.shipped import shipped\n"
        "print(json.dumps({kind: {n: str(p) for n, p in shipped(kind).items()}"
        " for kind in sys.argv[1:]}))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, *KINDS],
        cwd=site,
        env=os.environ | {"PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    )
    by_kind = json.loads(answer.stdout)
    paths = [Path(path) for files in by_kind.values() for path in files.values()]
    assert all(path.is_relative_to(site) and path.is_file() for path in paths)
    return {kind: list(files) for kind, files in by_kind.items()}
