import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from cyberrange.views import from_causes, from_runs, from_tables, from_tasks, theme
from cyberrange.views.figures.causes import causes
from cyberrange.views.figures.citymap import city_map, damage_class
from cyberrange.views.figures.differences import differences
from cyberrange.views.figures.levels import levels
from cyberrange.views.figures.outages import outages
from cyberrange.views.figures.spreads import spreads
from cyberrange.views.figures.timeline import timeline
from tests.views.cases import ATTACKS, CITIES, POSTURES, comparison, runs


def all_figures(city, scenario):
    """Yield every figure of a city's runs, whether a report would show it or not."""
    own = runs(city, scenario)
    result = comparison(city, (scenario,))
    played = result.scenarios[0]
    tables = from_tables.frames(result, played)
    yield city_map(from_runs.city_map(own[:2], POSTURES[:2]))
    yield levels(from_runs.level_story(own, POSTURES))
    yield causes(from_causes.cause_tree(own[0], POSTURES[0]))
    yield timeline(from_tasks.response_story(own, POSTURES))
    yield spreads(from_tables.spreads(tables, played.horizon), POSTURES)
    gaps = from_tables.gaps(tables)
    if gaps:
        yield differences(gaps, POSTURES)
    rows = from_tables.outage_rows(result, played, POSTURES)
    if rows:
        yield outages(rows, POSTURES)


@pytest.mark.parametrize("city", CITIES)
@pytest.mark.parametrize("attack", [True, False])
def test_every_figure_draws_for_every_shipped_city_and_for_calm_days(city, attack):
    for figure in all_figures(city, ATTACKS[city] if attack else "calm_day"):
        assert isinstance(figure, Figure)
        assert theme.svg(figure, "a", "says").startswith('<svg class="figure" viewBox=')


def texts(figure):
    return [t for ax in figure.axes for t in ax.texts if t.get_text()] + list(figure.texts)


@pytest.mark.parametrize("city", CITIES)
def test_no_text_leaves_the_sheet(city):
    for figure in all_figures(city, ATTACKS[city]):
        wide, high = figure.get_size_inches() * figure.dpi
        for text in texts(figure):
            box = text.get_window_extent(figure.canvas.get_renderer())
            assert box.x0 > -2, text
            assert box.x1 < wide + 2, text
            assert box.y0 > -2, text
            assert box.y1 < high + 2, text


@pytest.mark.parametrize("city", CITIES)
def test_labels_of_a_map_do_not_cover_each_other(city):
    figure = city_map(from_runs.city_map(runs(city, ATTACKS[city])[:2], POSTURES[:2]))
    boxes = [t.get_window_extent(figure.canvas.get_renderer()) for t in texts(figure) if len(t.get_text()) > 1]
    for i, box in enumerate(boxes):
        for other in boxes[i + 1 :]:
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            down = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert across <= 1 or down <= 3


def test_drawing_leaves_the_users_settings_alone():
    figure = levels(from_runs.level_story(runs("kasba", "water_setpoints"), POSTURES))
    with mpl.rc_context({"font.size": 31.0, "backend": "svg"}):
        before = dict(mpl.rcParams)
        theme.svg(figure, "a", "says")
        assert dict(mpl.rcParams) == before


def test_drawing_starts_no_backend(tmp_path):
    script = """
import sys
import cyberrange as cr
from cyberrange.views.report import write_run_report
city, attack = cr.load_city("kasba"), cr.load_scenario("water_setpoints")
run = cr.simulate(city, attack, cr.load_posture("vendor_reliant"), seed=7, replicate=1)
write_run_report(run, sys.argv[1])
sys.exit("matplotlib.pyplot" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "run.html")], check=True)


def test_a_figure_does_not_depend_on_the_users_settings():
    story = from_runs.level_story(runs("kasba", "water_setpoints"), POSTURES)
    plain = theme.svg(levels(story), "a", "says")
    with mpl.rc_context({"font.size": 31.0, "axes.facecolor": "red", "svg.fonttype": "path"}):
        assert theme.svg(levels(story), "a", "says") == plain


def test_the_same_figure_is_the_same_bytes():
    tree = from_causes.cause_tree(runs("kasba", "water_setpoints")[0], "Vendor")
    assert theme.svg(causes(tree), "a", "says") == theme.svg(causes(tree), "a", "says")


def test_colours_of_a_figure_are_variables_of_the_theme():
    subject = from_runs.city_map(runs("kasba", "water_setpoints")[:2], POSTURES[:2])
    drawn = theme.svg(city_map(subject), "a", "says")
    for name in ("ink", "muted", "attack", "damage3"):
        assert f"var(--{name})" in drawn
    for colour in theme.COLOURS.values():
        assert colour.light not in drawn


def test_each_colour_has_a_name_of_its_own_by_day():
    by_day = [colour.light for colour in theme.COLOURS.values()]
    assert len(set(by_day)) == len(by_day)


def luminance(colour):
    return float(np.dot([0.2126, 0.7152, 0.0722], np.array(mpl.colors.to_rgb(colour)) ** 2.2))


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("night", [False, True])
def test_text_can_be_read_by_day_and_by_night(night):
    def of(name):
        return theme.COLOURS[name][int(night)]

    for name in ("ink", "muted", "accent"):
        assert contrast(of(name), of("paper")) > 4.5
        assert contrast(of(name), of("page")) > 4.5
    for i in range(6):
        assert contrast(of(f"on{i}"), of(f"damage{i}")) > 3


def test_damage_darkens_step_by_step_so_that_it_survives_grey_print():
    by_day = [luminance(theme.COLOURS[f"damage{i}"].light) for i in range(6)]
    by_night = [luminance(theme.COLOURS[f"damage{i}"].dark) for i in range(6)]
    assert by_day == sorted(by_day, reverse=True)
    assert by_night == sorted(by_night)


@pytest.mark.parametrize(("hours", "which"), [(0, 0), (0.1, 1), (5.9, 1), (6, 2), (24, 3), (168, 4), (720, 5)])
def test_time_lost_falls_into_classes(hours, which):
    assert damage_class(hours) == which


@pytest.mark.parametrize("city", CITIES)
def test_the_tree_of_causes_adds_up_to_the_loss(city):
    for run in runs(city, ATTACKS[city]):
        lost = sum(from_causes.lost_by_effect(run).values())
        assert lost == pytest.approx(run.measures["unserved_citizen_hours"], rel=1e-9, abs=1e-6)
        assert sum(f.lost for f in from_causes.cause_tree(run, "").flows) == pytest.approx(lost, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("city", CITIES)
def test_wards_add_up_to_the_loss(city):
    result = comparison(city, (ATTACKS[city],))
    losses = from_tables.ward_losses(result, result.scenarios[0])
    for name, by_ward in losses.items():
        total = sum(series * result.city.wards[ward].population for ward, series in by_ward.items())
        lost = result.of(ATTACKS[city], name)["unserved_citizen_hours"]
        assert total.to_numpy() == pytest.approx(lost.to_numpy(), rel=1e-9)


def test_the_run_that_is_shown_is_nearest_the_median_loss():
    table = comparison("kasba", ("water_setpoints",), 5).of("water_setpoints", "vendor_reliant")
    lost = table["unserved_citizen_hours"]
    shown = from_tables.representative(table)
    assert abs(lost[shown] - lost.median()) == (lost - lost.median()).abs().min()
