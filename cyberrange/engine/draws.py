"""Random numbers with names.

A draw is a pure function u(seed, replicate, thing, purpose, which): it depends neither on the order of events nor on
the engine, the posture, the worker or the chunk. It is one block of Threefry-2x32 with 13 rounds, the fewest that pass
BigCrush (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"), keyed by seed and replicate
and counted by the thing's name.
All arithmetic is on 32-bit words held in wider integers, so that Python and compiled code give the same bits.

Durations are drawn by inverse CDF: a larger u never gives a shorter time, whatever the distribution.
"""

import math
from collections.abc import Sequence

from cyberrange.model import codes
from cyberrange.model.plan import Arrays

Key = Sequence[int]
"""The two words that key all draws of a replicate."""

MASK = 0xFFFFFFFF
STRIDE = 0x9E3779B9
PURPOSE = 0x85EBCA6B
TWO_NEG_53 = 1.0 / 9007199254740992.0
TWO_NEG_32 = 1.0 / 4294967296.0

# What a number is drawn for; P_WORK: how long an activity takes, and whether it succeeds.
(
    P_WORK, P_RETRY, P_SIGN, P_DELAY, P_SHARE, P_LASTS, P_SPREAD, P_BACKUP, P_SURVIVES, P_DOCUMENTED,
    P_LOCATE, P_REBUILD, P_HAND_OFF, P_APPROVAL, P_FIND, P_FALSE, P_COMPLAINT, P_HELP,
) = range(18)  # fmt: skip


def threefry(k0: int, k1: int, c0: int, c1: int) -> tuple[int, int]:
    """One block of Threefry-2x32-13: two key words and two counter words to two random words.

    A word times 2^32 + 1 is the word twice over, so that one shift rotates it; whatever lies above is masked away.
    Numbers stand in the code rather than behind names because this is the hottest function of all.
    """
    k2 = 0x1BD11BDA ^ k0 ^ k1
    x0 = (c0 + k0) & 0xFFFFFFFF
    x1 = (c1 + k1) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 19) ^ x0) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 17) ^ x0) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 6) ^ x0) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 26) ^ x0) & 0xFFFFFFFF
    x0 = (x0 + k1) & 0xFFFFFFFF
    x1 = (x1 + k2 + 1) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 15) ^ x0) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 3) ^ x0) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 16) ^ x0) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 8) ^ x0) & 0xFFFFFFFF
    x0 = (x0 + k2) & 0xFFFFFFFF
    x1 = (x1 + k0 + 2) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 19) ^ x0) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 17) ^ x0) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 6) ^ x0) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 26) ^ x0) & 0xFFFFFFFF
    x0 = (x0 + k0) & 0xFFFFFFFF
    x1 = (x1 + k1 + 3) & 0xFFFFFFFF
    x0 = (x0 + x1) & 0xFFFFFFFF
    x1 = ((x1 * 0x100000001 >> 15) ^ x0) & 0xFFFFFFFF
    return x0, x1


def uniform(seed_key: Key, lo: int, hi: int, purpose: int, which: int) -> float:
    """Return u in (0, 1) for the thing named by (lo, hi), a purpose, and its which-th use."""
    a, b = threefry(seed_key[0], seed_key[1], lo, (hi + purpose * PURPOSE + which * STRIDE) & MASK)
    return ((a >> 6) * 134217728 + (b >> 5) + 0.5) * TWO_NEG_53


def two_uniforms(seed_key: Key, lo: int, hi: int, purpose: int, which: int) -> tuple[float, float]:
    """Return two independent numbers in (0, 1) from one block, each of 32 bits: for what is drawn very often."""
    a, b = threefry(seed_key[0], seed_key[1], lo, (hi + purpose * PURPOSE + which * STRIDE) & MASK)
    return (a + 0.5) * TWO_NEG_32, (b + 0.5) * TWO_NEG_32


def normal_quantile(u: float) -> float:
    """Inverse of the standard normal distribution function (Wichura 1988, algorithm AS 241)."""
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        num = ((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
                + 45921.953931549871457) * r + 13731.693765509461125) * r + 1971.5909503065514427) * r
                + 133.14166789178437745) * r + 3.387132872796366608  # fmt: skip
        den = ((((((5226.495278852545925 * r + 28729.085735721942674) * r + 39307.89580009271061) * r
                + 21213.794301586595867) * r + 5394.1960214247511077) * r + 687.1870074920579083) * r
                + 42.313330701600911252) * r + 1.0  # fmt: skip
        return q * num / den
    r = u if q < 0 else 1.0 - u
    r = math.sqrt(-math.log(r))
    if r <= 5.0:
        r -= 1.6
        num = ((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
                + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.7694972214606914055) * r
                + 4.6303378461565452959) * r + 1.42343711074968357734  # fmt: skip
        den = ((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r
                + 0.14810397642748007459) * r + 0.68976733498510000455) * r + 1.6763848301838038494) * r
                + 2.05319162663775882187) * r + 1.0  # fmt: skip
    else:
        r -= 5.0
        num = ((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r
                + 0.026532189526576123093) * r + 0.29656057182850489123) * r + 1.7848265399172913358) * r
                + 5.4637849111641143699) * r + 6.6579046435011037772  # fmt: skip
        den = ((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r
                + 7.868691311456132591e-4) * r + 0.0148753612908506148525) * r + 0.13692988092273580531) * r
                + 0.59983220655588793769) * r + 1.0  # fmt: skip
    return -num / den if q < 0 else num / den


def quantile(p: Arrays, d: int, u: float) -> float:
    """Return the u-quantile of distribution d, in hours."""
    row = p.durations[d]
    a = row.a
    b = row.b
    c = row.c
    if row.kind == codes.FIXED:
        return a
    if row.kind == codes.EXPONENTIAL:
        return -a * math.log(1.0 - u)
    if row.kind == codes.LOGNORMAL:
        return math.exp(a + b * normal_quantile(u))
    if row.kind == codes.UNIFORM:
        return a + (b - a) * u
    if row.kind == codes.WEIBULL:
        return a * math.pow(-math.log(1.0 - u), 1.0 / b)
    if row.kind == codes.TRIANGULAR:
        if c <= a:
            return a
        if u < (b - a) / (c - a):
            return a + math.sqrt(u * (c - a) * (b - a))
        return c - math.sqrt((1.0 - u) * (c - a) * (c - b))
    first = int(a)
    place = u * (int(b) - 1)
    at = int(place)
    low = p.points[first + at]
    return low + (place - at) * (p.points[first + at + 1] - low)


def draw(p: Arrays, d: int, seed_key: Key, lo: int, hi: int, purpose: int, which: int) -> float:
    """Draw a duration by name."""
    if p.durations[d].kind == codes.FIXED:
        return p.durations[d].a
    return quantile(p, d, uniform(seed_key, lo, hi, purpose, which))
