"""What single choices claim to save, added up, beside what they save together."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cyberrange.views.figures.frame import WIDE, drawn, room, sheet, width_of, wrapped
from cyberrange.views.figures.money import money_axis
from cyberrange.views.figures.placing import HALO
from cyberrange.views.study_subjects import Together
from cyberrange.views.theme import SIZE, light, posture_colour
from cyberrange.views.words import rupees

LEFT, RIGHT, TOP, BOTTOM = 210.0, 74.0, 18.0, 34.0
ROW, BAR = 25.0, 13.0


@drawn
def together(subject: Together) -> Figure:
    """Draw single effects as a staircase, their sum, and the joint effect.

    Parameters
    ----------
    subject
        Rupees a year.
    """
    rows = len(subject.singles) + 2
    figure = sheet((TOP + ROW * rows + BOTTOM) / 72)
    axes = room(figure, LEFT, TOP, RIGHT, BOTTOM)
    axes.set_ylim(ROW * rows, 0)
    _frame(axes, subject)
    start = 0.0
    for i, (name, gain) in enumerate(subject.singles):
        _bar(axes, i, name, start, gain, light("muted"), "")
        start += gain
    _bar(axes, rows - 2, "Added up", 0.0, start, light("muted"), "////", bold=True)
    _bar(axes, rows - 1, "Together, as predicted", 0.0, subject.joint, posture_colour(1), "", bold=True)
    return figure


def _frame(axes: Axes, subject: Together) -> None:
    ends, end = [0.0, subject.today, subject.joint], 0.0
    for _, gain in subject.singles:
        end += gain
        ends.append(end)
    low, high = min(ends), max(*ends, 1.0)
    axes.set_xlim(low - (0.05 * (high - low) if low < 0 else 0.0), high * 1.03)
    money_axis(axes.xaxis, high, "saved a year")
    axes.set_yticks([])
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=light("ink"), lw=0.9)
    axes.axvline(subject.today, color=light("attack"), lw=1.1, ls=(0, (3, 2)))
    says = "all that there is to lose"
    left = (subject.today - low) / (high - low) * (WIDE - LEFT - RIGHT) > width_of(says, SIZE) / 2
    axes.annotate(
        says, (subject.today, 0), xytext=(0, 3), textcoords="offset points", va="bottom", color=light("attack"),
        ha="center" if left else "left", annotation_clip=False,
    )  # fmt: skip


def _bar(
    axes: Axes, place: int, name: str, start: float, size: float, colour: str, hatch: str, bold: bool = False
) -> None:
    y = ROW * (place + 0.5)
    axes.barh(y, size, BAR, start, color=colour, hatch=hatch, edgecolor=light("paper"), lw=0, zorder=2)
    weight = "bold" if bold else "normal"
    axes.annotate(
        wrapped(name, LEFT - 14, SIZE), (0, y), xycoords=axes.get_yaxis_transform(), xytext=(-8, 0), ha="right",
        textcoords="offset points", va="center", annotation_clip=False, weight=weight, linespacing=1.0,
    )  # fmt: skip
    axes.annotate(
        rupees(size), (max(start, start + size), y), xytext=(4, 0), textcoords="offset points", va="center",
        annotation_clip=False, weight=weight, fontsize=SIZE - 0.5, bbox=HALO, zorder=4,
    )  # fmt: skip
