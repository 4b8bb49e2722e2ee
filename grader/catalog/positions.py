"""YAML text into a tree that knows the line of every field; every oddity on the way is a mistake, none an exception.

Built from PyYAML's events, never from its constructors: no tag makes an object, nesting cannot exhaust the stack and an
alias costs what it stands for. Scalars follow YAML 1.2's core schema, where `1e-5` is a number and `no` is a word.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from grader.catalog.mistakes import MistakeList, Place

MAX_FILE_BYTES = 1_000_000
MAX_NODES = 20_000
"""Aliases count with all that they stand for: a few lines of aliases of aliases would otherwise fill the memory."""
MAX_DEPTH = 20

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_STRING_TAGS = ("!", "tag:yaml.org,2002:str")
_CONTAINER_TAGS = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """A scalar, a sequence or a mapping of the file: exactly one of the three is meant by `content`."""

    line: int
    content: "bool | int | float | str | tuple[Node, ...] | dict[str, Entry] | None"
    size: int = 1
    depth: int = 1
    text: str | None = None
    """A scalar as it was written; None for containers."""

    def to_plain(self) -> Plain:
        if isinstance(self.content, dict):
            return {key: entry.node.to_plain() for key, entry in self.content.items()}
        if isinstance(self.content, tuple):
            return [node.to_plain() for node in self.content]
        return self.content


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One `key: value` of a mapping; `line` is the key's."""

    line: int
    node: Node


@dataclass(frozen=True, kw_only=True)
class Field:
    """A node as it is reached from the top: its place belongs to the way there, since aliases give a node several."""

    node: Node
    place: Place

    @property
    def plain(self) -> Plain:
        return self.node.to_plain()

    @property
    def entries(self) -> Mapping[str, "Field"]:
        """The fields of a mapping by name; empty for anything else."""
        content = self.node.content
        if not isinstance(content, dict):
            return {}
        return {
            key: Field(node=entry.node, place=self.place.below(key, line=entry.line)) for key, entry in content.items()
        }

    @property
    def items(self) -> tuple["Field", ...]:
        """The items of a sequence; empty for anything else."""
        content = self.node.content
        if not isinstance(content, tuple):
            return ()
        return tuple(
            Field(node=node, place=self.place.below(index, line=node.line)) for index, node in enumerate(content)
        )

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node.content, dict)

    @property
    def is_sequence(self) -> bool:
        return isinstance(self.node.content, tuple)


def read_yaml(data: bytes, *, file: str, mistakes: MistakeList) -> Field | None:
    """Read a file whose top is a mapping; None, with at least one mistake, when it cannot be read to its end."""
    top = Place(file=file, line=1)
    if len(data) > MAX_FILE_BYTES:
        mistakes.add("file_too_large", at=top, size_bytes=len(data), limit_bytes=MAX_FILE_BYTES)
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        mistakes.add("not_utf8", at=Place(file=file, line=line))
        return None
    tree = _Tree(top=top, mistakes=mistakes)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            tree.take(event)
    except _ReadingStopped:
        return None
    except yaml.YAMLError as error:
        mistakes.add("yaml_syntax", at=Place(file=file, line=_line_of(error, text=text)), problem=_problem_of(error))
        return None
    except (ValueError, OverflowError) as error:  # PyYAML hands "\UFFFFFFFF" to chr() and a directive's digits to int()
        mistakes.add("yaml_syntax", at=tree.here, problem=str(error))
        return None
    if tree.root is None or tree.root.text == "":
        mistakes.add("file_empty", at=top)
        return None
    if not isinstance(tree.root.content, dict):
        mistakes.add("not_a_mapping", at=top)
        return None
    return Field(node=tree.root, place=top)


def _line_of(error: yaml.YAMLError, *, text: str) -> int:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        return mark.line + 1 if mark is not None else 1
    position = getattr(error, "position", 0)  # a ReaderError counts characters
    return text.count("\n", 0, position) + 1


def _problem_of(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        return " ".join(part for part in (error.context, error.problem) if part)
    return str(getattr(error, "reason", "unreadable"))


class _ReadingStopped(Exception):  # a way out of the loop, not an error
    """Reading on would cost too much or make no sense; the mistake has been noted."""


class _Open:
    """A container whose end has not been seen."""

    def __init__(self, *, line: int, anchor: str | None, is_mapping: bool) -> None:
        self.line = line
        self.anchor = anchor
        self.is_mapping = is_mapping
        self.nodes: list[Node] = []
        self.entries: dict[str, Entry] = {}
        self.key: Node | None = None
        """The key whose value comes next."""

    @property
    def position(self) -> str | int | None:
        """The path's part for what is being read in this container."""
        if not self.is_mapping:
            return len(self.nodes)
        return self.key.text if self.key is not None else None

    def close(self) -> Node:
        parts = [entry.node for entry in self.entries.values()] if self.is_mapping else self.nodes
        return Node(
            line=self.line,
            content=self.entries if self.is_mapping else tuple(self.nodes),
            size=1 + sum(part.size for part in parts),
            depth=1 + max((part.depth for part in parts), default=0),
        )


class _Tree:
    """Takes the events of one document in order; `root` is there when the last one was taken."""

    def __init__(self, *, top: Place, mistakes: MistakeList) -> None:
        self.root: Node | None = None
        self.here = top
        self._top = top
        self._mistakes = mistakes
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._documents = 0
        self._nodes = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark is not None else self.here.line
        self.here = self._place(line)
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._stop("second_document")
            case yaml.AliasEvent():
                node = self._aliased(event.anchor, line=line)
                self._count(node.size)
                self._put(node)
            case yaml.ScalarEvent():
                self._count(1)
                node = self._scalar(event, line=line)
                self._remember(node, anchor=event.anchor)
                self._put(node)
            case yaml.CollectionStartEvent():
                self._count(1)
                self._refuse_tag(event.tag, allowed=_CONTAINER_TAGS)
                is_mapping = isinstance(event, yaml.MappingStartEvent)
                self._open.append(_Open(line=line, anchor=event.anchor, is_mapping=is_mapping))
                if len(self._open) > MAX_DEPTH:
                    self._stop("nested_too_deep", limit=MAX_DEPTH)
            case yaml.CollectionEndEvent():
                container = self._open.pop()
                node = container.close()
                self._remember(node, anchor=container.anchor)
                self._put(node)

    def _place(self, line: int) -> Place:
        positions = (container.position for container in self._open)
        return Place(
            file=self._top.file, line=line, path=tuple(position for position in positions if position is not None)
        )

    def _stop(self, code: str, *, limit: int | None = None) -> None:
        facts = {} if limit is None else {"limit": limit}
        self._mistakes.add(code, at=self.here, **facts)
        raise _ReadingStopped

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._stop("too_many_values", limit=MAX_NODES)

    def _refuse_tag(self, tag: str | None, *, allowed: tuple[str | None, ...]) -> None:
        if tag not in allowed:
            self._mistakes.add("tag_not_allowed", at=self.here, tag=tag)

    def _scalar(self, event: yaml.ScalarEvent, *, line: int) -> Node:
        text = event.value
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            self._mistakes.add("not_a_character", at=self.here)
            text = "?"
        self._refuse_tag(event.tag, allowed=(None, *_STRING_TAGS))
        is_plain = event.tag is None and event.style is None
        return Node(line=line, content=_resolve(text) if is_plain else text, text=text)

    def _aliased(self, anchor: str | None, *, line: int) -> Node:
        node = self._anchors.get(anchor or "")
        if node is None:  # also an alias inside its own anchor, which would never end
            self._mistakes.add("alias_unknown", at=self.here, alias=anchor)
            return Node(line=line, content=None, text="")
        return node

    def _remember(self, node: Node, *, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _put(self, node: Node) -> None:
        if node.depth + len(self._open) > MAX_DEPTH:
            self._stop("nested_too_deep", limit=MAX_DEPTH)
        if not self._open:
            self.root = node
            return
        container = self._open[-1]
        if not container.is_mapping:
            container.nodes.append(node)
        elif container.key is None:
            container.key = self._key(node)
        else:
            self._put_entry(container, node=node, key=container.key)
            container.key = None

    def _key(self, node: Node) -> Node:
        if node.text is None:
            self._mistakes.add("key_not_a_name", at=self._place(node.line))
        return node

    def _put_entry(self, container: _Open, *, node: Node, key: Node) -> None:
        if key.text is None:
            return
        if key.text in container.entries:
            first_line = container.entries[key.text].line
            self._mistakes.add("field_twice", at=self._place(key.line), name=key.text, first_line=first_line)
            return
        container.entries[key.text] = Entry(line=key.line, node=node)


def _resolve(text: str) -> bool | int | float | str | None:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
