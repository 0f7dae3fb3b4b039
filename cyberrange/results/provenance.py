"""Where a result comes from: versions, digests of the inputs, seed."""

import hashlib
import platform
from importlib.metadata import version

from pydantic import BaseModel

from cyberrange.model.build import Plan

PACKAGES = ("cyberrange", "simpy", "numpy", "pandas")


def digest(record: BaseModel) -> str:
    """Return the first 16 hex digits of the SHA-256 of a record's canonical JSON."""
    return hashlib.sha256(record.model_dump_json(by_alias=True).encode()).hexdigest()[:16]


def provenance(plan: Plan, seed: int) -> dict[str, str]:
    """Return what must be known to get the same result again."""
    used = {name: plan.catalogue.controls[name] for name in plan.posture.controls} if plan.catalogue else {}
    controls = hashlib.sha256("".join(digest(c) for c in used.values()).encode()).hexdigest()[:16]
    decided = {"decisions": f"{plan.decisions.id} {digest(plan.decisions)}"} if plan.decisions else {}
    return {
        "city": f"{plan.city.id} {digest(plan.city)}",
        "scenario": f"{plan.scenario.id} {digest(plan.scenario)}",
        "posture": f"{plan.posture.id} {digest(plan.posture)}",
        "controls": f"{', '.join(plan.posture.controls) or 'none'} {controls}",
        **decided,
        "seed": str(seed),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }
