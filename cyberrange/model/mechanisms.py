"""How controls change quantities: each control acts where its mechanisms say, one after the other."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue, Mechanism, Quantity
from cyberrange.model.select import matches

AT_MOST_ONE = frozenset({
    "attack_chance", "sign_chance", "sensor_sees", "triage_confirms", "step_chance", "finds", "backup_good",
    "backup_survives", "documented", "records_share", "manual_level",
})  # fmt: skip
"""Quantities that are chances or shares: clipped to [0, 1]."""


class Mechanisms(NamedTuple):
    """The mechanisms of the controls in place, in the catalogue's order."""

    city: City
    mechanisms: tuple[Mechanism, ...]

    def value(
        self, change: Quantity, base: float, *, technique: str = "", assets: Iterable[str] = (), name: str = ""
    ) -> float:
        """Return a quantity as the controls leave it.

        Parameters
        ----------
        change
            The quantity.
        base
            Its value without controls.
        technique
            ATT&CK id of the attack step, for quantities of the attack.
        assets
            Assets that the quantity is about; a mechanism with a target acts when it means one of them.
        name
            Id of the sensor, team, playbook step or approver, for quantities of the response.
        """
        for m in self.mechanisms:
            if m.change == change and self._applies(m, technique, tuple(assets), name):
                base = base * m.times + m.plus
        base = max(0.0, base)
        return min(1.0, base) if change in AT_MOST_ONE else base

    def keeps_access(self, source: str, target: str) -> bool:
        """Whether an access edge stays open; a mechanism closes the share 1 - times of those into its target."""
        zones = self.city.assets
        if zones[source].zone == zones[target].zone:
            return True
        share = self.value("access", 1.0, assets=(target,))
        return _share_of_name(f"{source}>{target}") < share

    def _applies(self, m: Mechanism, technique: str, assets: tuple[str, ...], name: str) -> bool:
        if m.techniques and not any(technique == t or technique.startswith(t + ".") for t in m.techniques):
            return False
        if m.ids and name not in m.ids:
            return False
        target = m.target
        return target is None or any(matches(target, a, self.city.assets[a], self.city) for a in assets)


def _share_of_name(name: str) -> float:
    """Return a fixed number in [0, 1) for a name, so that the same edges close in every run and posture."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=6).digest(), "little") / 2**48


def mechanisms_of(city: City, catalogue: Catalogue | None, controls: Iterable[str]) -> Mechanisms:
    """Collect the mechanisms of the controls that a posture has in place."""
    chosen = set(controls)
    found = () if catalogue is None else tuple(
        m for name, control in catalogue.controls.items() if name in chosen for m in control.mechanisms
    )  # fmt: skip
    return Mechanisms(city, found)
