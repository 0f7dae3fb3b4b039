"""Finds the file that a posture builds on."""

from pathlib import Path

from cyberrange.errors import did_you_mean, quoted
from cyberrange.inputs.shipped import shipped


class Bases:
    """Finds bases by name: beside the file that names one, else among the shipped postures.

    One object serves one chain of files: it remembers in which folder the last one lies.

    Parameters
    ----------
    file : Path
        The posture with which the chain begins.

    Examples
    --------
    >>> inhouse = shipped("postures")["inhouse_ciso"]
    >>> Bases(inhouse)("_common").name
    '_common.yaml'
    >>> Bases(inhouse)("../../secret")
    Traceback (most recent call last):
    LookupError: unknown base '../../secret'...
    """

    def __init__(self, file: Path) -> None:
        self._folder = file.parent

    def __call__(self, name: str) -> Path:
        """Return the file of a base, or raise LookupError; a name is compared and never joined to a path."""
        known = shipped("postures") | {file.stem: file for file in sorted(self._folder.glob("*.yaml"))}
        if name not in known:
            hint = did_you_mean(name, known)
            raise LookupError(f"unknown base {quoted(name)}" + (f".{hint}" if hint else ""))
        self._folder = known[name].parent
        return known[name]
