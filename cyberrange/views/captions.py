"""What the titles and captions of the figures say."""

TITLES = {
    "map": "What was hit, what was cut off, what fell",
    "levels": "Services over time",
    "causes": "From the first step to the citizens",
    "timeline": "The response: at work, and waiting",
    "differences": "What differs from {base}, and how sure that is",
    "spreads": "From lucky to unlucky runs",
    "outages": "Published and simulated outages",
}
"""{base} and other names are filled in."""
CAPTIONS = {
    "map": (
        "Each mark is a system or a service, always in the same place: rows are sectors, columns the layers from "
        "the street to the services. The darker, the longer it was out (by night: the lighter). A: hit by the "
        "attack, cut off as well or not; R: whole, but cut off by the response; a circle: fell because something "
        "that it needs fell. Lines show along which needs the damage went on. Sectors that were spared are at the"
        " bottom."
    ),
    "levels": (
        "The deeper a strip, the larger the part of the service that is missing; its length is how long. Losses "
        "too small to draw are shown as a thin line. Beside it, what citizens lost. Shown are the services that "
        "lost most citizen-hours and those that were out longest. Letters that share a box fall together on this "
        "scale."
    ),
    "causes": (
        "From left to right: the steps in the order in which they first succeeded, each under the one that it "
        "followed from; the systems whose state was the binding cause; the services that lost by it. Width is "
        "citizen-hours. Pink with square marks: the attack; blue with round marks: the response's own cuts."
    ),
    "timeline": (
        "Each lane is a step of the playbook, from the moment the case was noticed; the scale is logarithmic, so "
        "that minutes and weeks can both be seen. A step that is done for many systems shows how many are in "
        "which state: the most at one time fill the lane. On the right: when it was done, for systems the last of"
        " them; “3×” means three times, or three systems. In a region the cities share the lanes. Work means from"
        " beginning to end, nights between shifts included."
    ),
    "differences": (
        "Each mark is the mean difference from {base}, run by run with the same luck, as a share of {base}'s "
        "mean; the bar is the 95 % interval of that share. Left of the line is less. Filled marks: the plain "
        "difference's interval leaves zero out. Hollow marks on thin bars: no difference that these runs can "
        "tell. Measures that are the same in every run are left out."
    ),
    "spreads": (
        "Share of the runs (upwards) that stay at or below a value (to the right): the further left and up a "
        "curve, the better. The mark is the median. A clock that has not stopped when the scenario ends counts as"
        " stopped there."
    ),
    "outages": (
        "Diamonds: what was published about real cases. Ticks: the simulated runs, as days below half of normal "
        "service; thick bars hold the middle half of them, the mark is the median. The scenario was not fitted to"
        " these cases: where they differ, the model differs from what happened, or the city from that city."
    ),
}
"""What to see."""
AGAIN = {
    "map": "The same run of luck under this posture; every mark stands where it stood before.",
    "causes": (
        "The same run of luck under this posture. Widths are shares of its own loss: see the numbers for its size."
    ),
}
"""Captions of a figure that comes a second time."""
