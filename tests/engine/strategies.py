"""Random small cities and attacks for hypothesis."""

from hypothesis import strategies as st

from cyberrange.inputs.city import Need
from tests.build import asset, city, need, scenario, service, step

PROFILE = {"day": {"hours": tuple(float(1 + hour % 5) for hour in range(24)), "weekend": (1.0,) * 24}}
LEVELS = [0.0, 0.25, 0.5, 0.9]


@st.composite
def needs(draw, names, own, covers):
    """A need of any form, perhaps with a buffer or a hold; it may stand on a cycle."""
    form = draw(st.sampled_from(["all_of", "k_of_n", "weighted", "soft"]))
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
    cover = {}
    if covers:
        lasts, refill = draw(st.sampled_from([1.0, 7.5])), draw(st.sampled_from([0.5, 2.0]))
        buffer = {"lasts": lasts, "refill": refill, "profile": draw(st.sampled_from([None, "day"]))}
        cover = draw(st.sampled_from([{}, {"hold": lasts}, {"buffer": buffer}]))
    if form == "all_of":
        return Need(all_of=chosen, **cover)
    if form == "k_of_n":
        return Need(k_of_n={"k": draw(st.integers(1, len(chosen))), "of": chosen}, **cover)
    if form == "weighted":
        parts = [draw(st.integers(1, 5)) for _ in chosen]
        return Need(weighted={u: part / sum(parts) for u, part in zip(chosen, parts, strict=True)}, **cover)
    losses = {u: draw(st.sampled_from([0.1, 0.25, 0.5, 1.0])) for u in chosen if u != own}
    return Need(soft=losses or {chosen[0]: 0.25}, **cover)


@st.composite
def cities(draw, covers=True):
    """A city of 2 to 9 assets that need each other in any way, and of two services."""
    names = [f"n{i}" for i in range(draw(st.integers(2, 9)))]
    assets = {
        name: asset(
            *draw(st.lists(needs(names, name, covers), max_size=2)), local_level=draw(st.sampled_from([0.0, 0.3, 1.0]))
        )
        for name in names
    }
    services = {f"s{i}": service(need(names[i]), profile=draw(st.sampled_from([None, "day"]))) for i in range(2)}
    return city(assets, services, profiles=PROFILE)


@st.composite
def effects(draw):
    """An effect on health or load that ends by itself."""
    do = draw(st.sampled_from(["impair", "force", "flood"]))
    lasts = draw(st.sampled_from([0.5, 3.0, 10.0, 7.5, 40.0]))
    return {"do": do, "level": draw(st.sampled_from(LEVELS)), "load": 1 + draw(st.sampled_from(LEVELS)), "lasts": lasts}


@st.composite
def attacks(draw, of, horizon=72.0):
    """Effects on assets of a city at random times, some of them at one moment."""
    hits = draw(
        st.lists(
            st.tuples(st.sampled_from(list(of.assets)), effects(), st.sampled_from([0.0, 2.5, 3.0, 10.0, 12.5, 20.0])),
            min_size=1,
            max_size=6,
        )
    )
    steps = {f"hit{i}": step(name, effect, duration=at) for i, (name, effect, at) in enumerate(hits)}
    return scenario(horizon, **steps)
