"""Made-up cities: the same from the same seed, whole, and shaped like real ones."""

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyberrange.errors import CyberrangeError
from cyberrange.inputs.city import SHARED, City
from cyberrange.inputs.reading import read_record
from cyberrange.inputs.synthetic import synthetic_city
from cyberrange.inputs.writing import to_yaml

TEAMS = {"water_crew", "traffic_crew", "counter_staff", "dispatch_staff", "it_ops"}


@st.composite
def synthetic_cities(draw):
    cities = draw(st.integers(1, 4))
    least = 20 * cities + 2 * (cities > 1)
    assets = draw(st.integers(least, least + 400))
    return synthetic_city(assets, seed=draw(st.integers(0, 2**40)), cities=cities), assets, cities


def needs(city: City):
    return [need for node in [*city.assets.values(), *city.services.values()] for need in node.needs]


def suppliers(city: City) -> nx.DiGraph:
    nodes = {**city.assets, **city.services}
    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from((s, k) for k, n in nodes.items() for need in n.needs for s in need.suppliers)
    return graph


def supply_of_a_healthy_city(need) -> float:
    """Return a need's supply when every supplier's level is 1, added up in the order given."""
    if need.k_of_n:
        return min(1.0, len(need.k_of_n.of) / need.k_of_n.k)
    total = 0.0
    for weight in (need.weighted or {"any": 1.0}).values():
        total += weight
    return total


@pytest.mark.parametrize(("assets", "cities"), [(20, 1), (333, 1), (200, 3)])
def test_the_same_seed_gives_the_same_city_to_the_byte(assets, cities):
    one, other = (to_yaml(synthetic_city(assets, seed=5, cities=cities)) for _ in range(2))
    assert one == other


def test_another_seed_gives_another_city():
    assert synthetic_city(100, seed=1).assets != synthetic_city(100, seed=2).assets


@settings(max_examples=40, deadline=None)
@given(synthetic_cities())
def test_what_is_built_without_validation_is_valid(made):
    city, _, _ = made
    validated = City.model_validate(city.model_dump(by_alias=True))
    assert validated == city
    assert to_yaml(validated) == to_yaml(city)


@settings(max_examples=40, deadline=None)
@given(synthetic_cities())
def test_there_are_as_many_assets_and_cities_as_asked_for(made):
    city, assets, cities = made
    assert len(city.assets) == assets
    assert len(city.city_ids) == cities
    assert city.assets.keys().isdisjoint(city.services)


@settings(max_examples=40, deadline=None)
@given(synthetic_cities())
def test_everything_that_is_named_exists(made):
    city, _, cities = made
    for need in needs(city):
        assert set(need.suppliers) <= city.assets.keys()
        assert need.manual is None or need.manual.team in TEAMS
        assert need.buffer is None or need.buffer.profile in {None, *city.profiles}
    owners = {*city.city_ids, SHARED} if cities > 1 else {None}
    for asset in city.assets.values():
        assert asset.zone in city.zones
        assert asset.ward in {None, *city.wards}
        assert asset.watched_by in {None, *city.assets}
        assert asset.maintained_by in {None, *city.vendors}
        assert asset.city in owners
    for service in city.services.values():
        assert service.wards
        assert set(service.wards) <= city.wards.keys()
        assert service.profile in {None, *city.profiles}
    for access in city.access:
        assert {*access.source, *access.target} <= city.assets.keys()


@settings(max_examples=40, deadline=None)
@given(synthetic_cities())
def test_all_levels_of_a_healthy_city_are_one(made):
    city, _, _ = made
    assert all(supply_of_a_healthy_city(need) == 1 for need in needs(city))


@settings(max_examples=40, deadline=None)
@given(synthetic_cities())
def test_loops_stay_within_a_district_and_have_a_store(made):
    city, _, _ = made
    for loop in nx.strongly_connected_components(suppliers(city)):
        if len(loop) > 1:
            kinds = sorted(city.assets[key].kind for key in loop)
            assert kinds == ["exchange", "power", "scada"]
            assert len({city.assets[key].ward for key in loop}) == 1
            assert any(need.buffer for key in loop for need in city.assets[key].needs)


@settings(max_examples=20, deadline=None)
@given(synthetic_cities())
def test_an_attacker_who_comes_in_from_outside_can_reach_a_pump(made):
    city, _, _ = made
    ways = nx.DiGraph((s, t) for a in city.access for s in a.source for t in a.target)
    exposed = [key for key, asset in city.assets.items() if asset.exposed]
    held = set().union(*(nx.descendants(ways, key) for key in exposed))
    assert any(city.assets[key].kind == "pump" for key in held)


def test_a_city_of_some_size_has_every_form_of_need():
    city = synthetic_city(2_000, seed=3)
    forms = ("all_of", "k_of_n", "weighted", "soft", "control", "hold", "buffer", "manual")
    for form in forms:
        assert any(getattr(need, form) for need in needs(city)), form
    assert any(asset.trip for asset in city.assets.values())
    assert {"water", "traffic", "safety", "property", "lighting", "citizen_data"} == {
        service.sector for service in city.services.values()
    }


def test_districts_have_about_fifty_assets():
    city = synthetic_city(5_000, seed=3)
    sizes = [sum(key.startswith(f"{ward}_") for key in city.assets) for ward in city.wards]
    assert sum(sizes) == 5_000 - 12
    assert min(sizes) >= 36
    assert max(sizes) <= 64


def test_records_that_are_alike_are_one_object():
    city = synthetic_city(2_000, seed=3)
    assert len({id(asset) for asset in city.assets.values()}) < 1_000
    assert len({id(service.value) for service in city.services.values()}) < 10


def test_a_synthetic_city_reads_back_from_its_file():
    city = synthetic_city(200, seed=11, cities=2)
    assert read_record(to_yaml(city), City)[0] == city


@pytest.mark.parametrize(
    ("assets", "cities", "seed"),
    [(19, 1, 0), (0, 1, 0), (1_000_001, 1, 0), (41, 2, 0), (100, 0, 0), (100, 1, -1)],
)
def test_numbers_out_of_range_are_refused(assets, cities, seed):
    with pytest.raises(CyberrangeError, match="must be"):
        synthetic_city(assets, seed=seed, cities=cities)
