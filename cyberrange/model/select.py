"""Which assets a scenario's target, a playbook's `where` or a control's mechanism means in a given city."""

from cyberrange.inputs.city import SHARED, Asset, City
from cyberrange.inputs.scenario import Target


def matches(target: Target, name: str, asset: Asset, city: City) -> bool:
    """Whether an asset has every property that a target asks for, regardless of `of` and `pick`."""
    return (
        (not target.asset or name in target.asset)
        and (not target.kind or asset.kind in target.kind)
        and (not target.sector or asset.sector in target.sector)
        and (not target.zone_kind or city.zones[asset.zone].kind in target.zone_kind)
        and (not target.layer or asset.layer in target.layer)
        and (target.exposed is None or asset.exposed == target.exposed)
        and (target.holds_records is None or (asset.records > 0) == target.holds_records)
        and (target.vendor is None or (asset.maintained_by is not None) == (target.vendor == "any"))
    )


def select(target: Target, city: City, *, within: str | None = None) -> list[str]:
    """Return the ids of the assets that a target means, in the file's order.

    Parameters
    ----------
    target
        The properties asked for.
    city
        The city or region.
    within
        Only assets of this city (of a region).
    """
    owner = _owner(target, city) if within is None else within
    found = [
        name
        for name, asset in city.assets.items()
        if (owner is None or city.city_of(asset) == owner) and matches(target, name, asset, city)
    ]
    return found[: target.pick] if target.pick is not None else found


def _owner(target: Target, city: City) -> str | None:
    """City that a target is confined to; None for any."""
    if target.of == "first":
        return city.city_ids[0]
    if target.of == "shared":
        return SHARED
    if target.of == "largest":
        return max(city.city_ids, key=lambda c: sum(w.population for w in city.wards.values() if city.city_of(w) == c))
    return None
