"""The command line: what each command says and writes, and what it says when something is wrong."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import cyberrange as cr
from cyberrange import cli
from cyberrange.cli import progress
from cyberrange.cli.output import print_json, spoken_level, spoken_share, whole
from cyberrange.cli.progress import Meter
from cyberrange.cli.summary import COMPARED, SHOWN_CLOCKS
from cyberrange.errors import CyberrangeError
from cyberrange.inputs.shipped import shipped
from cyberrange.results.measures import MEASURES
from cyberrange.results.run import CLOCKS

REPOSITORY = Path(__file__).parents[1]
BAD = REPOSITORY / "tests" / "inputs" / "bad"
TOWN = ("--city", "kasba", "--scenario", "vendor_withdrawal")
TWO = ("--postures", "vendor_reliant,inhouse_ciso", "--runs", "3", "--workers", "1")


def call(*args: object) -> Result:
    return CliRunner().invoke(cli.app, [str(arg) for arg in args])


def told(result: Result, code: int = 0) -> str:
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


# --- all commands --------------------------------------------------------------------------------


def test_without_arguments_the_commands_are_listed() -> None:
    assert all(name in call().output for name in ("check", "list", "run", "compare", "schema", "import"))


@pytest.mark.parametrize("command", ["check", "list", "run", "compare", "schema", "import", "import epanet"])
def test_every_command_explains_itself(command: str) -> None:
    text = told(call(*command.split(), "--help"))
    assert "Usage" in text
    assert "--help" in text


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from cyberrange.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print(*[name for name in ('numpy', 'pandas', 'pydantic', 'yaml', 'simpy', 'scipy') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Commands" in answer.stdout
    assert answer.stdout.splitlines()[-1] == ""


def test_the_installed_command_tells_a_mistake_without_a_traceback(tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("cyberrange"), "run", *TOWN, "--posture", "inhouse_cisso"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr == (
        "unknown posture 'inhouse_cisso': neither a file nor a shipped name. Did you mean 'inhouse_ciso'?\n"
    )


def test_stopping_a_command_takes_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cyberrange.inputs.checks.check", stop)
    result = call("check", BAD / "empty.yaml")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert result.stderr == "Stopped.\n"


@pytest.mark.parametrize(
    "args",
    [
        ("nonsense",),
        ("check",),
        ("run", "--city", "kasba"),
        ("compare", *TOWN, "--postures", "hybrid", "--runs", "0"),
        ("run", *TOWN, "--posture", "hybrid", "--seed", "many"),
    ],
)
def test_a_wrong_use_ends_with_code_2(args: tuple[str, ...]) -> None:
    assert call(*args).exit_code == 2


# --- check and schema ----------------------------------------------------------------------------


def test_check_lists_every_problem_and_fails() -> None:
    file = BAD / "city_has_many_mistakes.yaml"
    text = told(call("check", file), 2)
    lines = file.with_suffix(".txt").read_text().splitlines()
    assert text.splitlines() == [*(f"{BAD}/{line}" for line in lines), "1 file: 5 errors."]


def test_check_lets_warnings_pass() -> None:
    text = told(call("check", BAD / "scenario_leaves_no_sign.yaml", shipped("topologies")["kasba"]))
    assert text.splitlines()[-1] == "2 files: 1 warning."


def test_check_of_all_that_ships_finds_nothing() -> None:
    files = [file for kind in ("topologies", "scenarios", "postures", "controls") for file in shipped(kind).values()]
    assert told(call("check", *files)) == f"{len(files)} files: all is well.\n"


def test_check_speaks_to_machines() -> None:
    answer = json.loads(told(call("check", "--json", BAD / "city_needs_an_unknown_asset.yaml"), 2))
    (problem,) = answer["problems"]
    assert (problem["line"], problem["column"], problem["severity"]) == (15, 18, "error")
    assert (answer["files"], answer["errors"], answer["warnings"]) == (1, 1, 0)


def test_schema_writes_the_files_that_ship(tmp_path: Path) -> None:
    told(call("schema", "--out", tmp_path / "schemas"))
    for file in (REPOSITORY / "schemas").iterdir():
        assert (tmp_path / "schemas" / file.name).read_bytes() == file.read_bytes()


# --- list ----------------------------------------------------------------------------------------


def test_list_names_all_that_ships() -> None:
    text = told(call("list"))
    assert "Kasba: 18,000 people, 5 services, 18 assets" in text
    for kind in ("topologies", "scenarios", "postures"):
        assert all(name in text for name in shipped(kind))
    assert all(name in text for name in cr.load_catalogue().controls)


def test_list_speaks_to_machines() -> None:
    groups = json.loads(told(call("list", "--json")))
    assert list(groups) == ["cities", "scenarios", "postures", "controls", "studies", "decisions"]
    assert groups["scenarios"]["calm_day"] == "Calm days"


def test_the_matrix_says_what_plays_where_and_what_is_lacking() -> None:
    text = told(call("list", "--matrix"))
    assert "dispatch_sirens on kasba: no asset for target 'dispatch'" in text
    lacks = json.loads(told(call("list", "--matrix", "--json")))
    assert set(lacks) == set(shipped("scenarios"))
    assert lacks["calm_day"] == {city: [] for city in shipped("topologies")}


# --- run -----------------------------------------------------------------------------------------


def test_run_tells_the_story_the_clocks_and_the_losses(tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    text = told(call("run", *TOWN, "--posture", "vendor_reliant", "--seed", 3, "--events", events))
    scenario = cr.load_scenario("vendor_withdrawal")
    assert scenario.name in text
    assert scenario.story.split(".")[0][:40] in text
    for words in ("Kasba", "seed 3, replicate 0", "noticed", "contained", "citizen-hours", "the response itself"):
        assert words in text
    assert f"Written: {events}" in text
    run = cr.simulate(
        cr.load_city("kasba"), scenario, cr.load_posture("vendor_reliant"), seed=3, catalogue=cr.load_catalogue()
    )
    assert list(pd.read_csv(events)["kind"]) == list(run.events["kind"])


def test_run_gives_machines_the_same_measures_as_python(tmp_path: Path) -> None:
    parquet = tmp_path / "events.parquet"
    text = told(call("run", *TOWN, "--posture", "hybrid", "--replicate", 2, "--json", "--events", parquet))
    answer = json.loads(text)
    run = cr.simulate(
        cr.load_city("kasba"), cr.load_scenario("vendor_withdrawal"), cr.load_posture("hybrid"), seed=7, replicate=2,
        catalogue=cr.load_catalogue(),
    )  # fmt: skip
    assert answer["measures"] == run.measures.to_dict()
    assert answer["provenance"]["replicate"] == "2"
    assert answer["files"] == [str(parquet)]
    assert len(pd.read_parquet(parquet)) == len(run.events)


def test_a_calm_day_is_told_without_losses() -> None:
    text = told(call("run", "--city", "kasba", "--scenario", "calm_day", "--posture", "hybrid"))
    assert "nothing" in text
    assert "False alarms" in text


def test_a_scenario_that_does_not_fit_the_city_is_refused_before_it_is_played() -> None:
    result = call("run", "--city", "kasba", "--scenario", "dispatch_sirens", "--posture", "hybrid")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("kasba: assets: scenario 'dispatch_sirens' cannot play here: no asset for target")


def test_what_looks_odd_is_said_beside_the_result() -> None:
    result = call("run", "--city", "kasba", "--scenario", "citizen_data_theft", "--posture", "hybrid", "--json")
    assert json.loads(told(result))["city"] == "kasba"
    assert "warning: steps.login_service: never starts in city 'kasba'" in result.stderr


def test_names_from_a_file_cannot_colour_or_break_the_screen(tmp_path: Path) -> None:
    file = tmp_path / "city.yaml"
    text = shipped("topologies")["kasba"].read_text(encoding="utf-8")
    file.write_text(text.replace("name: Kasba", 'name: "[red]Kas\\e[31mba[/]"'), encoding="utf-8")
    shown = told(call("run", "--city", file, "--scenario", "calm_day", "--posture", "hybrid"))
    assert "[red]Kas\\x1b[31mba[/]" in shown


@pytest.mark.parametrize(
    ("option", "name", "why"),
    [
        ("--events", "events.xlsx", "its name ends in none of .csv, .parquet"),
        ("--events", "nowhere/events.csv", "there is no folder"),
        ("--events", "folder.csv", "it is a folder"),
        ("--report", "report.pdf", "its name ends in none of .html"),
    ],
)
def test_a_file_that_could_not_be_written_is_refused_before_the_run(
    option: str, name: str, why: str, tmp_path: Path
) -> None:
    (tmp_path / "folder.csv").mkdir()
    result = call("run", *TOWN, "--posture", "hybrid", option, tmp_path / name)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert why in result.stderr


def test_a_report_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    one, both = tmp_path / "one.html", tmp_path / "both.htm"
    assert f"Written: {one}" in told(call("run", *TOWN, "--posture", "hybrid", "--report", one))
    assert f"Written: {both}" in told(call("compare", *TOWN, *TWO, "--report", both))
    assert sorted(tmp_path.iterdir()) == [both, one]
    assert all("Kasba" in file.read_text(encoding="utf-8") for file in (one, both))


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("old")
    with pytest.raises(CyberrangeError, match="No space left"), whole(file) as draft:
        draft.write_text("half")
        raise OSError(28, "No space left on device")
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]
    assert file.read_text() == "old"


def test_in_a_region_each_service_is_named_with_its_city() -> None:
    shown = told(call("run", "--city", "sangam_district", "--scenario", "vendor_withdrawal", "--posture", "hybrid"))
    assert "Sangampur: " in shown


# --- compare -------------------------------------------------------------------------------------


def test_compare_sets_postures_side_by_side(tmp_path: Path) -> None:
    csv = tmp_path / "runs.csv"
    text = told(call("compare", *TOWN, *TWO, "--csv", csv))
    assert "vendor_reliant" in text
    assert "citizen-hours lost" in text
    assert "3 runs of each, seed 7" in text
    runs = pd.read_csv(csv)
    assert list(runs.groupby("posture").size()) == [3, 3]


def test_compare_speaks_to_machines_and_plays_several_scenarios() -> None:
    answer = json.loads(told(call("compare", *TOWN, "--scenario", "calm_day", *TWO, "--json")))
    assert {row["scenario"] for row in answer["table"]} == {"vendor_withdrawal", "calm_day"}
    assert {row["posture"] for row in answer["table"]} == {"vendor_reliant", "inhouse_ciso"}
    assert len(answer["provenance"]) == 4


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ((*TOWN, "--postures", "hybrid,hybrid"), "'hybrid' has the id 'hybrid', which another one here has as well"),
        ((*TOWN, "--scenario", "vendor_withdrawal", "--postures", "hybrid"), "which another one here has as well"),
        ((*TOWN, "--postures", ","), "no posture is named"),
        ((*TOWN, "--postures", "hybrid,nobody"), "unknown posture 'nobody'"),
    ],
)
def test_compare_says_what_it_cannot_compare(args: tuple[str, ...], why: str) -> None:
    result = call("compare", *args)
    assert result.exit_code == 2
    assert why in result.stderr


def test_controls_may_stand_in_a_catalogue_of_ones_own(tmp_path: Path) -> None:
    shop = cr.load_catalogue()
    cr.save(shop.model_copy(update={"controls": {"lock": shop.controls["mfa"]}}), tmp_path / "shop.yaml")
    (tmp_path / "mine.yaml").write_text("base: hybrid\nid: mine\ncontrols: [lock]\n")
    args = ("run", *TOWN, "--posture", tmp_path / "mine.yaml", "--json")
    assert "unknown control 'lock'" in call(*args).stderr
    answer = json.loads(told(call(*args, "--controls", tmp_path / "shop.yaml")))
    assert answer["provenance"]["controls"].startswith("lock ")


# --- import --------------------------------------------------------------------------------------


def test_a_water_network_becomes_a_city_that_passes_the_check(tmp_path: Path) -> None:
    pytest.importorskip("wntr")
    file = tmp_path / "city.yaml"
    assert "people" in told(call("import", "epanet", "Net1", "--out", file))
    assert "all is well" in told(call("check", file))


@pytest.mark.parametrize("source", ["nowhere.inp", "Net33"])
def test_a_network_that_is_not_there_leaves_no_file(source: str, tmp_path: Path) -> None:
    pytest.importorskip("wntr")
    result = call("import", "epanet", source, "--out", tmp_path / "city.yaml")
    assert result.exit_code == 2
    assert "neither a file nor a network" in result.stderr
    assert list(tmp_path.iterdir()) == []


# --- what commands share -------------------------------------------------------------------------


def test_what_is_no_number_becomes_null_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [float("nan"), 1.5], "b": {"c": float("inf")}, "d": (1,)})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5], "b": {"c": None}, "d": [1]}


def test_a_small_share_does_not_vanish_and_a_small_loss_is_not_none() -> None:
    assert [spoken_share(share) for share in (0.0, 0.004, 0.4)] == ["0%", "0.4%", "40%"]
    assert [spoken_level(level) for level in (1.0, 0.9999, 0.99, 0.0)] == ["100%", "> 99%", "99%", "0%"]


def test_the_screens_show_measures_and_clocks_that_exist() -> None:
    assert set(COMPARED) <= {measure.name for measure in MEASURES}
    assert set(SHOWN_CLOCKS) <= set(CLOCKS)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def test_progress_into_a_file_is_a_line_now_and_then(
    clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with Meter("Playing", "runs") as meter:
        for done in range(1, 41):
            clock(1.0)
            meter(done, 400)
    assert capsys.readouterr().err.splitlines() == [
        "Playing: 11 of 400 runs, 6 min left",
        "Playing: 22 of 400 runs, 6 min left",
        "Playing: 33 of 400 runs, 6 min left",
    ]


def test_progress_on_a_terminal_is_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with Meter("Playing", "runs") as meter:
        meter(3, 3)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Playing" in err
