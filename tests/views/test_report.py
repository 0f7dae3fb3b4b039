import re

import pytest

import cyberrange as cr
from cyberrange.study.compare import compare
from cyberrange.views.report import write_report, write_run_report
from cyberrange.views.report_data import short_names
from cyberrange.views.report_tables import GROUPS
from tests.views.cases import ATTACKS, CITIES, POSTURES, comparison, runs

HOSTILE = '<script>alert("1")</script>&$\\frac{x$ जल <b onclick=x>'


def written(result, tmp_path, name="report.html"):
    return write_report(result, tmp_path / name).read_text(encoding="utf-8")


def visible(page):
    """The text of a page, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.replace("\u00a0", " ")))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return written(comparison("kasba", ("water_setpoints",)), tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize("city", CITIES)
def test_a_report_is_written_for_every_shipped_city(city, tmp_path):
    page = written(comparison(city, (ATTACKS[city],)), tmp_path)
    assert len(page) < 4e6
    assert page.count("<figure") >= 5


def test_the_page_is_marked_as_an_exercise(page):
    assert "EXERCISE – simulated; fictional city" in page


def test_the_answer_comes_before_everything_else(page):
    assert "What a CISO of its own changes for Kasba" in page
    assert page.index('class="answer"') < page.index('class="cards"') < page.index("<figure")


def test_the_page_needs_nothing_from_elsewhere(page):
    assert not re.search(r"<(script|link|iframe|img|object|embed|base)\b", page)
    assert "@import" not in page
    assert all(target.startswith("#") for target in re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]*)""", page))
    assert all(target.startswith("#") for target in re.findall(r"""url\(\s*["']?([^"')]*)""", page))


def test_every_reference_within_the_page_has_its_goal(page):
    names = re.findall(r'\bid="([^"]*)"', page)
    assert len(names) == len(set(names))
    wanted = re.findall(r'href="#([^"]*)"', page) + re.findall(r"url\(#([^)]*)\)", page)
    assert set(wanted) <= set(names)


def test_the_page_knows_day_night_narrow_screens_and_print(page):
    for words in (
        "prefers-color-scheme:dark",
        "@media print",
        "@media screen and (max-width:760px)",
        'name="viewport"',
        "color-scheme:light dark",
    ):
        assert words in page


def test_the_same_results_give_the_same_bytes(tmp_path):
    result = comparison("kasba", ("water_setpoints",))
    assert written(result, tmp_path, "a.html") == written(result, tmp_path, "b.html")


def test_postures_scenario_sources_and_provenance_are_on_the_page(page):
    result = comparison("kasba", ("water_setpoints",))
    text = visible(page)
    for posture in result.postures.values():
        assert posture.name in text
    scenario = result.scenarios[0]
    for step in scenario.steps.values():
        assert step.technique in text
    for table in result.provenance.values():
        assert table["posture"] in text
    assert "seed=7" in text
    assert "runs=3" in text


def test_differences_that_the_runs_cannot_tell_are_marked(page):
    assert "n.d." in page


def hostile(record, *fields):
    """Return a record whose texts, and those of the records in its tables, are hostile."""
    changed = {field: HOSTILE for field in ("name", "about", "story", "why") if hasattr(record, field)}
    for field in fields:
        changed[field] = {key: hostile(thing) for key, thing in getattr(record, field).items()}
    return record.model_copy(update=changed)


def test_hostile_names_are_shown_and_do_nothing(tmp_path):
    city = hostile(cr.load_city("kasba"), "assets", "services", "wards", "zones", "vendors")
    scenario = hostile(cr.load_scenario("water_setpoints"), "steps")
    postures = {
        HOSTILE: hostile(cr.load_posture("vendor_reliant"), "teams", "approvers", "playbook", "sensors", "help"),
        "b": hostile(cr.load_posture("inhouse_ciso"), "teams", "approvers", "playbook"),
    }
    result = compare(city, [scenario], postures, runs=2, seed=7, workers=1)
    page = written(result, tmp_path)
    assert "<script" not in page
    assert "<b " not in page
    assert page.count("&lt;script&gt;") > 20
    own = cr.simulate(city, scenario, postures["b"], seed=7)
    alone = write_run_report(own, tmp_path / "run.html").read_text(encoding="utf-8")
    assert "<script" not in alone
    assert "<b " not in alone


def test_calm_days_are_reported_without_empty_figures(tmp_path):
    page = written(comparison("kasba", ("calm_day",)), tmp_path)
    text = visible(page)
    assert "Nobody attacks in this scenario." in text
    assert "kasba-map" not in page
    assert "No service lost anything in any run" in text


def test_several_scenarios_begin_with_a_summary(tmp_path):
    page = written(comparison("kasba", ("water_setpoints", "calm_day"), 2), tmp_path)
    assert page.index('id="summary"') < page.index('id="water_setpoints"') < page.index('id="calm_day"')
    names = re.findall(r'\bid="([^"]*)"', page)
    assert len(names) == len(set(names))


def test_one_replicate_and_one_posture_are_reported_as_what_they_are(tmp_path):
    one = compare(
        cr.load_city("kasba"),
        [cr.load_scenario("water_setpoints")],
        {name: cr.load_posture(name) for name in POSTURES[:2]},
        runs=1,
        seed=7,
        workers=1,
    )
    assert "cannot tell luck from effect" in visible(written(one, tmp_path))
    alone = compare(one.city, one.scenarios, {"hybrid": cr.load_posture("hybrid")}, runs=2, seed=7, workers=1)
    assert "compare two" in visible(written(alone, tmp_path))


def test_a_run_has_a_report_of_its_own(tmp_path):
    run = runs("kasba", "water_setpoints")[0]
    path = write_run_report(run, tmp_path / "deep" / "run.html")
    text = visible(path.read_text(encoding="utf-8"))
    assert f"Replicate {run.world.replicate} of seed 7" in text
    assert "One run shows how it can go" in text
    assert [p.name for p in path.parent.iterdir()] == ["run.html"]


def test_progress_ends_with_everything_done(tmp_path):
    seen = []
    write_report(
        comparison("kasba", ("water_setpoints",)),
        tmp_path / "a.html",
        progress=lambda done, todo: seen.append((done, todo)),
    )
    assert seen == [(i, len(seen)) for i in range(1, len(seen) + 1)]


def test_postures_are_called_shortly_where_that_tells_them_apart():
    both = {name: cr.load_posture(name) for name in ("vendor_reliant", "inhouse_ciso")}
    assert short_names(both) == ["Vendor-reliant", "In-house CISO"]
    alike = {name: cr.load_posture(name) for name in ("vendor_reliant", "vendor_reliant_grant")}
    assert short_names(alike) == [posture.name for posture in alike.values()]
    assert short_names({"mine": both["inhouse_ciso"]}) == ["mine"]


def test_every_measure_of_a_run_stands_in_a_table():
    grouped = [name for text in GROUPS.values() for name in text.split()]
    assert len(grouped) == len(set(grouped))
    assert {m for m in runs("kasba", "water_setpoints")[0].measures.index if "." not in m} <= set(grouped)
