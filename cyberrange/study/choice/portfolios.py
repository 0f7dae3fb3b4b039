"""Portfolios of defences: what can be bought together, what it costs, and every allowed combination as bit masks.

A design is one organisation and a set of new controls. What the city has today is the first organisation without new
controls; it costs nothing more, and everything else is priced as the extra over it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from cyberrange.errors import CyberrangeError, did_you_mean, quoted
from cyberrange.inputs.controls import Catalogue, Control
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.references import cycles, shown_cycle

Floats = NDArray[np.float64]
Bits = NDArray[np.int64]

HOURS_A_YEAR = 8766.0
MOST_DESIGNS = 2**22
"""The most designs that are listed in memory."""
_MOST_CONTROLS = 48
"""So that a set of controls and the organisation fit together into a signed integer of 64 bits."""
_PAISA = 0.01
"""Sums of rupees are compared to a paisa, below which only rounding lies."""


@dataclass(frozen=True)
class Design:
    """One organisation and a set of new controls.

    Parameters
    ----------
    organisation
        A posture by name.
    controls
        Ids of the new controls; kept sorted, each once.

    Examples
    --------
    >>> design = Design("hybrid", ("mfa", "edr", "mfa"))
    >>> design.controls, design.name, design.id == Design("hybrid", ("edr", "mfa")).id
    (('edr', 'mfa'), 'hybrid + edr + mfa', True)
    """

    organisation: str
    controls: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "controls", tuple(sorted(set(self.controls))))

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that depend on the organisation and the controls alone."""
        return sha256("\n".join((self.organisation, *self.controls)).encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """The design as people read it."""
        return " + ".join((self.organisation, *self.controls)) if self.controls else f"{self.organisation} alone"


@dataclass(frozen=True)
class Budget:
    """What may be spent over a number of years.

    Parameters
    ----------
    own
        Rupees of the city's own, over all the years.
    years
        Years that have to be paid for.
    grant
        Rupees that somebody else gives.
    covers
        Ids of the controls that the grant may pay; all controls when absent.
    pays_organisation
        Whether the grant may also pay what another organisation costs more than today's.

    Raises
    ------
    CyberrangeError
        When an amount is no number, the grant is negative or there are no years.

    Examples
    --------
    >>> Budget(own=25e5, years=5, grant=12e7, covers=frozenset({"mfa"})).grant
    120000000.0
    """

    own: float
    years: float
    grant: float = 0.0
    covers: frozenset[str] | None = None
    pays_organisation: bool = False

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.own, self.years, self.grant))) or self.grant < 0 or self.years <= 0:
            raise CyberrangeError(
                f"a budget needs finite amounts, a grant of at least Rs 0 and more than 0 years; found own "
                f"{spoken(self.own)}, grant {spoken(self.grant)}, {self.years:g} years"
            )


@dataclass(frozen=True)
class Offer:
    """The organisations and controls that can be chosen from, and what they cost.

    A control in n cities costs (shared + (1 - shared) n) times its price: `shared` is paid once, the rest by every
    city. Every city has an organisation of its own, so the extra over today's costs n times.

    Parameters
    ----------
    organisations
        Rupees a year of each organisation in one city, controls not counted; the first is what there is today.
    controls
        The controls on offer by id.
    cities
        Number of cities that buy together.
    in_place
        Controls that are there already: they cost nothing, serve as prerequisites and exclude others.

    Raises
    ------
    CyberrangeError
        When a control could never be bought (a prerequisite that is neither on offer nor in place, prerequisites in a
        circle, a clash with what it requires or with what is in place) or has no price; all such controls are named.

    Examples
    --------
    >>> import cyberrange as cr
    >>> controls = cr.load_catalogue().controls
    >>> offer = Offer({"vendor": 105e5, "hybrid": 205e5}, {key: controls[key] for key in ("mfa", "log_tuning")})
    >>> float(offer.outlay(Design("hybrid", ("mfa",)), years=5))  # Rs 30 lakh, 5 x 30 lakh and 5 x 1 crore
    68000000.0
    """

    organisations: Mapping[str, float]
    controls: Mapping[str, Control]
    cities: int = 1
    in_place: Mapping[str, Control] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = list(_problems(self))
        if problems:
            raise CyberrangeError("the offer cannot be used:\n" + "\n".join(f"- {problem}" for problem in problems))

    @classmethod
    def of(
        cls,
        catalogue: Catalogue,
        postures: Mapping[str, Posture],
        controls: Iterable[str] | None = None,
        cities: int = 1,
    ) -> "Offer":
        """Return the offer of a catalogue's controls and of postures, of which the first is today's.

        Parameters
        ----------
        catalogue
            The controls with their prices.
        postures
            Organisations by name. Controls of the first are in place already.
        controls
            Ids of the controls on offer; all that are not in place when absent.
        cities
            Number of cities that buy together.

        Raises
        ------
        CyberrangeError
            When a control is unknown, or another organisation brings controls that today's lacks: these would come
            for nothing, so they have to be on offer instead.

        Examples
        --------
        >>> import cyberrange as cr
        >>> postures = {name: cr.load_posture(name) for name in ("vendor_reliant", "inhouse_ciso")}
        >>> offer = Offer.of(cr.load_catalogue(), postures, ["mfa"], cities=6)
        >>> float(offer.extra[1]), round(float(offer.capex[0]))  # 6 x Rs 1.7 crore; 30 lakh x (0.2 + 0.8 x 6)
        (102000000.0, 15000000)
        """
        today = next(iter(postures.values()), None)
        owned = dict.fromkeys(today.controls if today else ())
        for name, posture in postures.items():
            free = [key for key in posture.controls if key not in owned]
            if free:
                raise CyberrangeError(
                    f"organisation {quoted(name)} brings controls that today's lacks: {_listed(free)}. Offer it "
                    "without them, and the controls by themselves, so that they are paid for"
                )
        wanted = list(controls) if controls is not None else [key for key in catalogue.controls if key not in owned]
        for key in (*owned, *wanted):
            if key not in catalogue.controls:
                hint = did_you_mean(key, catalogue.controls)
                raise CyberrangeError(f"unknown control {quoted(key)} in catalogue {quoted(catalogue.id)}.{hint}")
        return cls(
            {name: posture.annual_cost for name, posture in postures.items()},
            {key: catalogue.controls[key] for key in wanted},
            cities,
            {key: catalogue.controls[key] for key in owned},
        )

    @property
    def today(self) -> Design:
        """What the city has now."""
        return Design(next(iter(self.organisations)))

    @cached_property
    def capex(self) -> Floats:
        """Rupees once for each control, in all cities together."""
        return np.array([c.capex * self._times(c) for c in self.controls.values()], dtype=np.float64)

    @cached_property
    def opex(self) -> Floats:
        """Rupees a year for each control, in all cities together."""
        return np.array([c.opex * self._times(c) for c in self.controls.values()], dtype=np.float64)

    @cached_property
    def extra(self) -> Floats:
        """Rupees a year of each organisation over today's, in all cities together."""
        costs = np.array(list(self.organisations.values()), dtype=np.float64)
        more: Floats = (costs - costs[0]) * self.cities
        return more

    @cached_property
    def needs(self) -> Bits:
        """For each control, the bits of the controls on offer that it requires itself."""
        return np.array([self._bits(c.requires) for c in self.controls.values()], dtype=np.int64)

    @cached_property
    def clashes(self) -> Bits:
        """For each control, the bits of the controls on offer that it excludes or is excluded by."""
        keys = list(self.controls)
        rows = [[b for b in keys if b != a and _exclude(self.controls, a, b)] for a in keys]
        return np.array([self._bits(row) for row in rows], dtype=np.int64)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The controls by number, each after those that it requires."""
        places = {key: j for j, key in enumerate(self.controls)}
        graph = {places[key]: [places[r] for r in c.requires if r in places] for key, c in self.controls.items()}
        return tuple(TopologicalSorter(graph).static_order())

    def rates(self, rate: float) -> Floats:
        """Return the rupees a year of each control, with its capex spread over its life.

        The capex is an annuity, capex r / (1 - (1 + r)^-life), or capex / life at a rate of 0.

        Parameters
        ----------
        rate
            Interest a year as a share.
        """
        if not rate >= 0:
            raise CyberrangeError(f"the rate of interest is a share of at least 0, found {rate:g}")
        annuity = [_annuity(rate, c.life / HOURS_A_YEAR) if c.capex else 0.0 for c in self.controls.values()]
        yearly: Floats = self.capex * np.array(annuity, dtype=np.float64) + self.opex
        return yearly

    def table(self, designs: Iterable[Design]) -> "DesignTable":
        """Return designs as rows.

        Raises
        ------
        CyberrangeError
            When a design holds what is not on offer, or what cannot be bought together.
        """
        rows = list(designs)
        places = {name: i for i, name in enumerate(self.organisations)}
        for design in rows:
            _check_design(self, design)
        organisation = np.array([places[d.organisation] for d in rows], dtype=np.intp)
        return DesignTable(self, organisation, np.array([self._bits(d.controls) for d in rows], dtype=np.int64))

    def outlay(self, design: Design, years: float) -> float:
        """Return the rupees to find over some years for one design; see `DesignTable.outlay`."""
        return float(self.table([design]).outlay(years)[0])

    def annual_cost(self, design: Design, rate: float) -> float:
        """Return the rupees a year of one design; see `DesignTable.annual_cost`."""
        return float(self.table([design]).annual_cost(rate)[0])

    def affordable(self, design: Design, budget: Budget) -> bool:
        """Return whether a budget pays one design; see `DesignTable.affordable`."""
        return bool(self.table([design]).affordable(budget)[0])

    def _times(self, control: Control) -> float:
        return control.shared + (1 - control.shared) * self.cities

    def _bits(self, keys: Iterable[str]) -> int:
        """Return the bits of those controls that are on offer."""
        wanted = set(keys)
        return sum(1 << j for j, key in enumerate(self.controls) if key in wanted)


@dataclass(frozen=True)
class DesignTable:
    """Designs as rows of numbers.

    Attributes
    ----------
    offer
        What the designs were chosen from.
    organisation
        Shape (n,): the organisation by its place in the offer.
    bits
        Shape (n,): bit j tells whether control j of the offer is bought.
    """

    offer: Offer
    organisation: NDArray[np.intp]
    bits: Bits

    def __len__(self) -> int:
        """Return the number of designs."""
        return len(self.bits)

    def __iter__(self) -> Iterator[Design]:
        """Yield each design."""
        return map(self.design, range(len(self)))

    def design(self, row: int) -> Design:
        """Return the design of one row."""
        organisation = list(self.offer.organisations)[int(self.organisation[row])]
        bits = int(self.bits[row])
        return Design(organisation, tuple(key for j, key in enumerate(self.offer.controls) if bits >> j & 1))

    def at(self, rows: Sequence[int] | NDArray[np.intp] | NDArray[np.bool_]) -> "DesignTable":
        """Return some rows, by number or by a mask."""
        return DesignTable(self.offer, self.organisation[rows], self.bits[rows])

    def levels(self) -> NDArray[np.bool_]:
        """Return shape (n, controls): whether each control is bought."""
        found = np.empty((len(self), len(self.offer.controls)), dtype=np.bool_)
        for j in range(found.shape[1]):
            found[:, j] = self.bits >> j & 1
        return found

    def outlay(self, years: float) -> Floats:
        """Return the rupees to find over some years: capex, opex and the extra of the organisation.

        Each control is bought once: a life that ends within the years is not renewed here (`annual_cost` does count
        it), and later years count in full.
        """
        return self._sum(self.offer.capex + years * self.offer.opex) + years * self._extra()

    def annual_cost(self, rate: float) -> Floats:
        """Return the rupees a year, with capex spread over lives at a rate of interest; below 0 when a design saves."""
        return self._sum(self.offer.rates(rate)) + self._extra()

    def own_share(self, budget: Budget) -> Floats:
        """Return the rupees that the city itself has to find: the outlay less what the grant pays of it."""
        whole = self.offer.capex + budget.years * self.offer.opex
        eligible = self._sum(np.where(covered(self.offer, budget), whole, 0.0))
        if budget.pays_organisation:
            eligible += budget.years * np.maximum(self._extra(), 0.0)
        granted = np.minimum(eligible, budget.grant)
        return self.outlay(budget.years) - granted

    def affordable(self, budget: Budget) -> NDArray[np.bool_]:
        """Return whether the city can find its own share of each design.

        Raises
        ------
        CyberrangeError
            When the budget does not even pay for what there is today, or its grant covers unknown controls.
        """
        check_budget(self.offer, budget)
        within: NDArray[np.bool_] = self.own_share(budget) <= budget.own + _PAISA
        return within

    def _sum(self, prices: Floats) -> Floats:
        """Return the sum of what the bought controls cost; control by control, to need no matrix."""
        total = np.zeros(len(self))
        for j, price in enumerate(prices):
            total += (self.bits >> j & 1) * price
        return total

    def _extra(self) -> Floats:
        chosen: Floats = self.offer.extra[self.organisation]
        return chosen


def check_budget(offer: Offer, budget: Budget) -> None:
    """Raise CyberrangeError when a budget does not pay even for today, or its grant covers unknown controls."""
    if budget.own < -_PAISA:
        raise CyberrangeError(
            f"a budget of {spoken(budget.own)} over {budget.years:g} years does not even pay for "
            f"{quoted(offer.today.organisation)} without new controls, which costs Rs 0 more than today"
        )
    for key in sorted(budget.covers or ()):
        if key not in offer.controls:
            hint = did_you_mean(key, offer.controls)
            raise CyberrangeError(
                f"the grant of {spoken(budget.grant)} covers {quoted(key)}, which is not on offer.{hint}"
            )


def covered(offer: Offer, budget: Budget) -> NDArray[np.bool_]:
    """Return which controls the grant may pay."""
    return np.array([budget.covers is None or key in budget.covers for key in offer.controls], dtype=np.bool_)


def allowed(offer: Offer, most: int = MOST_DESIGNS) -> DesignTable:
    """Return every design whose controls can be bought together, organisation by organisation.

    Control by control, in an order in which prerequisites come first, each set of controls is taken with and without
    the next: only allowed sets are ever made.

    Parameters
    ----------
    offer
        What can be chosen from.
    most
        The most designs to list.

    Raises
    ------
    CyberrangeError
        When there are more.

    Examples
    --------
    >>> import cyberrange as cr
    >>> controls = cr.load_catalogue().controls
    >>> three = {key: controls[key] for key in ("mfa", "vendor_gateway", "mail_security")}
    >>> len(allowed(Offer({"today": 0.0, "ciso": 1e7}, three)))  # the gateway requires mfa
    12
    """
    masks = _allowed_masks(offer, most // len(offer.organisations))
    if masks is None:
        raise CyberrangeError(
            f"{len(offer.controls)} controls and {len(offer.organisations)} organisations allow more than {most:,} "
            "designs, too many to list. Offer fewer controls"
        )
    organisations = len(offer.organisations)
    organisation = np.repeat(np.arange(organisations, dtype=np.intp), len(masks))
    return DesignTable(offer, organisation, np.tile(masks, organisations))


def can_list(offer: Offer, most: int) -> bool:
    """Return whether an offer allows no more than so many designs."""
    return _allowed_masks(offer, most // len(offer.organisations)) is not None


def conflicts(offer: Offer, bits: Bits) -> NDArray[np.bool_]:
    """Return which sets of controls cannot be bought: a prerequisite is missing or two exclude each other."""
    bad = np.zeros(len(bits), dtype=np.bool_)
    for j, (needs, clashes) in enumerate(zip(offer.needs, offer.clashes, strict=True)):
        bought = (bits >> j & 1).astype(np.bool_)
        bad |= bought & (((bits & needs) != needs) | ((bits & clashes) != 0))
    return bad


def required_by(controls: Mapping[str, Control], key: str) -> list[str]:
    """Return the ids of all that a control requires, directly or not."""
    found: dict[str, None] = {}
    rest = [key]
    while rest:
        control = controls.get(rest.pop())
        new = [r for r in (control.requires if control else ()) if r not in found and r != key]
        found.update(dict.fromkeys(new))
        rest += new
    return list(found)


def spoken(amount: float) -> str:
    """Return rupees in crore, lakh or units.

    Examples
    --------
    >>> spoken(25e6), spoken(437247.3), spoken(-750)
    ('Rs 2.5 crore', 'Rs 4.37 lakh', 'Rs -750')
    """
    for unit, size in (("crore", 1e7), ("lakh", 1e5)):
        if abs(amount) >= size:
            return f"Rs {amount / size:,.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"Rs {amount:,.0f}"


def _allowed_masks(offer: Offer, most: int) -> Bits | None:
    """Return the allowed sets of controls in rising order, or nothing when there are more than `most`."""
    masks = np.zeros(1, dtype=np.int64)
    for j in offer.order:
        ready = ((masks & offer.needs[j]) == offer.needs[j]) & ((masks & offer.clashes[j]) == 0)
        masks = np.concatenate([masks, masks[ready] | (1 << j)])
        if len(masks) > most:
            return None
    masks.sort()
    return masks


def _annuity(rate: float, years: float) -> float:
    """Return the yearly payment for each rupee borrowed."""
    return rate / -math.expm1(-years * math.log1p(rate)) if rate else 1 / years


def _check_design(offer: Offer, design: Design) -> None:
    if design.organisation not in offer.organisations:
        hint = did_you_mean(design.organisation, offer.organisations)
        raise CyberrangeError(f"organisation {quoted(design.organisation)} is not on offer.{hint}")
    for key in design.controls:
        if key not in offer.controls:
            where = "is in place already" if key in offer.in_place else "is not on offer"
            raise CyberrangeError(f"control {quoted(key)} {where}.{did_you_mean(key, offer.controls)}")
    have = {*design.controls, *offer.in_place}
    for key in design.controls:
        missing = [other for other in offer.controls[key].requires if other not in have]
        if missing:
            raise CyberrangeError(
                f"control {quoted(key)} requires {_listed(missing)}, which {quoted(design.name)} lacks"
            )
        clash = [other for other in design.controls if other != key and _exclude(offer.controls, key, other)]
        if clash:
            raise CyberrangeError(f"in {quoted(design.name)}, {quoted(key)} and {_listed(clash)} exclude each other")


def _problems(offer: Offer) -> Iterator[str]:
    """Yield what is wrong with an offer."""
    yield from _problems_of_amounts(offer)
    both = {**offer.in_place, **offer.controls}
    for key, control in offer.controls.items():
        if key in offer.in_place:
            yield f"control {quoted(key)} is on offer and in place already"
        if key in offer.organisations:
            yield f"a control and an organisation are both called {quoted(key)}"
        for other in control.requires:
            if other not in both:
                hint = did_you_mean(other, [o for o in both if o != key])
                yield f"control {quoted(key)} requires {quoted(other)}, which is neither on offer nor in place.{hint}"
    for cycle in cycles({key: control.requires for key, control in offer.controls.items()}):
        yield f"these controls require each other, so that none can be bought first: {shown_cycle(cycle)}"
    yield from _contradictions(offer, both)


def _problems_of_amounts(offer: Offer) -> Iterator[str]:
    if not offer.organisations:
        yield "it holds no organisation, not even today's"
    if offer.cities < 1:
        yield f"{offer.cities} cities cannot buy; at least 1"
    if len(offer.controls) > _MOST_CONTROLS:
        yield f"it holds {len(offer.controls)} controls; at most {_MOST_CONTROLS} can be combined"
    for name, cost in offer.organisations.items():
        if not (math.isfinite(cost) and cost >= 0):
            yield f"organisation {quoted(name)} costs {spoken(cost)} a year"
    for key, control in offer.controls.items():
        if control.life <= 0 < control.capex:
            yield f"control {quoted(key)} costs {spoken(control.capex)} and has a life of 0 years"


def _contradictions(offer: Offer, both: Mapping[str, Control]) -> Iterator[str]:
    """Yield each control that clashes with what it requires or what is in place, or whose prerequisites clash."""
    for key in offer.controls:
        package = list(dict.fromkeys((key, *required_by(both, key), *offer.in_place)))
        for i, one in enumerate(package):
            for other in package[i + 1 :]:
                settled = one in offer.in_place and other in offer.in_place
                if not settled and _exclude(both, one, other):
                    yield f"control {quoted(key)} can never be bought: {_clash(offer, key, one, other)}"


def _clash(offer: Offer, key: str, one: str, other: str) -> str:
    """Return why a control cannot be bought."""
    there = "is in place already" if other in offer.in_place else "is required"
    if one == key:
        return f"it and {quoted(other)}, which {there}, exclude each other"
    return f"it requires {quoted(one)}, and {quoted(other)}, which {there}, excludes that"


def _exclude(controls: Mapping[str, Control], one: str, other: str) -> bool:
    """Whether two controls exclude each other; it is enough that one of them says so."""
    return any(a in controls and b in controls[a].excludes for a, b in ((one, other), (other, one)))


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(map(quoted, keys))
