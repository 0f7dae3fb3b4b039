"""YAML text to plain values that remember where they were written.

The text is read as a stream of events, not with ``yaml.compose``: the C composer calls itself for
each level, so that a few hundred thousand opening brackets end the process.
"""

import re
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import yaml

from cyberrange.errors import InputError, KeyPath, Place, Problem, described, quoted, shown_path
from cyberrange.inputs.document import Document, Node
from cyberrange.inputs.scalars import TAGS, scalar_value

MAX_BYTES = 16 * 2**20
MAX_DEPTH = 32
MAX_NODES = 2_000_000
MAX_ALIASES = 100
MAX_PROBLEMS = 1000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NO_TEXT = re.compile("[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SYNTAX_HINTS = {
    "mapping values are not allowed": "Put text that holds ': ' in quotes",
    "cannot start any token": "Indent with spaces, and put text that begins with a sign in quotes",
    "could not find expected ':'": "Is a colon or a closing quote missing?",
}


def read_yaml(source: Path | str) -> Document:
    """Read one YAML document whose top level is a mapping.

    Only ``true`` and ``false`` are booleans; ``no``, ``on``, dates and times stay text.

    Parameters
    ----------
    source : Path or str
        A file, or YAML text.

    Returns
    -------
    Document
        The values and where each was written.

    Raises
    ------
    InputError
        With everything that is wrong in the text, up to the first thousand problems.

    Examples
    --------
    >>> read_yaml("pump: {open: no, litres: 12.5}").values
    {'pump': {'open': 'no', 'litres': 12.5}}
    """
    file = str(source) if isinstance(source, Path) else "<text>"
    text = _file_text(source) if isinstance(source, Path) else source
    _refuse_bad_text(text, file)
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax_problem(error, file))
    if builder.problems or builder.root is None:
        raise InputError(builder.problems or [Problem(file, 1, 1, "", "the file is empty")])
    return Document(builder.root)


def _file_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError([Problem(str(path), 0, 0, "", f"cannot be read: {reason}")]) from None
    _refuse_too_long(content, str(path))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_at(content.decode("latin-1"), error.start, str(path))
        problem = Problem(*place, "", "this is not UTF-8 text", "Save the file as UTF-8")
        raise InputError([problem]) from None


def _refuse_too_long(content: bytes | str, file: str) -> None:
    if len(content) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 2**20} MiB"
        raise InputError([Problem(file, 0, 0, "", message)])


def _refuse_bad_text(text: str, file: str) -> None:
    _refuse_too_long(text, file)
    # A picture holds thousands of them: the first few tell as much.
    found = list(islice(_NO_TEXT.finditer(text), 10))
    if found:
        raise InputError(
            Problem(*_place_at(text, at.start(), file), "", f"control character {quoted(at[0])}") for at in found
        )


def _place_at(text: str, index: int, file: str) -> Place:
    line = text.count("\n", 0, index) + 1
    return Place(file, line, index - text.rfind("\n", 0, index))


def _syntax_problem(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 0, 0)
    message = error.problem or "cannot be understood"
    hint = next((hint for start, hint in _SYNTAX_HINTS.items() if start in message), "")
    return Problem(*place, "", f"this is not YAML: {message}", hint)


class _Frame:
    """A mapping or list that is being read."""

    __slots__ = ("anchor", "key", "node", "path")

    def __init__(self, node: Node, path: KeyPath, anchor: str | None) -> None:
        self.node = node
        self.path = path
        self.anchor = anchor
        self.key: Node | None = None  # read, its value comes next

    def here(self) -> KeyPath:
        if isinstance(self.node.value, list):
            return (*self.path, len(self.node.value))
        return (*self.path, self.key.value) if self.key else self.path


class _Builder:
    """Turns events into nodes and notes every problem on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._frames: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._nodes = self._aliases = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.CollectionStartEvent():
                self._open(event)
            case yaml.CollectionEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent() if self.root is not None:
                self._stop(self._place(event), "a second document starts here; one is read")

    def _place(self, event: yaml.Event) -> Place:
        mark: Any = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        place = self._place(event)
        try:
            node = Node(scalar_value(event), place)
        except ValueError as error:
            self._complain(place, str(error))
            node = Node(event.value, place)
        if event.anchor:
            self._anchors[event.anchor] = node
        self._put(node)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        place = self._place(event)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        if event.tag and type(value) not in TAGS.get(event.tag, ()):
            self._complain(place, f"the tag {quoted(event.tag)} is not allowed for {described(value)}")
        path = self._frames[-1].here() if self._frames else ()
        node = self._put(Node(value, place))
        self._frames.append(_Frame(node, path, event.anchor))

    def _close(self) -> None:
        frame = self._frames.pop()
        # Not before its end: a value that held itself would never end.
        if frame.anchor:
            self._anchors[frame.anchor] = frame.node

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self._place(event)
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._stop(place, f"more than {MAX_ALIASES} aliases")
        node = self._anchors.get(event.anchor or "")
        if node is None:
            message = f"no value that ends before this has the anchor {quoted(event.anchor)}"
            self._complain(place, message)
        self._put(self._spread(node) if node else Node("", place))

    def _spread(self, node: Node) -> Node:
        """Count what an alias stands for as if it were written out."""
        rest = [(node, len(self._frames))]
        while rest:
            inner, depth = rest.pop()
            self._admit(inner, depth)
            rest.extend((child, depth + 1) for child in inner.children())
        return node

    def _put(self, node: Node) -> Node:
        self._admit(node, len(self._frames))
        if not self._frames:
            return self._put_root(node)
        frame = self._frames[-1]
        if isinstance(frame.node.value, list):
            frame.node.value.append(node)
        elif frame.key is None:
            frame.key = self._checked_key(node, frame)
        else:
            node = Node(node.value, node.place, frame.key.place)
            frame.node.value.setdefault(frame.key.value, node)
            frame.key = None
        return node

    def _put_root(self, node: Node) -> Node:
        if node.value is None:
            self._stop(node.place, "the file is empty")
        if not isinstance(node.value, dict):
            self._complain(node.place, f"expected keys and values, found {described(node.value)}")
        self.root = node
        return node

    def _checked_key(self, node: Node, frame: _Frame) -> Node:
        if not isinstance(node.value, str):
            message = f"a key must be text, found {described(node.value)}"
            self._complain(node.place, message, "Put it in quotes")
            return Node("?", node.place)
        if node.value in frame.node.value:
            line = frame.node.value[node.value].key_place.line
            self._complain(node.place, f"duplicate key {quoted(node.value)}, first on line {line}")
        return node

    def _admit(self, node: Node, depth: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(node.place, f"more than {MAX_NODES:,} values")
        if depth >= MAX_DEPTH and isinstance(node.value, dict | list):
            self._stop(node.place, f"nested deeper than {MAX_DEPTH} levels")

    def _complain(self, place: Place, message: str, hint: str = "") -> None:
        path = self._frames[-1].here() if self._frames else ()
        self.problems.append(Problem(*place, shown_path(path), message, hint))
        if len(self.problems) >= MAX_PROBLEMS:
            raise InputError(self.problems)

    def _stop(self, place: Place, message: str) -> NoReturn:
        self._complain(place, message)
        raise InputError(self.problems)
