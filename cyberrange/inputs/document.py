"""The values of an input file, and where each of them was written."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

from cyberrange.errors import KeyPath, Place, Problem, shown_path


class Node(NamedTuple):
    """A scalar, or a mapping or list of further nodes, with the place of it and of its key."""

    value: Any
    place: Place
    key_place: Place | None = None

    def children(self) -> Iterable["Node"]:
        """Return the nodes that lie directly in this one."""
        if isinstance(self.value, dict):
            return self.value.values()
        return self.value if isinstance(self.value, list) else ()


@dataclass(frozen=True)
class Document:
    """The values of a file, and the place of each.

    Examples
    --------
    >>> from cyberrange.inputs.yaml_text import read_yaml
    >>> document = read_yaml("services: {water: {needs: [pump]}}")
    >>> document.values
    {'services': {'water': {'needs': ['pump']}}}
    >>> print(document.problem(("services", "water", "needs", 0), "unknown asset 'pump'"))
    <text>:1:28: services.water.needs[0]: unknown asset 'pump'
    """

    root: Node

    @cached_property
    def values(self) -> dict[str, Any]:
        """The plain values, without places."""
        values: dict[str, Any] = _plain(self.root)
        return values

    def node(self, path: KeyPath) -> Node:
        """Return what was written at a path, or the nearest thing around it that was."""
        node = self.root
        for step in path:
            try:
                node = node.value[step]
            except (KeyError, IndexError, TypeError):
                break
        return node

    def place(self, path: KeyPath) -> Place:
        """Return where a value stands."""
        return self.node(path).place

    def key_place(self, path: KeyPath) -> Place:
        """Return where a value's key stands, or the value itself if it has no key."""
        node = self.node(path)
        return node.key_place or node.place

    def problem(
        self,
        path: KeyPath,
        message: str,
        hint: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> Problem:
        """Return a problem with the value at a path."""
        return Problem(*self.place(path), shown_path(path), message, hint, severity)

    def key_problem(
        self,
        path: KeyPath,
        message: str,
        hint: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> Problem:
        """Return a problem with the last key of a path: shown where the key stands, as a matter of what it is in."""
        return Problem(*self.key_place(path), shown_path(path[:-1]), message, hint, severity)


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: _plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(child) for child in node.value]
    return node.value
