"""The commands `study` and `bench`, and logs of decisions in `run`."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import cyberrange as cr
from cyberrange import cli
from cyberrange.study import speed

SMALL = """
id: small
name: A small study
city: kasba
seed: 5
scenarios:
  insider: {per_year: 0.5, low: 0.1, high: 1.0, source: {text: made up for a test}}
  vendor_withdrawal: {per_year: 0.3, low: 0.1, high: 0.6, source: {text: made up for a test}}
organisations: [vendor_reliant, hybrid]
controls: [mfa, hardening, asset_map]
budget: {own: Rs 10 crore, years: 2}
discount: 0.05
worth: Rs 50 lakh
runs: {screening: 30, final: 60}
threshold: Rs 1 crore
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("study") / "small.yaml"
    file.write_text(SMALL)
    return file


def call(*args: object) -> Result:
    return CliRunner().invoke(cli.app, [str(arg) for arg in args])


@pytest.mark.slow
def test_a_study_is_played_told_and_written(small: Path, tmp_path: Path) -> None:
    found = call("study", small, "--out", tmp_path / "out", "--workers", 1, "--json")
    assert found.exit_code == 0, (found.output, found.exception)
    data = json.loads(found.stdout)
    assert data["today"] == "0.0"
    assert {row["design"] for row in data["played"]} >= {data["today"], data["recommended"], data["chosen"]}
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "A small study" in page
    spoken = call("study", small, "--out", tmp_path / "out", "--workers", 1)
    assert "Report: " in spoken.stdout
    assert "in budget" in spoken.stdout


def test_a_wrong_study_is_told_with_its_line_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(SMALL.replace("per_year: 0.5", "per_year: -0.5").replace("own: Rs 10 crore", "own: 5 lakhs"))
    found = call("study", file, "--out", tmp_path / "out")
    assert found.exit_code == 2
    assert "wrong.yaml:7:23: scenarios.insider.per_year" in found.output
    assert "wrong.yaml:11:15: budget.own" in found.output
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_another_study_is_refused(small: Path, tmp_path: Path) -> None:
    cr.Study(cr.load_study(small), tmp_path, workers=1)
    other = tmp_path / "other.yaml"
    other.write_text(SMALL.replace("seed: 5", "seed: 6"))
    found = call("study", other, "--out", tmp_path)
    assert found.exit_code == 2
    assert "holds another study: seed (5 there, 6 asked)" in found.output


def test_a_cluster_that_nobody_answers_at_is_named(small: Path, tmp_path: Path) -> None:
    found = call("study", small, "--out", tmp_path, "--cluster", "tcp://127.0.0.1:9")
    assert found.exit_code == 2
    assert "tcp://127.0.0.1:9" in found.output


@pytest.mark.slow
def test_a_study_stopped_by_ctrl_c_goes_on_where_it_was(small: Path, tmp_path: Path) -> None:
    program = "from cyberrange.cli import main; main()"
    command = [sys.executable, "-c", program, "study", str(small), "--out", str(tmp_path), "--workers", "1"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/*/*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 130
    assert said.endswith("Stopped.\n")
    assert "Traceback" not in said
    before = {file: file.stat().st_mtime_ns for file in tmp_path.glob("runs/*/*.parquet")}
    found = call("study", small, "--out", tmp_path, "--workers", 1, "--json")
    assert found.exit_code == 0, found.output
    assert all(file.stat().st_mtime_ns == when for file, when in before.items())


def test_a_run_takes_a_log_of_decisions() -> None:
    what = ("run", "--city", "suryanagar", "--scenario", "ransomware_property", "--posture", "vendor_reliant", "--json")
    held = json.loads(call(*what, "--decisions", "hold_the_shutdown").stdout)
    assert held["provenance"]["decisions"].startswith("hold_the_shutdown ")
    assert held["measures"] != json.loads(call(*what).stdout)["measures"]


@pytest.mark.slow
def test_bench_measures_both_engines_and_says_so_to_machines(monkeypatch) -> None:
    """On one small city, and without compiling the engine from nothing, which takes a minute."""
    monkeypatch.setattr(speed, "measure", partial(speed.measure, cities=["kasba"]))
    monkeypatch.setattr(speed, "_start_times", lambda: (40.0, 1.0))
    found = call("bench", "--repeats", 1, "--seconds", 0.05, "--largest", 1000, "--json")
    assert found.exit_code == 0, (found.output, found.exception)
    data = json.loads(found.stdout)
    cases = pd.DataFrame(data["cases"])
    assert set(cases["scenario"]) >= {"calm_day", "insider"}
    assert (cases[["live", "compiled", "events", "bare"]] > 0).all(axis=None)
    assert (cases["ratio"] > 1).all()
    assert [size["assets"] for size in data["sizes"]] == [100, 1000]
    assert data["summary"]["cold compile, s"] == 40.0
    shown = call("bench", "--repeats", 1, "--seconds", 0.05, "--largest", 100).stdout
    assert "compiled : live, median over scenarios" in shown
