"""Water networks become cities: what is conserved, what is refused, and how it joins a town."""

import hashlib
import math
import sys
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cyberrange.errors import CyberrangeError, InputError
from cyberrange.inputs.city import City
from cyberrange.inputs.reading import read_record
from cyberrange.inputs.writing import to_yaml
from cyberrange.twin.epanet import import_epanet
from cyberrange.twin.joining import joined, small_town

wntr = pytest.importorskip("wntr")

REPOSITORY = Path(__file__).parents[2]
NETWORKS = Path(wntr.__file__).parent / "library" / "networks"
TEAMS = {"water_crew", "traffic_crew", "counter_staff", "dispatch_staff", "it_ops"}

# Two pumps lift 60 l/s from a lake to a town with a tank; from there a booster and a valve feed a
# hill with a tank and a valley without one. Mean draws are 20, 10 and 5 l/s.
HILL = """
[JUNCTIONS]
 in    0   0
 town  0  20
 foot  0   0
 hill 50  10
 dale  0   5
[RESERVOIRS]
 lake  0
[TANKS]
 T-1  40  2  1  5  20  0
 T+1  90  2  0  6  10  0
[PIPES]
 p0 lake in   10 300 100 0 Open
 p1 T-1 town 100 300 100 0 Open
 p2 town foot 100 300 100 0 Open
 p3 hill T+1 100 300 100 0 Open
[PUMPS]
 A1 in town HEAD c
 A2 in town HEAD c
 B  foot hill HEAD d
[VALVES]
 V town dale 200 PRV 30 0
[CURVES]
 c 30 60
 d 12 60
[CONTROLS]
 LINK B OPEN IF NODE T+1 BELOW 3
 LINK B CLOSED IF NODE T+1 ABOVE 5
[OPTIONS]
 Units LPS
 Headloss H-W
[END]
"""


@pytest.fixture
def hill(tmp_path):
    """Return a function that imports the hill network, with lines replaced."""

    def make(old: str = "", new: str = "", **options):
        file = tmp_path / "hill.inp"
        file.write_text(HILL.replace(old, new))
        return import_epanet(file, **options)

    return make


def nodes(city: City):
    return {**city.assets, **city.services}


def suppliers(city: City) -> nx.DiGraph:
    edges = ((s, k) for k, node in nodes(city).items() for n in node.needs for s in n.suppliers)
    return nx.DiGraph(edges)


def people(city: City) -> int:
    return sum(ward.population for ward in city.wards.values())


def stores(city: City):
    return {
        key: need.buffer
        for key, asset in city.assets.items()
        for need in asset.needs
        if asset.kind == "tank" and need.buffer
    }


def hours_until_dry(city: City, tanks: str, start: int = 0) -> float:
    """Return when full tanks are empty if nothing comes in from some hour of the day on."""
    buffer = stores(city)[tanks]
    use = city.profiles[buffer.profile].hours
    left, hour = buffer.lasts * sum(use) / 24, start
    while left > use[hour % 24]:
        left -= use[hour % 24]
        hour += 1
    return hour - start + left / use[hour % 24]


# --- what is conserved ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "zones", "hours"),
    [("Net1", 1, 11.35), ("Net3", 3, 10.40), ("ky4", 4, 32.06), ("Net6", 32, None)],
)
def test_people_and_storage_are_those_of_the_network(network, zones, hours):
    city = import_epanet(network)
    assert len(city.wards) == zones
    model = wntr.network.WaterNetworkModel(network)
    assert people(city) == wntr.metrics.population(model).sum()
    if hours:
        assert stores(city)["water_tanks_1"].lasts == pytest.approx(hours, abs=0.01)


def test_the_tanks_of_net3_hold_ten_hours_of_mean_demand():
    model = wntr.network.WaterNetworkModel("Net3")
    demand = wntr.metrics.average_expected_demand(model).sum() * 3600
    volume = sum(t.get_volume(t.max_level) - t.get_volume(t.min_level) for _, t in model.tanks())
    assert (round(volume), round(demand)) == (25863, 2486)
    city = import_epanet("Net3")
    assert stores(city)["water_tanks_1"].lasts == pytest.approx(volume / demand, abs=0.001)
    # The three tanks float on one pressure, so every zone lasts as long as all of them.
    for zone in ("water_zone_1", "water_zone_2", "water_zone_3"):
        assert city.services[zone].needs[0].all_of == ("water_tanks_1",)


@pytest.mark.filterwarnings("ignore")  # the simulator's own, about a pump curve that it fits
def test_the_city_runs_dry_when_a_hydraulic_simulation_does():
    model = wntr.network.WaterNetworkModel("Net3")
    for control in list(model.control_name_list):
        model.remove_control(control)
    for pump in model.pump_name_list:
        model.get_link(pump).initial_status = "Closed"
    for _, tank in model.tanks():
        tank.init_level = tank.max_level
    step, end = 900, 12 * 3600
    model.options.hydraulic.demand_model = "PDD"
    model.options.hydraulic.required_pressure = 10
    model.options.time.duration = end
    model.options.time.hydraulic_timestep = model.options.time.report_timestep = step
    results = wntr.sim.WNTRSimulator(model).run_sim()
    served = results.node["demand"][model.junction_name_list].sum(axis=1)
    share = served / wntr.metrics.expected_demand(model, 0, end, step).sum(axis=1)
    last = share[share > 0.99].index[-1] / 3600
    assert share[share.index > (last + 0.5) * 3600].max() < 0.01
    dry = hours_until_dry(import_epanet("Net3"), "water_tanks_1")
    assert last <= dry <= last + step / 3600


@pytest.mark.parametrize("zones", [1, 2, 3, 4, 7, 20])
def test_any_number_of_zones_holds_the_same_people(zones):
    city = import_epanet("Net3", zones=zones)
    assert len(city.wards) == len(city.services) == zones
    assert people(city) == 78832
    assert all(ward.population > 0 for ward in city.wards.values())


def test_zones_of_different_pools_can_be_one_zone(hill):
    city = hill(zones=1)
    (need,) = city.services["water_zone_1"].needs
    assert need.weighted == {"water_tanks_1": 0.571, "water_tanks_2": 0.286, "water_mains_3": 0.143}


def test_people_follow_from_litres_a_head():
    city = import_epanet("Net3", litres_per_person=135)
    assert people(city) == pytest.approx(2486.485 * 24_000 / 135, rel=1e-4)


@pytest.mark.parametrize("network", ["Net1", "Net2", "Net3", "ky4", "ky10"])
def test_profiles_are_days_with_a_mean_of_one(network):
    profiles = import_epanet(network).profiles.values()
    assert profiles
    assert all(sum(profile.hours) / 24 == pytest.approx(1, abs=1e-3) for profile in profiles)


def test_a_pattern_of_two_hour_steps_becomes_hours_of_the_day():
    (profile,) = import_epanet("Net1").profiles.values()
    model = wntr.network.WaterNetworkModel("Net1")
    steps = model.get_pattern("1").multipliers
    assert profile.hours == pytest.approx([x for x in steps for _ in range(2)], abs=1e-3)


def test_a_day_that_starts_at_another_hour_moves_the_profile(hill):
    pattern = "[PATTERNS]\n 1 " + " ".join(["1"] * 8 + ["2"] * 16)
    (still,) = hill("[CURVES]", f"{pattern}\n[CURVES]").profiles.values()
    times = "[TIMES]\n Start ClockTime 6 am\n"
    (moved,) = hill("[CURVES]", f"{pattern}\n{times}[CURVES]").profiles.values()
    assert moved.hours == (*still.hours[-6:], *still.hours[:-6])


# --- how the network hangs together --------------------------------------------------------------


@pytest.mark.parametrize("network", ["Net1", "Net2", "Net3", "Net6", "ky4", "ky10"])
def test_everything_that_is_named_exists_and_a_healthy_city_is_whole(network):
    city = import_epanet(network, town=small_town())
    for node in nodes(city).values():
        for need in node.needs:
            assert set(need.suppliers) <= city.assets.keys()
            assert need.weighted is None or math.fsum(need.weighted.values()) == 1
            assert need.manual is None or need.manual.team in TEAMS
    for asset in city.assets.values():
        assert asset.zone in city.zones
        assert asset.watched_by is None or asset.watched_by in city.assets
        assert asset.maintained_by is None or asset.maintained_by in city.vendors
    for access in city.access:
        assert {*access.source, *access.target} <= city.assets.keys()


@pytest.mark.parametrize("network", ["Net1", "Net2", "Net3", "Net6", "ky4", "ky10"])
def test_every_zone_draws_on_a_source_through_every_station(network):
    city = import_epanet(network)
    graph = suppliers(city)
    sources = {key for key in city.assets if key.startswith("source_")}
    pumps = {key for key, asset in city.assets.items() if asset.kind == "pump"}
    for service in city.services:
        assert nx.ancestors(graph, service) & sources
    for plant in sources | pumps:
        assert nx.descendants(graph, plant) & city.services.keys()


def test_lake_and_river_fill_net3_by_what_their_pumps_can_give():
    city = import_epanet("Net3")
    (need,) = city.assets["water_tanks_1"].needs
    assert need.weighted == {"pump_10": 0.222, "pump_335": 0.778}
    graph = suppliers(city)
    assert "source_lake" in nx.ancestors(graph, "pump_10")
    assert "source_river" in nx.ancestors(graph, "pump_335")


def test_controls_of_epanet_are_the_logic_of_the_controllers():
    assets = import_epanet("Net3").assets
    by_level, by_clock = assets["plc_335"].needs[-1], assets["plc_10"].needs[-1]
    assert by_level.control
    assert list(by_level.suppliers) == ["level_1"]
    assert "IF TANK 1 LEVEL BELOW 5.21 THEN PUMP 335 STATUS IS OPEN" in by_level.why
    assert "bypass pipe 330" in assets["plc_335"].name
    assert by_clock.why.endswith("and 6 more")


def test_controllers_are_watched_and_reached_by_the_control_room():
    city = import_epanet("ky10")
    plcs = {key for key, asset in city.assets.items() if asset.kind == "plc"}
    assert {city.assets[key].watched_by for key in plcs} == {"water_scada"}
    reached = {t for access in city.access if "water_scada" in access.source for t in access.target}
    assert plcs <= reached


def test_parallel_pumps_are_k_of_n(hill):
    need = hill().assets["station_a1"].needs[0]
    # 35 of 60 l/s are drawn, which takes both pumps; with half of the draw one will do.
    assert (need.k_of_n.k, need.k_of_n.of) == (2, ("pump_a1", "pump_a2"))
    need = hill("town  0  20", "town  0  10").assets["station_a1"].needs[0]
    assert need.k_of_n.k == 1


def test_unequal_pumps_count_by_what_they_can_give(hill):
    need = hill("A2 in town HEAD c", "A2 in town HEAD d").assets["station_a1"].needs[0]
    assert need.weighted == {"pump_a1": 0.714, "pump_a2": 0.286}


def test_a_pump_that_nothing_opens_stands_by(hill):
    assets = hill("[CONTROLS]", "[STATUS]\n A2 Closed\n[CONTROLS]").assets
    assert assets["pump_a2"].name.endswith("standby")
    assert assets["station_a1"].needs[0].k_of_n.of == ("pump_a1", "pump_a2")


def test_a_tank_also_lasts_for_what_it_passes_on(hill):
    city = hill()
    assert {key: round(buffer.lasts, 2) for key, buffer in stores(city).items()} == {
        "water_tanks_1": round(math.pi * 100 * 4 / (35 * 3.6), 2),
        "water_tanks_2": round(math.pi * 25 * 6 / (10 * 3.6), 2),
    }
    assert city.assets["pump_b"].needs[-1].all_of == ("water_tanks_1",)
    assert city.assets["valve_v"].needs[-1].all_of == ("water_tanks_1",)
    assert city.assets["water_mains_3"].needs[0].all_of == ("valve_v",)
    assert city.assets["water_mains_3"].needs[0].buffer is None


def test_water_that_pumps_lead_round_in_a_circle_is_no_supply():
    # Two boosters of ky10 lead back through reducing valves into the pool they draw from.
    city = import_epanet("ky10")
    assert stores(city)["water_tanks_1"].lasts == pytest.approx(9186 / 340.84, abs=0.01)
    assert {"pump_pump_10", "pump_pump_11"}.isdisjoint(city.assets)
    assert "~@Pump-10" in city.about


def test_a_network_without_pumps_lives_from_its_inflow():
    city = import_epanet("Net2")
    assert city.assets["water_tanks_1"].needs[0].all_of == ("source_1",)
    assert not [key for key, asset in city.assets.items() if asset.kind == "pump"]


def test_names_that_differ_only_in_signs_keep_apart(hill):
    assets = hill().assets
    assert "T-1" in assets["level_t_1"].name
    assert "T+1" in assets["level_t_1_2"].name


def test_names_cannot_colour_the_terminal(hill):
    city = hill("A1", "A\x1b[31m")
    text = repr(city) + to_yaml(city)
    assert "\x1b" not in text


def test_the_record_names_the_file_and_its_digest(hill, tmp_path):
    city = hill()
    digest = hashlib.sha256((tmp_path / "hill.inp").read_bytes()).hexdigest()
    assert "hill.inp, sha256 " + digest in city.sources[0].text
    assert f"wntr {wntr.__version__}" in city.sources[0].text


@pytest.mark.parametrize("network", ["Net3", "ky10"])
def test_an_imported_city_reads_back_from_its_file(network):
    city = import_epanet(network)
    assert read_record(to_yaml(city), City)[0] == city
    assert City.model_validate(city.model_dump(by_alias=True)) == city


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[TANKS]", "[TONKS]", ":10:1: syntax error: '[TONKS]'"),
        ("p1 T-1 town", "p1 T-9 town", ":15:1: undefined node, 'T-9'"),
        ("T-1  40  2  1  5  20  0", "T-1 forty", ":11:1: syntax error"),
        ("40  2  1", "40  0  1", "Initial tank level must be greater than or equal to the tank minimum"),
        ("HEAD c", "HEAD nowhere", "hill.inp: "),
        ("Units LPS", "Units BUCKETS", "hill.inp"),
        ("0  20", "0  inf", "holds figures or names that no water network has"),
        (HILL, "", "nobody draws water from it"),
        (HILL, "[TITLE]\nnothing\n[END]\n", "nobody draws water from it"),
        (HILL, "Dear Sir or Madam", ":1:1: syntax error: 'Dear Sir or Madam'"),
    ],
)
def test_a_broken_network_is_refused_with_its_line(hill, old, new, message):
    with pytest.raises(InputError) as caught:
        hill(old, new)
    assert "hill.inp" in str(caught.value)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [(bytes(range(256)), "is not text"), (b"[PIPES]\n a b c d e f g h\n", "could not convert")],
)
def test_a_file_that_is_no_network_is_refused(tmp_path, content, message):
    file = tmp_path / "city.inp"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        import_epanet(file)


def test_a_file_that_is_cut_short_is_refused(tmp_path):
    file = tmp_path / "half.inp"
    file.write_text((NETWORKS / "Net3.inp").read_text()[:9000])
    with pytest.raises(InputError, match="is not a whole EPANET network"):
        import_epanet(file)


def test_a_missing_file_is_refused_with_a_hint(tmp_path):
    with pytest.raises(CyberrangeError, match=r"neither a file nor a network.*Did you mean 'Net3'"):
        import_epanet("net3")
    with pytest.raises(CyberrangeError, match="neither a file"):
        import_epanet(tmp_path / "none.inp")
    with pytest.raises(CyberrangeError, match="cannot be read"):
        import_epanet(tmp_path)


@pytest.mark.parametrize("missing", ["wntr", "six"])
def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch, missing):
    for module in [name for name in sys.modules if name.partition(".")[0] == "wntr"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(CyberrangeError, match=rf"'{missing}'.*cyberrange\[water\]"):
        import_epanet("Net3")


@pytest.mark.parametrize("zones", [0, -1, 60])
def test_a_network_has_at_least_one_zone_and_no_more_than_customers(zones):
    with pytest.raises(CyberrangeError, match=f"cannot be divided into {zones} zones"):
        import_epanet("Net3", zones=zones)


def test_people_draw_some_water():
    with pytest.raises(CyberrangeError, match="above 0"):
        import_epanet("Net3", litres_per_person=0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_gives_a_city_or_one_complaint(tmp_path, data):
    lines = HILL.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.integers(0, len(lines) - 1))
        words = lines[number].split() or [""]
        place = data.draw(st.integers(0, len(words) - 1))
        words[place] = data.draw(st.sampled_from(["", "-1", "1e300", "nan", "town", "[END]", ";"]))
        lines[number] = " ".join(words)
    file = tmp_path / "hill.inp"
    file.write_text("\n".join(lines))
    try:
        city = import_epanet(file)
    except CyberrangeError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert City.model_validate(city.model_dump(by_alias=True)) == city


# --- a town on the network -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def city():
    return import_epanet("Net3", town=small_town())


def test_the_shipped_city_is_what_the_import_makes_today(city):
    shipped, _ = read_record(REPOSITORY / "topologies" / "net3_city.yaml", City)
    # The sources name the version of wntr.
    assert shipped.model_copy(update={"sources": ()}) == city.model_copy(update={"sources": ()})


def test_a_joined_city_has_the_people_of_the_network_and_the_services_of_both(city):
    works, town = import_epanet("Net3"), small_town()
    assert city.wards == works.wards
    assert set(city.services) == {*works.services, *town.services}
    assert set(city.assets) == {*works.assets, *town.assets}
    assert all(not city.services[key].wards for key in town.services)


def test_the_town_brings_its_own_control_room_and_power(city):
    assert city.assets["water_scada"] == small_town().assets["water_scada"]
    assert "substation" in nx.ancestors(suppliers(city), "water_zone_1")
    carers = {asset.maintained_by for asset in city.assets.values() if asset.kind == "plc"}
    assert carers == {"scada_vendor"}


def test_an_attacker_finds_a_way_from_outside_to_the_pumps_and_the_register(city):
    ways = nx.DiGraph()
    for access in city.access:
        pairs = [(s, t) for s in access.source for t in access.target]
        ways.add_edges_from(pairs + [p[::-1] for p in pairs] if access.both_ways else pairs)
    exposed = [key for key, asset in city.assets.items() if asset.exposed]
    held = set(exposed).union(*(nx.descendants(ways, key) for key in exposed if key in ways))
    assert {"pump_10", "pump_335", "property_db", "sirens", "signals_market"} <= held


def test_power_and_telecom_hang_on_each_other_with_a_battery_between(city):
    loops = [part for part in nx.strongly_connected_components(suppliers(city)) if len(part) > 1]
    assert loops == [{"substation", "tel_exchange"}]
    assert city.assets["tel_exchange"].needs[0].buffer


def test_a_town_with_water_of_its_own_is_refused(city):
    with pytest.raises(CyberrangeError, match="water services of its own: 'water_zone_1'"):
        joined(import_epanet("Net1"), city)


def test_a_region_is_refused():
    town = small_town()
    twins = town.model_copy(update={"cities": dict.fromkeys(("a", "b"))})
    with pytest.raises(CyberrangeError, match="is a region"):
        joined(import_epanet("Net1"), twins)


def test_one_id_for_two_things_is_refused():
    town = small_town()
    camera = town.assets["cameras"]
    clash = town.model_copy(update={"assets": town.assets | {"pump_9": camera}})
    with pytest.raises(CyberrangeError, match="use the same ids: 'pump_9'"):
        joined(import_epanet("Net1"), clash)
