"""Cross checks of a city: every id leads somewhere, and everything belongs to the city that it says."""

from collections.abc import Iterator, Mapping

from cyberrange.errors import Problem, quoted
from cyberrange.inputs.city import SHARED, Access, Asset, City, Service, Ward
from cyberrange.inputs.document import Document
from cyberrange.inputs.references import each_unknown, hint_for, repeated, unknown


def check_ids(city: City, document: Document) -> Iterator[Problem]:
    """Assets and services are nodes of one graph and need ids of their own."""
    for name in city.services:
        if name in city.assets:
            yield document.key_problem(("services", name), f"{quoted(name)} is the id of an asset as well")
    if SHARED in city.cities:
        yield document.key_problem(("cities", SHARED), "'shared' stands for what several cities share and names none")


def check_assets(city: City, document: Document) -> Iterator[Problem]:
    """An asset's zone, ward, vendor and watcher exist."""
    for name, asset in city.assets.items():
        path = ("assets", name)
        if asset.zone not in city.zones:
            yield unknown(document, (*path, "zone"), "zone", asset.zone, city.zones)
        if asset.ward is not None and asset.ward not in city.wards:
            yield unknown(document, (*path, "ward"), "ward", asset.ward, city.wards)
        if asset.maintained_by is not None and asset.maintained_by not in city.vendors:
            yield unknown(document, (*path, "maintained_by"), "vendor", asset.maintained_by, city.vendors)
        if asset.watched_by is not None and asset.watched_by not in city.assets:
            yield unknown(document, (*path, "watched_by"), "asset", asset.watched_by, city.assets)


def check_watchers(city: City, document: Document) -> Iterator[Problem]:
    """An asset that is down raises no alarm about itself."""
    for name, asset in city.assets.items():
        if asset.watched_by == name:
            yield document.problem(("assets", name, "watched_by"), "an asset cannot watch itself")


def check_owners(city: City, document: Document) -> Iterator[Problem]:
    """Everything belongs to a city of the file; in a region it says to which."""
    kinds: tuple[tuple[str, Mapping[str, Asset | Service | Ward]], ...] = (
        ("wards", city.wards),
        ("services", city.services),
        ("assets", city.assets),
    )
    for kind, things in kinds:
        allowed = (*city.city_ids, SHARED) if kind == "assets" else city.city_ids
        for name, thing in things.items():
            if thing.city is None and city.cities:
                message = "missing key 'city': in a region it is not clear where this belongs"
                yield document.key_problem((kind, name, "city"), message, hint_for("", allowed))
            elif thing.city is not None and thing.city not in allowed:
                yield unknown(document, (kind, name, "city"), "city", thing.city, allowed)


def check_profiles(city: City, document: Document) -> Iterator[Problem]:
    """A service's profile of use exists."""
    for name, service in city.services.items():
        if service.profile is not None and service.profile not in city.profiles:
            yield unknown(document, ("services", name, "profile"), "profile", service.profile, city.profiles)


def check_weekends(city: City, document: Document) -> Iterator[Problem]:
    """A weekend without any use is possible, and seldom meant."""
    for name, profile in city.profiles.items():
        if profile.weekend is not None and sum(profile.weekend) == 0:
            message = "nobody uses this at the weekend, so nothing is lost then either"
            hint = "If weekends are like other days, leave `weekend` out"
            yield document.problem(("profiles", name, "weekend"), message, hint, "warning")


def check_access(city: City, document: Document) -> Iterator[Problem]:
    """Access leads from assets to assets."""
    for i, access in enumerate(city.access):
        yield from _check_ends(city, access, i, document)


def _check_ends(city: City, access: Access, i: int, document: Document) -> Iterator[Problem]:
    for key, names in (("from", access.source), ("to", access.target)):
        for j, name in enumerate(names):
            path = ("access", i, key, j)
            if name in city.services and name not in city.assets:
                yield document.problem(path, f"{quoted(name)} is a service; access leads from assets to assets")
            elif name not in city.assets:
                yield unknown(document, path, "asset", name, city.assets)


def check_wards(city: City, document: Document) -> Iterator[Problem]:
    """A service serves wards of its own city, each once."""
    for name, service in city.services.items():
        path = ("services", name, "wards")
        yield from each_unknown(document, path, "ward", service.wards, city.wards)
        for i, ward in repeated(service.wards):
            yield document.problem((*path, i), f"ward {quoted(ward)} stands here twice")
        for i, ward in enumerate(service.wards):
            if ward in city.wards and _elsewhere(city, service, city.wards[ward]):
                yield document.problem((*path, i), _belongs_to(city, "ward", ward, city.wards[ward], service))


def check_sites(city: City, document: Document) -> Iterator[Problem]:
    """An asset stands in a ward of its own city; shared ones may stand anywhere."""
    for name, asset in city.assets.items():
        ward = city.wards.get(asset.ward or "")
        if ward is not None and asset.city != SHARED and _elsewhere(city, asset, ward):
            message = _belongs_to(city, "ward", asset.ward or "", ward, asset)
            yield document.problem(("assets", name, "ward"), message)


def _elsewhere(city: City, thing: Asset | Service, ward: Ward) -> bool:
    """Whether a ward lies in another city; what belongs to no known city is reported as that alone."""
    owners = {city.city_of(thing), city.city_of(ward)}
    return len(owners) == 2 and owners <= set(city.city_ids)


def _belongs_to(city: City, what: str, name: str, ward: Ward, thing: Asset | Service) -> str:
    there, here = city.city_of(ward), city.city_of(thing)
    return f"{what} {quoted(name)} belongs to {quoted(there)}, this to {quoted(here)}"


def check_citizens(city: City, document: Document) -> Iterator[Problem]:
    """Somebody uses each service: its loss is counted in citizens."""
    for name, service in city.services.items():
        wards = [city.wards.get(ward) for ward in service.wards] or [
            ward for ward in city.wards.values() if not _elsewhere(city, service, ward)
        ]
        if not any(ward is None or ward.population for ward in wards):
            yield document.key_problem(("services", name), f"the service {quoted(name)} serves no citizens")


CHECKS = (
    check_ids, check_assets, check_watchers, check_owners, check_profiles, check_weekends, check_access, check_wards,
    check_sites, check_citizens,
)  # fmt: skip
