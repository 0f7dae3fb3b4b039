"""The one theme of figures and pages: colours for light and dark, fonts, sizes, and figures as inline SVG.

Colours have names. A figure is drawn with the light ones; in its SVG each becomes a CSS variable, so that the page can
show it in the dark as well. What colour says is said by shape, letter, hatching or position too.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html import escape
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.figure import Figure


class Colour(NamedTuple):
    """A colour by day and by night."""

    light: str
    dark: str


COLOURS = {
    "page": Colour("#f6f5f1", "#101317"),
    "paper": Colour("#fffefc", "#191d23"),
    "ink": Colour("#1c2127", "#e9ebee"),
    "muted": Colour("#59616b", "#a4adb8"),
    "line": Colour("#d6d3cb", "#38404a"),
    "faint": Colour("#ebe9e3", "#262c34"),
    "accent": Colour("#0b5c8f", "#6fbdf0"),
    # Postures, in their order (Okabe and Ito; brighter by night).
    "posture1": Colour("#0072b2", "#5ab4ee"),
    "posture2": Colour("#d55e00", "#ff9a52"),
    "posture3": Colour("#009e73", "#3fd0a4"),
    "posture4": Colour("#7a3b93", "#c79be0"),
    "posture5": Colour("#8a6d00", "#e3c34d"),
    "posture6": Colour("#4d4d4d", "#bdbdbd"),
    # The two sides.
    "attack": Colour("#a3195b", "#ff7ab3"),
    "response": Colour("#11698c", "#5cc3e8"),
    # What response work waits for.
    "approval": Colour("#e69f00", "#f2b632"),
    "staff": Colour("#56b4e9", "#6cc3f5"),
    "vendor": Colour("#cc79a7", "#e096bf"),
    "outside": Colour("#a8a294", "#c4beb0"),
    "work": Colour("#3a444f", "#d2d8df"),
    # Damage: lightness falls in even steps (rises by night); sampled from the perceptually uniform map `inferno`.
    "damage0": Colour("#f4f2ec", "#232931"),
    "damage1": Colour("#f8dc75", "#5c1a6e"),
    "damage2": Colour("#f9a42f", "#99275f"),
    "damage3": Colour("#e0603f", "#d14a42"),
    "damage4": Colour("#9c2964", "#f58b1f"),
    "damage5": Colour("#3b0f54", "#fbe27a"),
    # Letters on them.
    "on0": Colour("#2a2f35", "#dfe3e7"),
    "on1": Colour("#2b2f35", "#fdfdfb"),
    "on2": Colour("#2b3035", "#fdfcfb"),
    "on3": Colour("#fdfdfd", "#fdfdfc"),
    "on4": Colour("#fefdfd", "#20242a"),
    "on5": Colour("#fefefd", "#1f242a"),
}  # fmt: skip
POSTURE_COLOURS = tuple(f"posture{i}" for i in range(1, 7))
MARKERS = ("o", "s", "^", "D", "v", "P")
"""Shapes of the postures, beside their colours."""
DASHES: tuple[Any, ...] = (
    "solid",
    (0, (5, 1.6)),
    (0, (1.2, 1.2)),
    (0, (6, 1.5, 1.2, 1.5)),
    (0, (3, 2)),
    (0, (8, 3)),
)
HATCHES = {"approval": "////", "staff": "-----", "vendor": "xxxx", "outside": "\\\\\\\\", "work": ""}
"""Patterns of what is waited for, beside their colours."""

WIDTH = 9.0
"""Inches of a figure across the page."""
SIZE = 8.0
"""Points of most text in a figure."""

CSS_FONTS = (
    '"Noto Sans", "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", "Noto Sans Devanagari", "Nirmala UI", '
    '"Kohinoor Devanagari", Mangal, sans-serif'
)
"""Fonts of pages: what the reader has, Devanagari included; nothing is fetched."""
FIGURE_CSS_FONTS = (
    '"DejaVu Sans", Verdana, "Noto Sans", "Noto Sans Devanagari", "Nirmala UI", "Kohinoor Devanagari", Mangal, '
    "sans-serif"
)
"""Fonts of figures in a page: of much the same width as the one that they were laid out with."""
WIDER = ("Noto Sans Devanagari", "Nirmala UI", "Kohinoor Devanagari", "Lohit Devanagari", "Noto Sans")


def light(name: str) -> str:
    """Return a colour by name, as figures are drawn with it."""
    return COLOURS[name].light


def posture_colour(place: int) -> str:
    """Return the colour of the posture at a place of the comparison."""
    return light(POSTURE_COLOURS[place % len(POSTURE_COLOURS)])


@cache
def families() -> tuple[str, ...]:
    """Font families to lay figures out with: DejaVu Sans, then what is installed for other scripts."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in WIDER if name in installed))


def settings() -> dict[Any, Any]:
    """Return matplotlib's settings for our figures."""
    ink, muted, line = light("ink"), light("muted"), light("line")
    return {
        "font.family": list(families()),
        "font.size": SIZE,
        "axes.titlesize": SIZE + 1,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": SIZE,
        "axes.edgecolor": muted,
        "axes.labelcolor": ink,
        "axes.titlecolor": ink,
        "axes.facecolor": "none",
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "figure.facecolor": "none",
        "grid.color": line,
        "grid.linewidth": 0.5,
        "hatch.linewidth": 0.6,
        "legend.frameon": False,
        "legend.fontsize": SIZE,
        "legend.labelcolor": ink,
        "lines.linewidth": 1.4,
        "patch.linewidth": 0.5,
        "savefig.facecolor": "none",
        "svg.fonttype": "none",
        "svg.hashsalt": "cyberrange",
        "text.color": ink,
        "text.parse_math": False,
        "text.usetex": False,
        "xtick.color": muted,
        "ytick.color": muted,
        "xtick.labelcolor": ink,
        "ytick.labelcolor": ink,
        "xtick.labelsize": SIZE - 0.5,
        "ytick.labelsize": SIZE - 0.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
    }


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in our style, whatever the user's own settings are, and leave those as they were.

    A script for which no font is installed is laid out with boxes; the reader's browser knows better.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(settings())
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def svg(figure: Figure, name: str, says: str) -> str:
    """Return a figure as inline SVG with CSS variables for colours: the same bytes for the same figure.

    Parameters
    ----------
    figure
        The figure.
    name
        Its name on the page; keeps its inner names apart from those of other figures.
    says
        What it shows, for people who do not see it.
    """
    file = io.StringIO()
    with drawing():
        mpl.rcParams["svg.hashsalt"] = name
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=nothing)
    drawn = file.getvalue()
    body = drawn[drawn.index("<svg") :]
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', body)
    box = size.group(0) if size else ""
    inside = body[body.index(">") + 1 :]
    head = f'<svg class="figure" {box} role="img" aria-label="{escape(says)}">'
    return head + _compact(_with_variables(_own_names(inside, name)))


def _compact(text: str) -> str:
    """Leave out what nobody sees: comments, line breaks, unused names, more than a hundredth of a point."""
    plain = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    tight = re.sub(r"\s*\n\s*", " ", plain).replace("> <", "><")
    return re.sub(r"<[^>]*>", _compact_tag, tight)


def _compact_tag(match: re.Match[str]) -> str:
    """Shorten one tag; the words between tags are left as they are."""
    tag = re.sub(r'^<g id="[^"]*"', "<g", match.group(0))
    tag = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", tag)
    return re.sub(r"(\d\.\d\d)\d+", r"\1", tag.replace(": ", ":").replace("; ", ";"))


def _own_names(text: str, name: str) -> str:
    """Prefix the names within an SVG, of which a page has several."""
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)


def _with_variables(text: str) -> str:
    names = {colour.light: name for name, colour in COLOURS.items()}

    def variable(match: re.Match[str]) -> str:
        name = names.get(match.group(2).lower())
        return f"{match.group(1)}var(--{name})" if name else match.group(0)

    styled = re.sub(r'fill="(#[0-9a-fA-F]{6})"', r'style="fill: \1"', text)
    found = re.sub(r"((?:fill|stroke|stop-color): )(#[0-9a-fA-F]{6})", variable, styled)
    return found.replace(": #000000", ": currentColor")


def css() -> str:
    """Return the theme as CSS variables: light, dark where the reader prefers it, light again in print."""

    def variables(dark: bool) -> str:
        return "".join(f"--{name}:{c.dark if dark else c.light};" for name, c in COLOURS.items())

    fonts = f"--fonts:{CSS_FONTS};--figure-fonts:{FIGURE_CSS_FONTS};"
    return (
        f":root{{color-scheme:light dark;{fonts}{variables(False)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{variables(True)}}}}}\n"
        f"@media print{{:root{{--page:#ffffff;--paper:#ffffff;color-scheme:light}}}}\n"
    )
