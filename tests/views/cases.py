"""Small comparisons for the tests of figures and reports; each is played once."""

from functools import cache

import cyberrange as cr
from cyberrange.results.run import Run
from cyberrange.study.compare import Comparison

POSTURES = ("vendor_reliant", "inhouse_ciso", "hybrid")
ATTACKS = {
    "suryanagar": "ransomware_property",
    "sangam_district": "integrator_access",
    "kasba": "water_setpoints",
    "net3_city": "water_setpoints",
}
CITIES = tuple(ATTACKS)


@cache
def comparison(city: str, scenarios: tuple[str, ...], runs: int = 3) -> Comparison:
    """Return three postures compared on a few runs."""
    return cr.compare(
        cr.load_city(city),
        [cr.load_scenario(name) for name in scenarios],
        {name: cr.load_posture(name) for name in POSTURES},
        runs=runs,
        seed=7,
        workers=1,
    )


@cache
def runs(city: str, scenario: str) -> tuple[Run, ...]:
    """Return a run under each posture, with the same luck: of three the one that loses most under the first."""
    result = comparison(city, (scenario,))
    worst = int(result.of(scenario, POSTURES[0])["unserved_citizen_hours"].idxmax())
    return tuple(
        cr.simulate(result.city, result.scenarios[0], posture, seed=7, replicate=worst)
        for posture in result.postures.values()
    )
