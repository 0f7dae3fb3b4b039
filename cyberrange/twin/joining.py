"""A town and its waterworks become one city."""

from importlib.resources import files
from typing import TypeVar

from cyberrange.errors import CyberrangeError, quoted
from cyberrange.inputs.city import Asset, City, Service
from cyberrange.inputs.reading import read_record
from cyberrange.inputs.records import Record
from cyberrange.twin.control import SCADA

Kept = TypeVar("Kept", bound=Record)


def small_town() -> City:
    """Return a small town without water: offices, registers, dispatch, traffic, command centre.

    Examples
    --------
    >>> small_town().assets["water_scada"].name
    'Water control room'
    """
    text = files("cyberrange.twin").joinpath("town.yaml").read_text(encoding="utf-8")
    return read_record(text, City)[0]


def joined(works: City, town: City) -> City:
    """Return one city of a town and of waterworks that were imported.

    The waterworks' zones become the city's wards, for its people live where water is drawn. The
    town's own wards, and what it says about them, fall away. An asset or network zone that both
    have is the town's: so a town says how its water control room, telemetry and power supply
    (``water_scada``, ``water_telemetry``, ``water_power``) hang together with the rest. Who looks
    after the control room looks after the controllers too.

    Parameters
    ----------
    works : City
        What `cyberrange.twin.epanet.import_epanet` makes of a network.
    town : City
        A single city without a water service.

    Raises
    ------
    CyberrangeError
        When the town is a region, has a water service, or uses an id for something else.

    Examples
    --------
    >>> from cyberrange.twin.epanet import import_epanet
    >>> city = joined(import_epanet("Net1"), small_town())
    >>> city.id, sorted({service.sector for service in city.services.values()})[-1]
    ('net1_city', 'water')
    """
    _refuse_unfit(works, town)
    return works.model_copy(
        update={
            "id": f"{works.id}_{town.id}"[:64],
            "name": f"{town.name} on {works.name}",
            "about": " ".join(filter(None, [town.about, works.about])),
            "utc_offset": town.utc_offset,
            "zones": town.zones | _without(works.zones, town.zones),
            "profiles": town.profiles | works.profiles,
            "vendors": town.vendors,
            "services": works.services | {key: _all_wards(s) for key, s in town.services.items()},
            "assets": _assets(works, town),
            "access": (*town.access, *works.access),
            "sources": (*works.sources, *town.sources),
        }
    )


def _refuse_unfit(works: City, town: City) -> None:
    if len(town.city_ids) > 1:
        raise CyberrangeError(f"{quoted(town.id)} is a region: join the network to a single city")
    water = [key for key, service in town.services.items() if service.sector == "water"]
    if water:
        found = ", ".join(map(quoted, water))
        raise CyberrangeError(f"{quoted(town.id)} has water services of its own: {found}")
    clashes = {*town.profiles} & {*works.profiles} | {*town.services} & {*works.services}
    clashes |= {
        key for key, asset in town.assets.items() if key in works.assets and works.assets[key].kind != asset.kind
    }
    if clashes:
        found = ", ".join(map(quoted, sorted(clashes)))
        raise CyberrangeError(f"{quoted(town.id)} and the network use the same ids: {found}")


def _assets(works: City, town: City) -> dict[str, Asset]:
    carer = town.assets[SCADA].maintained_by if SCADA in town.assets else None
    plant = {
        key: _changed(asset, maintained_by=carer) if asset.kind == "plc" else asset
        for key, asset in _without(works.assets, town.assets).items()
    }
    return {key: _changed(asset, ward=None) for key, asset in town.assets.items()} | plant


def _without(own: dict[str, Kept], other: dict[str, Kept]) -> dict[str, Kept]:
    return {key: value for key, value in own.items() if key not in other}


def _all_wards(service: Service) -> Service:
    return _changed(service, wards=())


def _changed(record: Kept, **update: object) -> Kept:
    """Return a record with some fields changed; as it is where that changes nothing."""
    same = all(getattr(record, key) == value for key, value in update.items())
    return record if same else record.model_copy(update=update)
