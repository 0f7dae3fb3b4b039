"""Cross checks of a city's needs: suppliers that exist, cycles that can start again, things that play no part."""

from collections.abc import Iterator

from cyberrange.errors import KeyPath, Problem, quoted
from cyberrange.inputs.city import Asset, City, Need, Service
from cyberrange.inputs.document import Document
from cyberrange.inputs.references import cycles, hint_for, shown_cycle, unknown

HALF = 0.5
"""Below this level watchers raise alarms, and an outage counts as passed on."""


def nodes(city: City) -> Iterator[tuple[tuple[str, str], Asset | Service]]:
    """Yield every asset and service with its place in the file."""
    for name, asset in city.assets.items():
        yield ("assets", name), asset
    for name, service in city.services.items():
        yield ("services", name), service


def _needs(city: City) -> Iterator[tuple[str, KeyPath, Need]]:
    """Yield every need with the id of what needs it."""
    for (kind, name), thing in nodes(city):
        for i, need in enumerate(thing.needs):
            yield name, (kind, name, "needs", i), need


def check_suppliers(city: City, document: Document) -> Iterator[Problem]:
    """Suppliers exist, and nothing needs itself."""
    known = {**city.assets, **city.services}
    for name, path, need in _needs(city):
        for place, supplier, is_key in _suppliers(need):
            at = (*path, *place)
            if supplier == name:
                message = f"{quoted(name)} cannot need itself"
            elif supplier not in known:
                message = f"unknown asset {quoted(supplier)}"
            else:
                continue
            hint = hint_for(supplier, known) if supplier not in known else ""
            yield document.key_problem(at, message, hint) if is_key else document.problem(at, message, hint)


def _suppliers(need: Need) -> Iterator[tuple[KeyPath, str, bool]]:
    """Yield each supplier with its place in the need, and whether it stands there as a key."""
    if need.all_of is not None:
        yield from ((("all_of", i), name, False) for i, name in enumerate(need.all_of))
    if need.k_of_n is not None:
        yield from ((("k_of_n", "of", i), name, False) for i, name in enumerate(need.k_of_n.of))
    yield from ((("weighted", name), name, True) for name in need.weighted or ())
    yield from ((("soft", name), name, True) for name in need.soft or ())


def check_buffers(city: City, document: Document) -> Iterator[Problem]:
    """The profile of the need that a buffer covers exists."""
    for _, path, need in _needs(city):
        profile = need.buffer.profile if need.buffer else None
        if profile is not None and profile not in city.profiles:
            yield unknown(document, (*path, "buffer", "profile"), "profile", profile, city.profiles)


def check_cycles(city: City, document: Document) -> Iterator[Problem]:
    """An outage should not run round a cycle that nothing on it can stop or start again."""
    places = {name: (kind, name) for (kind, name), _ in nodes(city)}
    passed_on = {name: [s for s in _vital(thing) if s != name] for (_, name), thing in nodes(city)}
    for cycle in cycles(passed_on):
        message = f"a cycle of needs has no buffer, hold, manual take-over or black start on it: {shown_cycle(cycle)}"
        hint = "An outage runs round it at once; if a member trips, only a black start by hand ends it"
        yield document.key_problem(places[cycle[0]], message, hint, "warning")


def _vital(thing: Asset | Service) -> list[str]:
    """Suppliers of which one alone takes a node down, at once."""
    trip = thing.trip if isinstance(thing, Asset) else None
    if trip is not None and trip.black_start:
        return []
    enough = max(trip.below, trip.restart_at) if trip else HALF
    return [
        name
        for need in thing.needs
        if not (need.buffer or need.hold or need.manual)
        for name in need.suppliers
        if _supply_without(need, name) < enough
    ]


def _supply_without(need: Need, name: str) -> float:
    """Supply of a need when one supplier is down and all others are whole."""
    if need.k_of_n is not None:
        return min(1.0, (len(need.k_of_n.of) - need.k_of_n.of.count(name)) / need.k_of_n.k)
    if need.weighted is not None or need.soft is not None:
        return 1.0 - need.suppliers[name]
    return 0.0


def check_noticed(city: City, document: Document) -> Iterator[Problem]:
    """Somebody should notice when a service fails: citizens who complain, or an asset that watches what it needs."""
    for name, service in city.services.items():
        if service.complaints == 0 and not _watched(city, service):
            message = f"nobody notices when {quoted(name)} fails: no complaints, and nothing that it needs is watched"
            yield document.key_problem(("services", name), message, severity="warning")


def _watched(city: City, service: Service) -> bool:
    """Whether anything that a service needs, near or far, is watched."""
    seen: set[str] = set()
    rest: list[Asset | Service] = [service]
    while rest:
        thing = rest.pop()
        if isinstance(thing, Asset) and thing.watched_by is not None:
            return True
        names = {name for need in thing.needs for name in need.suppliers} - seen
        seen |= names
        rest += [found for name in names if (found := city.assets.get(name) or city.services.get(name))]
    return False


def check_idle(city: City, document: Document) -> Iterator[Problem]:
    """An asset that nothing needs, watches or reaches is only weight."""
    used = {name for _, thing in nodes(city) for need in thing.needs for name in need.suppliers}
    used |= {asset.watched_by for asset in city.assets.values() if asset.watched_by}
    used |= {name for access in city.access for name in (*access.source, *access.target)}
    if not used <= {*city.assets, *city.services}:
        return  # a misspelt id is the likelier reason
    for name, asset in city.assets.items():
        if name not in used and not asset.exposed and not asset.records:
            message = f"{quoted(name)} plays no part: nothing needs it, and no access leads to it or from it"
            yield document.key_problem(("assets", name), message, severity="warning")


CHECKS = (check_suppliers, check_buffers, check_cycles, check_noticed, check_idle)
