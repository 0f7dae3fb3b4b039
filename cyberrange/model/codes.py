"""The small integers that stand for words in the plan and in the rules."""

# Distributions.
FIXED, EXPONENTIAL, LOGNORMAL, TRIANGULAR, UNIFORM, WEIBULL, EMPIRICAL = range(7)

# Forms of a need.
ALL_OF, K_OF_N, WEIGHTED, SOFT = range(4)

# What covers a missing supply for a while.
NO_COVER, BUFFER, HOLD = range(3)

# Zones, as bits of a mask.
ZONES = ("it", "ot", "dmz", "field", "vendor", "state", "cloud")

# Place of shared assets, after the zones, where approval chains differ.
SHARED_PLACE = len(ZONES)

# Footholds.
OUTSIDE, REACH, HELD = range(3)

# When a sign is left.
AT_START, AT_SUCCESS, AT_FAILURE = range(3)

# Effects of attack steps.
ATTACK_EFFECTS = (
    "compromise", "impair", "encrypt", "force", "falsify", "exfiltrate", "flood", "withdraw", "worm", "spoil_backups",
)  # fmt: skip
COMPROMISE, IMPAIR, ENCRYPT, FORCE, FALSIFY, EXFILTRATE, FLOOD, WITHDRAW, WORM, SPOIL_BACKUPS = range(10)

# Effects of response steps; the first two are the engine's own.
RESPONSE_EFFECTS = (
    "triage", "take_over", "none", "declare", "investigate", "isolate", "shut_down", "clean", "restore", "reopen",
    "filter", "settle", "report", "notify", "warn", "protect", "black_start", "correct",
)  # fmt: skip
(
    TRIAGE, TAKE_OVER, NOTHING, DECLARE, INVESTIGATE, ISOLATE, SHUT_DOWN, CLEAN, RESTORE, REOPEN,
    FILTER, SETTLE, REPORT, NOTIFY, WARN, PROTECT, BLACK_START, CORRECT,
) = range(18)  # fmt: skip

# What may be decided about a step of the playbook.
DECISIONS = ("request", "withhold", "release")
REQUEST, WITHHOLD, RELEASE = range(3)

# Scopes of response steps.
CASE, ASSET, ALERT, NEED = range(4)

# Conditions of an asset, as bits.
CONDITIONS = ("compromised", "destroyed", "impaired", "forced", "falsified", "flooded", "suspect", "shut", "withdrawn")
COMPROMISED, DESTROYED, IMPAIRED, FORCED, FALSIFIED, FLOODED, SUSPECT, SHUT, WITHDRAWN = (1 << i for i in range(9))

# Conditions of a case, as bits; the playbook's steps take the bits above.
CASE_BITS = ("noticed", "declared", "warned", "breach", "contained", "clean", "vendor_out", "deadlock")
NOTICED, DECLARED, WARNED, BREACH, CONTAINED, ALL_CLEAN, VENDOR_OUT, DEADLOCK = (1 << i for i in range(8))
FOUND = 1
LOCATED = 1
STEP_BIT = 8

# Whose people a team is.
OWN, VENDOR, OUTSIDE_HELP = range(3)

# Team of a playbook step on an asset: whoever maintains it.
MAINTAINER = -2
