import copy
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pytest

from cyberrange.study.choice.information import decision_tornado, evpi, rank_designs, what_to_measure
from cyberrange.study.choice.surrogate import Interactions
from cyberrange.study.risk.annual import AnnualRisk
from cyberrange.study.risk.guard_rails import Note
from cyberrange.views import study_choice, study_doubts, study_risk
from cyberrange.views.study_answer import guarantee, loss_saved, sentences, total_saved
from cyberrange.views.study_chapters import warnings
from cyberrange.views.study_inputs import method, told
from cyberrange.views.study_names import names_of
from cyberrange.views.study_report import write_study_report
from tests.views.test_report import HOSTILE, hostile, visible


def written(found, folder, name="study.html"):
    write_study_report(found, folder / name)
    return (folder / name).read_text(encoding="utf-8")


def said(found):
    return [sentence.replace("\u00a0", " ") for sentence in sentences(found, names_of(found))]


def keeps_today(found):
    """An answer in which today's arrangement is recommended."""
    final = replace(found.contest.final, ties=(), cheapest=0, selected=0)
    contest = replace(found.contest, selected=0, final=final)
    nothing = Interactions(found.together.today, {}, 0.0, 0.0)
    return replace(found, contest=contest, chosen=found.today, tied=(), recommended=found.today, together=nothing)


def recommends(found, key):
    """An answer in which one design is chosen and recommended, without ties."""
    return replace(found, chosen=key, recommended=key, tied=())


def with_costs(found, costs):
    """An answer whose designs cost so much in each draw."""
    doubts, draws = found.doubts, found.doubts.draws
    return replace(
        found,
        doubts=replace(
            doubts,
            costs=costs,
            ranking=rank_designs(costs),
            worth=evpi(costs),
            measure=what_to_measure(costs, draws),
            tornado=decision_tornado(costs, draws),
        ),
    )


def only_today(found):
    """An answer in which nothing but today's arrangement fits the budget."""
    played = found.played.assign(affordable=found.played["design"] == found.today)
    alone = with_costs(keeps_today(found), found.doubts.costs[[found.today]])
    contest = replace(alone.contest, halving=replace(alone.contest.halving, survivors=(0,)))
    return replace(alone, played=played, contest=contest, contenders=(found.today,))


@pytest.fixture(scope="module")
def page(played, tmp_path_factory):
    return written(played, tmp_path_factory.mktemp("page"))


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


def test_the_page_is_an_exercise_and_knows_day_night_narrow_screens_and_print(page):
    for words in ("EXERCISE – simulated", "prefers-color-scheme:dark", "@media print", "max-width:760px"):
        assert words in page


def test_the_answer_comes_first_and_the_subjects_follow_in_order(page):
    order = ("answer", "choice", "year", "from", "response", "budget", "pairs", "measure", "inputs", "method", "limits")
    places = [page.index(f'id="{name}"') for name in (*order, "provenance")]
    assert places == sorted(places)
    assert page.index('class="answer"') < page.index('class="cards"') < page.index("<figure")


def test_the_same_answer_gives_the_same_bytes(played, page, tmp_path):
    assert written(played, tmp_path) == page


def test_the_file_is_written_whole_into_a_new_folder_and_progress_ends_with_everything_done(played, tmp_path):
    seen = []
    write_study_report(played, tmp_path / "deep" / "study.html", lambda done, todo: seen.append((done, todo)))
    assert seen == [(i, len(seen)) for i in range(1, len(seen) + 1)]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["study.html"]


def test_designs_are_told_by_name_and_never_by_number_or_id(played, page):
    text = visible(page[page.index("<body") : page.index('id="provenance"')])
    assert not re.search(r"design \d", text)
    for ids in ("vendor_reliant", "delegation_order", "water_setpoints"):
        assert ids not in text
    controls = played.study.materials.catalogue.controls
    assert all(controls[key].name in text for key in played.study.offer.controls)


# --- the answer -------------------------------------------------------------------------------------------------------


def test_the_answer_tells_what_to_buy_and_leads_with_the_net_benefit(played):
    first = said(played)[0]
    assert "Stay with the organisation “Vendor-reliant”, and buy 1 control: “Second factor for mail" in first
    assert "Net benefit: Rs" in first
    assert "95 % interval: Rs" in first
    assert "ROSI" not in first


def test_saved_loss_less_cost_is_the_net_benefit_and_its_interval(played):
    for key in played.played["design"]:
        net, saved, cost = total_saved(played, key), loss_saved(played, key), float(played.row(key)["cost"])
        assert np.allclose([x - cost for x in saved], net)
        assert net.low <= net.mean <= net.high
        assert saved.mean == pytest.approx(played.row(played.today)["loss"] - played.row(key)["loss"])


def test_own_money_and_grant_are_told_apart(played):
    told_of = next(sentence for sentence in said(played) if sentence.startswith("Over 2 years"))
    assert "Rs 90.0 lakh, Rs 70.0 lakh of the city's own money and Rs 20.0 lakh of the grant" in told_of
    assert "the budget has Rs 2.0 crore and Rs 20.0 lakh" in told_of


def test_tied_designs_are_named_and_the_cheapest_of_them_is_said_to_be_recommended(played):
    assert played.tied and played.chosen != played.recommended
    (tie,) = [sentence for sentence in said(played) if sentence.startswith("Between")]
    names = names_of(played)
    for key in (played.chosen, *played.tied):
        assert (f"{names[key].letter} ({names[key].short})" in tie) == (key != played.recommended)
    (two,) = [sentence for sentence in said(replace(played, tied=("0.3",))) if sentence.startswith("Between")]
    assert all(names[key].full in two for key in (played.chosen, "0.3"))
    assert "no difference worth paying for (less than Rs 20.0 lakh a year)" in tie
    assert "asks least of the budget" in tie
    assert not [sentence for sentence in said(recommends(played, "0.5")) if sentence.startswith("Between")]


def test_a_design_has_its_full_name_where_it_comes_first_and_its_letter_from_then_on(played):
    text = " ".join(said(replace(played, tied=("0.3",))))
    for key in (played.chosen, "0.3"):
        assert text.count(names_of(played)[key].full + " (design") == 1


def test_the_promise_is_of_the_chosen_design_by_name(played):
    promise = guarantee(played, names_of(played)).replace("\u00a0", " ")
    assert "at least 95 %" in promise
    assert names_of(played)[played.chosen].full in promise
    assert "at most Rs 20.0 lakh a year more" in promise
    own = recommends(played, played.chosen)
    assert "the recommended design costs at most" in guarantee(own, names_of(own))


def test_where_nothing_is_promised_the_answer_says_so(played):
    final = replace(played.contest.final, guaranteed=False, survivors=(1, 2, 3), replicates=2000)
    stopped = replace(played, contest=replace(played.contest, guaranteed=False, final=final))
    assert "Nothing is promised" in guarantee(stopped, names_of(stopped))
    assert "2,000 runs of each design with 3 designs left" in guarantee(stopped, names_of(stopped))


def test_today_recommended_is_no_difference_worth_paying_for(played, tmp_path):
    found = keeps_today(played)
    assert said(found)[0] == "No difference worth paying for: stay with the organisation “Vendor-reliant” as it is."
    assert "comes out best" in said(found)[1]
    assert "not worth paying for in this study" in said(found)[1]
    text = visible(written(found, tmp_path))
    assert "changes nothing, so there is nothing to add up" in text
    assert "Recommended (" not in text


def test_where_nothing_else_fits_the_budget_the_answer_says_so(played, tmp_path):
    found = only_today(played)
    assert "Nothing else on offer fits the budget" in said(found)[1]
    assert any("nothing is promised" in sentence for sentence in said(found))
    text = visible(written(found, tmp_path))
    assert "no input can change the choice" in text
    assert 'id="tornado"' not in text


def test_another_organisation_without_controls_is_a_change_without_a_purchase(played, tmp_path):
    found = recommends(played, "1.0")
    assert "Change from the organisation “Vendor-reliant” to the organisation “Hybrid”, and buy no" in said(found)[0]
    assert any("nothing is bought once" in sentence for sentence in said(found))
    assert "Recommended (" in visible(written(found, tmp_path))


def test_a_design_without_cost_has_no_return_per_rupee_and_the_page_warns_of_it(played, tmp_path):
    table = played.played.set_index("design")
    table.loc["0.1", ["cost", "outlay", "own"]] = 0.0
    found = replace(played, played=table.reset_index())
    assert any("no return per rupee" in sentence for sentence in said(found))
    assert any("nothing has to be found" in sentence for sentence in said(found))
    (warning,) = warnings(found, names_of(found))
    assert warning.startswith("Recommended")
    page = written(found, tmp_path)
    assert page.index('class="warnings"') < page.index('class="cards"')


def test_a_design_that_saves_running_costs_is_told_as_that(played, tmp_path):
    table = played.played.set_index("design")
    table.loc["0.1", "cost"] = -5e6
    found = replace(played, played=table.reset_index().sort_values("cost", ignore_index=True))
    assert any("Rs 50.0 lakh a year are saved on running costs" in sentence for sentence in said(found))
    assert "<figure" in written(found, tmp_path)


def test_how_sure_the_choice_is_is_told_with_the_rival(played):
    ranking = played.doubts.ranking
    (sure,) = [sentence for sentence in said(played) if sentence.startswith("How sure")]
    assert f"best of the {len(ranking)} designs in the budget" in sure
    assert f"of {len(played.doubts.costs)} draws" in sure


def test_a_design_that_is_cheaper_on_average_over_the_draws_is_not_kept_quiet(played):
    costs = pd.DataFrame(10e6, index=played.doubts.costs.index, columns=played.doubts.costs.columns)
    costs[played.recommended] += 3e6
    found = with_costs(played, costs)
    (told_of,) = [sentence for sentence in said(found) if sentence.startswith("The recommendation rests")]
    assert "costs Rs 30.0 lakh a year less, more than the Rs 20.0 lakh" in told_of
    even = with_costs(played, costs.assign(**{played.recommended: 10e6}))
    assert not [sentence for sentence in said(even) if sentence.startswith("The recommendation rests")]


# --- what may go wrong ------------------------------------------------------------------------------------------------


def test_hostile_names_are_shown_and_do_nothing(played, tmp_path):
    study = copy.copy(played.study)
    materials = study.materials
    study.materials = replace(
        materials,
        spec=hostile(materials.spec),
        city=hostile(materials.city, "services", "wards"),
        scenarios={key: hostile(record) for key, record in materials.scenarios.items()},
        postures={key: hostile(record) for key, record in materials.postures.items()},
        catalogue=hostile(materials.catalogue, "controls"),
    )
    study.spec = study.materials.spec
    page = written(replace(played, study=study), tmp_path)
    assert "<script" not in page
    assert "<b " not in page
    assert page.count("&lt;script&gt;") > 20
    assert HOSTILE not in page


def test_effects_of_a_control_stand_on_lines_of_their_own_and_are_escaped(played):
    study = copy.copy(played.study)
    control = study.materials.catalogue.controls["mfa"]
    bad = control.mechanisms[0].model_copy(
        update={"source": control.mechanisms[0].source.model_copy(update={"text": HOSTILE})}
    )
    controls = {**study.materials.catalogue.controls, "mfa": control.model_copy(update={"mechanisms": (bad, bad)})}
    catalogue = study.materials.catalogue.model_copy(update={"controls": controls})
    study.materials = replace(study.materials, catalogue=catalogue)
    (effects,) = [line.cells[-1] for line in told(replace(played, study=study)).tables[3].lines
                  if line.head == control.name]  # fmt: skip
    assert effects.count("<br>") == 1
    assert "<script" not in effects


def test_years_without_a_loss_are_reported_without_a_curve(played, tmp_path):
    found = replace(played)
    runs = {name: pd.DataFrame(0.0, index=rows.index, columns=rows.columns)
            for name, rows in played.risks[played.today].runs.items()}  # fmt: skip
    nothing = AnnualRisk(runs, played.study.per_year, played.study.values)
    found.__dict__["risks"] = {key: nothing for key in played.risks}
    page = written(found, tmp_path)
    assert 'id="exceedance"' not in page
    assert "No scenario costs anything today." in visible(page)
    assert "No year has a loss" in visible(page)


def test_rare_losses_make_a_warning_that_names_the_designs(played, tmp_path):
    found = replace(played)
    rare = {key: risk.repriced(per_year=dict.fromkeys(risk.per_year, 0.01)) for key, risk in played.risks.items()}
    found.__dict__["risks"] = rare
    spoken = warnings(found, names_of(found))
    assert any("once in 20 years is zero" in text for text in spoken)
    assert all(re.match(r"(Today|Recommended) \([A-Z]\)", text) for text in spoken)
    assert 'class="warnings"' in written(found, tmp_path)


def test_every_note_of_the_answer_is_told_even_one_that_is_of_no_design(played, monkeypatch):
    monkeypatch.setattr(type(played), "notes", lambda _: (Note("stale", "These results are old."),))
    assert warnings(played, names_of(played)) == ["These results are old."]


def test_without_the_runs_in_the_store_there_is_no_chapter_on_the_response(played, monkeypatch, tmp_path):
    whole = played.study.store.read
    monkeypatch.setattr(played.study.store, "read", lambda *args: whole(*args).iloc[:0])
    played.risks  # noqa: B018  what they need was read before
    page = written(played, tmp_path)
    assert 'id="response"' not in page
    assert 'href="#response"' not in page


def test_a_budget_without_own_money_has_no_curve_of_budgets(played, tmp_path):
    found = replace(played, marginal=played.marginal.iloc[:1])
    page = written(found, tmp_path)
    assert 'id="budgets"' not in page
    assert "no money of its own" in visible(page)


def test_knowing_what_does_not_change_the_choice_is_said_to_be_worth_nothing(played, tmp_path):
    costs = pd.DataFrame(
        {key: np.full(len(played.doubts.costs), 1e6 * i) for i, key in enumerate(played.doubts.costs.columns)}
    )
    found = with_costs(played, costs)
    (spoken,) = study_doubts.measure_sentences(found, names_of(found))
    assert spoken.startswith("Nothing is worth measuring first")
    assert 'id="tornado"' not in written(found, tmp_path)


def test_an_input_that_changes_the_choice_is_named_first_and_drawn(played, tmp_path):
    rate = played.doubts.draws["frequency water_setpoints"].to_numpy()
    keys = list(played.doubts.costs.columns)
    costs = pd.DataFrame({keys[0]: 4e6 * rate, **{key: np.full(len(rate), 32e6) for key in keys[1:]}})
    found = with_costs(played, costs)
    (spoken,) = study_doubts.measure_sentences(found, names_of(found))
    assert "Measure first: “How often: False set-points" in spoken
    assert "worth nothing, because it does not change the choice" in spoken
    assert study_doubts.sways(found, names_of(found))[0].name.startswith("How often: False set-points")
    assert 'id="tornado"' in written(found, tmp_path)


@pytest.mark.parametrize(
    ("claimed", "joint", "says"),
    [
        (3e7, 2e7, "overstates it 1.5 times"),
        (1e7, 2e7, "help each other"),
        (2e7, 2e7, "they add up"),
        (1e7, -1e6, "−Rs"),
    ],
)
def test_single_effects_are_set_beside_what_they_reach_together(played, claimed, joint, says):
    both = Interactions(5e7, {"hybrid": claimed / 2, "mfa": claimed / 2}, claimed, joint)
    assert says in study_choice.together_sentence(replace(played, together=both))


def test_one_change_alone_has_nothing_to_interact_with(played):
    assert len(played.together.single) == 1
    assert "nothing is counted twice" in study_choice.together_sentence(played)


# --- figures in tables ------------------------------------------------------------------------------------------------


def test_the_frontier_has_every_design_with_its_place_in_the_budget(played):
    names = names_of(played)
    table = study_choice.frontier_table(played, names)
    assert [line.head[0] for line in table.lines] == [names[key].letter for key in played.played["design"]]
    beyond = [line for line in table.lines if "beyond the budget" in line.note]
    assert len(beyond) == int((~played.played["affordable"]).sum())
    assert sum("recommended" in line.note for line in table.lines) == 1
    assert all(len(line.cells) + len(line.differences) == len(table.heads) - 1 for line in table.lines)


def test_the_matrix_of_dots_is_what_the_designs_are(played):
    names = names_of(played)
    table = study_choice.who_is_who(played, names)
    for column, named in enumerate(names.values()):
        dots = sum(line.cells[column] == study_choice.YES for line in table.lines)
        assert dots == 1 + len(named.design.controls)


def test_letters_are_never_shared_and_hold_the_predicted_designs_too(played):
    names = names_of(played)
    letters = [named.letter for named in names.values()]
    assert len(set(letters)) == len(letters)
    assert {step.letter for step in study_choice.amounts(played, names)} <= set(letters)


def test_scenario_losses_add_up_to_the_expected_loss(played):
    rows = study_risk.scenario_losses(played)
    for place, key in enumerate(study_risk.compared(played)):
        assert sum(row.losses[place].mean for row in rows) == pytest.approx(played.row(key)["loss"])


def test_every_table_of_the_year_is_as_wide_as_its_head(played):
    names = names_of(played)
    frames = study_risk.clock_frames(played)
    for table in (
        study_risk.ledger_table(played, names),
        study_risk.scenario_table(played, names),
        study_risk.clock_table(played, names, frames),
        study_choice.budget_table(played, names),
        study_doubts.chance_table(played, names),
        study_doubts.measure_table(played, names),
        *told(played).tables,
    ):
        for line in table.lines:
            assert len(line.cells) + len(line.differences) == len(table.heads) - 1, table.title


def test_deferred_revenue_tells_how_much_of_it_is_collected_later(played):
    (line,) = [
        x for x in study_risk.ledger_table(played, names_of(played)).lines if x.head == "Revenue that comes late"
    ]
    assert "of it collected later" in line.note or line.note == "none"


def test_quartiles_count_each_scenario_as_often_as_it_comes():
    frame = pd.DataFrame({"scenario": ["a"] * 4 + ["b"], "hours": [1.0, 1.0, 1.0, 1.0, 9.0]})
    assert study_risk.quartiles(frame, "hours", {"a": 1.0, "b": 9.0}) == (9.0, 9.0, 9.0)
    assert study_risk.quartiles(frame, "hours", {"a": 9.0, "b": 1.0}) == (1.0, 1.0, 1.0)
    assert study_risk.quartiles(frame, "hours", {"a": 0.0, "b": 0.0}).median == 1.0
    early = frame.assign(hours=-5.0)
    assert study_risk.quartiles(early, "hours", {"a": 1.0, "b": 1.0}).median == 0.0


def test_reports_in_time_are_weighted_likewise():
    frame = pd.DataFrame({"scenario": ["a", "a", "b"], "reported_in_time": [1.0, 1.0, 0.0]})
    assert study_risk.in_time(frame, {"a": 1.0, "b": 3.0}) == pytest.approx(0.25)


def test_inputs_stand_beside_their_source_year_and_confidence(played, page):
    text = unescape(visible(page))
    assert "Made up for a test, 2026 [assumption]" in text
    for control in played.study.offer.controls.values():
        assert all(source.text in text for source in control.sources)
        assert all(mechanism.source.text in text for mechanism in control.mechanisms)
    for service in played.study.materials.city.services.values():
        assert service.name in text


def test_method_and_provenance_tell_how_to_get_the_same_again(played, page):
    text = visible(page)
    assert len(method(played)) == 10
    assert played.study.store.spec_hash in text
    assert str(played.study.store.folder) not in page
    assert f"{len(played.screen.designs)} designs" in text
    for word in ("numpy", "numba", "seed", "independently", "only proposes", "first order", "do not meet"):
        assert word in text
