"""Changes to a YAML file that leave the rest of it as its author wrote it: comments, order, and ways of writing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

Path: TypeAlias = tuple[str | int, ...]
Content: TypeAlias = "str | int | float | bool | list[Content] | dict[str, Content] | None"

_ALIAS = re.compile(r"\s*:\s*\*[^\s,\]}]+")
_COMMENT = re.compile(r"[ \t]*(#[^\n]*)")
_LIKE_A_NUMBER = re.compile(r"[-+]?[0-9.][0-9.eE+_-]*")
_WIDTH = 110


class NotRewritable(Exception):
    """The change cannot be made without touching other parts; a person has to edit the file."""


@dataclass(frozen=True, kw_only=True)
class _Edit:
    """Characters from `start` up to `end` become `text`."""

    start: int
    end: int
    text: str


def rewrite(text: str, changes: Mapping[Path, Content]) -> str:
    """The file with these fields set; a field that is not there is added to its mapping.

    Args:
        text: YAML that can be read.
        changes: by path from the top. The last part is a field's name.

    Raises:
        NotRewritable: the file is no YAML, has no such place, or other fields would change too.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        edits = sorted((_edit(text, root, path, value) for path, value in changes.items()), key=lambda edit: edit.start)
        for edit in reversed(edits):
            text = text[: edit.start] + edit.text + text[edit.end :]
        after = yaml.compose(text, Loader=yaml.SafeLoader)
        expected = _plain(root)
        for path, value in changes.items():
            _put(expected, path, value)
        if _plain(after) != expected:
            raise NotRewritable
    except yaml.YAMLError as error:
        raise NotRewritable from error
    return text


def _edit(text: str, root: yaml.Node | None, path: Path, value: Content) -> _Edit:
    parent, name = _walk(root, path[:-1]), path[-1]
    if not isinstance(parent, yaml.MappingNode) or not isinstance(name, str):
        raise NotRewritable
    for key, old in parent.value:
        if isinstance(key, yaml.ScalarNode) and key.value == name:
            return _replace(text, key, old, value=value, is_flow=bool(parent.flow_style))
    if not parent.value:
        raise NotRewritable
    first = parent.value[0][0].start_mark
    if parent.flow_style:
        return _Edit(start=first.index, end=first.index, text=f"{_in_line(name)}: {_in_line(value)}, ")
    added = _in_block(name, value, column=first.column)
    return _Edit(start=first.index, end=first.index, text=f"{added}\n{' ' * first.column}")


def _replace(text: str, key: yaml.ScalarNode, old: yaml.Node, *, value: Content, is_flow: bool) -> _Edit:
    start = key.start_mark.index
    if old.start_mark.index < key.end_mark.index:  # an alias: its node stands where the anchor is
        alias = _ALIAS.match(text, key.end_mark.index)
        if alias is None:
            raise NotRewritable
        end = alias.end()
    else:
        end = _end_of(text, old)
    if is_flow:
        return _Edit(start=start, end=end, text=f"{_in_line(key.value)}: {_in_line(value)}")
    written = _in_block(key.value, value, column=key.start_mark.column)
    comment = _COMMENT.match(text, end)
    if comment is not None and "\n" in written:
        # Behind a text of several lines it would become part of the text.
        return _Edit(start=start, end=comment.end(), text=f"{comment[1]}\n{' ' * key.start_mark.column}{written}")
    return _Edit(start=start, end=end, text=written)


def _end_of(text: str, node: yaml.Node) -> int:
    """Where the node's own last character ends; YAML lets a block go on to the next token, over comments."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end_of(text, last[1] if isinstance(last, tuple) else last)
    start, end = node.start_mark.index, node.end_mark.index
    return start + len(text[start:end].rstrip()) if end > start else end


def _walk(node: yaml.Node | None, path: Path) -> yaml.Node | None:
    for part in path:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            return None
    return node


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else '"' if _LIKE_A_NUMBER.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


class _LineDumper(_Dumper):
    """Writes everything in one line."""


def _write_in_line(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if "\n" in text or _LIKE_A_NUMBER.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _write_text)
_LineDumper.add_representer(str, _write_in_line)


def _in_block(name: str, value: Content, *, column: int) -> str:
    written = yaml.dump({name: value}, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=_WIDTH)
    first, *others = written.rstrip("\n").split("\n")
    return "\n".join((first, *(" " * column + line if line else "" for line in others)))


def _in_line(value: Content) -> str:
    """As it stands within brackets."""
    written = yaml.dump([value], Dumper=_LineDumper, allow_unicode=True, default_flow_style=True, width=10**9)
    return written.strip().removeprefix("[").removesuffix("]")


def _plain(node: yaml.Node | None) -> Content:
    """The file's content, every alias copied out; scalars as they are written, with their kind."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    return None


def _scalar(node: yaml.ScalarNode) -> Content:
    if node.tag == "tag:yaml.org,2002:str" or node.style is not None:
        return str(node.value)
    content = yaml.safe_load(node.value)
    return content if isinstance(content, (str, int, float, bool)) or content is None else str(content)


def _put(content: Content, path: Path, value: Content) -> None:
    place: Any = content  # the edit has walked the same way: every part of the path is there
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
