"""Cities of any size that exist nowhere, for tests, benchmarks and studies of size.

A synthetic city has districts of about fifty assets, each with its own little loop of power,
telecom and control room, and a few platforms that all districts share. Records are built without
validation, and whatever can be shared is one object: a city of a million assets has to fit.
"""

import numpy as np

from cyberrange.errors import CyberrangeError
from cyberrange.inputs.city import City, Municipality
from cyberrange.inputs.records import Source
from cyberrange.inputs.synthetic.common import make, profiles, vendors
from cyberrange.inputs.synthetic.district import District
from cyberrange.inputs.synthetic.town import STATE_ASSETS, Parts, Town, add_state

FEWEST_PER_CITY = 20
MOST_ASSETS = 1_000_000


def synthetic_city(assets: int, *, seed: int, cities: int = 1) -> City:
    """Return a made-up city, or a region of several, with exactly so many assets.

    Parameters
    ----------
    assets : int
        From 20 for each city (and 2 more for what the cities of a region share) to 1,000,000.
    seed : int
        The same seed gives the same city, to the byte.
    cities : int
        How many cities; more than one share a state platform and the link to it.

    Returns
    -------
    City
        When nothing is wrong with it, all its levels are 1.

    Raises
    ------
    CyberrangeError
        When the numbers are out of range.

    Examples
    --------
    >>> city = synthetic_city(1_000, seed=7)
    >>> len(city.assets), len(city.wards)
    (1000, 20)
    >>> city == synthetic_city(1_000, seed=7)
    True
    """
    _refuse_out_of_range(assets, seed, cities)
    random = np.random.default_rng(seed)
    shared = STATE_ASSETS if cities > 1 else 0
    sizes = [(assets - shared) // cities] * cities
    sizes[0] += (assets - shared) % cities
    names = [f"c{number}" for number in range(1, cities + 1)] if cities > 1 else [""]
    parts = Parts()
    if shared:
        add_state(parts)
    for place, (name, size) in enumerate(zip(names, sizes, strict=True)):
        _build(Town(name, place, random, parts), size)
    kind = f"{cities}_cities" if cities > 1 else "city"
    return make(
        City,
        id=f"synthetic_{kind}_{assets}_{seed}"[:64],
        name=f"Synthetic {kind.replace('_', ' ')}, {assets:,} assets",
        about=f"Generated: {assets} assets, {cities} cities, seed {seed}. It exists nowhere.",
        cities={name: Municipality(name=name.upper()) for name in names if name},
        zones=parts.zones,
        wards=parts.wards,
        profiles=profiles(),
        vendors=vendors(),
        services=parts.services,
        assets=parts.assets,
        access=tuple(parts.access),
        sources=(Source(text="Every figure is invented.", confidence="assumption"),),
    )


def _refuse_out_of_range(assets: int, seed: int, cities: int) -> None:
    if cities < 1 or seed < 0:
        raise CyberrangeError(f"cities must be at least 1 and seed at least 0: {cities}, {seed}")
    least = FEWEST_PER_CITY * cities + (STATE_ASSETS if cities > 1 else 0)
    if not least <= assets <= MOST_ASSETS:
        allowed = f"from {least:,} to {MOST_ASSETS:,}"
        raise CyberrangeError(f"assets must be {allowed} for {cities:,} cities, found {assets:,}")


def _build(town: Town, assets: int) -> None:
    """Build a town with so many assets: its platforms, its districts, and who can reach whom."""
    town.build_platforms()
    for number, size in enumerate(town.district_sizes(assets)):
        District(town, number).build(size)
    town.connect()
