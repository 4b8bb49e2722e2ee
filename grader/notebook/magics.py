"""A cell's source as plain Python: what IPython would run itself (magics, shell lines, help) is taken out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass


def plain_python(source: str) -> str:
    """Give the cell's Python with every line where it was.

    Magic, shell and help lines become `pass`, what is assigned from one becomes None. The statement of a `%time` and
    the body of a `%%time` stay, for they run in the notebook; the body of a `%%bash` becomes blank lines. Python comes
    back as it is, and so does what is neither Python nor IPython's. Takes linear time and never raises.

    Source: IPython.core.inputtransformer2, the oracle in tests/unit/notebook/test_magics.py. Its own transformer does
    not keep line numbers, takes quadratic time, and its import would slow the web process's start.
    """
    if len(source) > _LONGEST_CHARS:
        return source
    source = source.replace("\r\n", "\n")
    if _AUTOMAGIC.fullmatch(source.strip()):
        return "pass" + "\n" * source.count("\n")
    text = _without_indent(_without_prompts(source))
    if _MAYBE_SPECIAL.search(text) is None:
        return text
    head, body_start = _split_cell_magics(text)
    return head + "".join(_without_commands(text, position=body_start))


_LONGEST_CHARS = 1_000_000
"""Nobody writes a cell as long as this; it holds data, and going through it would only take time."""
_MAYBE_SPECIAL = re.compile(r"^[ \t\f]*[!%?,;/]|=[ \t]*[!%]|\?", re.MULTILINE)
"""Cheap to look for; most cells have nothing of the kind and need no closer look."""
_AUTOMAGIC = re.compile(
    r"(?:pip|conda|mamba|uv|cd|ls|mkdir|cat)[ \t]+(?!(?:in|is|if|and|or|not)\b)(?:[\w~\"']|\.\.)[^\n]*"
)
"""A one-line cell such as `pip install x`, which is no Python: IPython takes it for the magic of that name."""


# --- what stands before the code on every line ------------------------------------------------------------------------

_PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.)(?: |$)|^In \[\d+\]: |^[ \t]*\.{3,}: ?", re.MULTILINE)
_FIRST_PROMPT = re.compile(r"\s*(?:>>>(?: |$)|In \[\d+\]: )", re.MULTILINE)


def _without_prompts(source: str) -> str:
    """Code pasted from a session, `>>> x = 1`, without its prompts."""
    return _PROMPT.sub("", source) if _FIRST_PROMPT.match(source) else source


_INDENT = re.compile(r"^([ \t]*)[^ \t\n]", re.MULTILINE)


def _without_indent(source: str) -> str:
    """A cell that is indented as a whole, moved to the left as IPython does."""
    if source.lstrip("\n")[:1] not in {" ", "\t"}:
        return source
    # The longest prefix of the first and the last in order is that of all of them.
    indents = _INDENT.findall(source) or [""]
    first, last = min(indents), max(indents)
    margin = next((first[:place] for place, char in enumerate(first) if not last.startswith(char, place)), first)
    return re.sub(f"^{margin}", "", source, flags=re.MULTILINE) if margin else source


# --- cell magics ------------------------------------------------------------------------------------------------------

_CELL_MAGIC = re.compile(r"(?P<blank>\s*\n)?%%(?!\w+\?)(?P<name>\w*)(?P<line>[^\n]*)(?P<end>\n?)")
_PYTHON_BODIES = frozenset({"time", "timeit", "capture", "prun", "memit", "debug"})
_OPTIONS = r"(?:[ \t]+-[A-Za-z]\w*(?:[ \t]+\d+)?){0,8}"
_SETUP = re.compile(rf"{_OPTIONS}[ \t]+(?P<statement>[^\s-].*)")


def _split_cell_magics(text: str) -> tuple[str, int]:
    """What the leading `%%` lines turn into, and where the Python below them begins: at the end if there is none."""
    head: list[str] = []
    position = 0
    while match := _CELL_MAGIC.match(text, position):
        head.append("\n" * (match["blank"] or "").count("\n"))
        if match["name"] not in _PYTHON_BODIES:
            head.append("pass" + "\n" * text.count("\n", match.end("line")))
            return "".join(head), len(text)
        setup = _SETUP.fullmatch(match["line"]) if match["name"] == "timeit" else None
        head.append((setup["statement"] if setup else "pass") + match["end"])
        position = match.end()
    return "".join(head), position


# --- lines ------------------------------------------------------------------------------------------------------------

_ESCAPES = frozenset("!%?,;/")
"""No Python statement begins with one of these; IPython takes each for a command of its own."""
_TIMED = re.compile(rf"%(?P<name>time|timeit){_OPTIONS}[ \t]+(?=[^\s\\-])")
_COMMAND_END = re.compile(r"(?<!\\)\n")


def _without_commands(text: str, *, position: int) -> Iterator[str]:
    """The text from `position` on, in pieces, with IPython's own lines replaced."""
    # In the outline an escaped quote or backslash is none any more; all else stays where it is.
    outline = text.replace("\\\\", "__").replace("\\'", "__").replace('\\"', "__")
    copied = position
    while position < len(text):
        start = _skip_blanks(text, position)
        if text[start : start + 1] in _ESCAPES:
            found = _Statement(end=start, command=start, replacement="pass")
        else:
            found = _scan(outline, start)
        if found.command is None:
            position = found.end
            continue
        yield text[copied : found.command]
        timed = _TIMED.match(text, found.command)
        if timed and (timed["name"] == "time" or found.command == start):
            position = timed.end()
        else:
            position = _end_of_command(text, found.end)
            yield found.replacement + "\n" * text.count("\n", found.command, position)
        copied = position
    yield text[copied:]


_BLANKS = re.compile(r"[ \t\f\n]*")


def _skip_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def _end_of_command(text: str, start: int) -> int:
    """A command ends with its line, or with the first one that has no backslash at its end."""
    match = _COMMAND_END.search(text, start)
    return match.start() if match else len(text)


@dataclass(frozen=True, kw_only=True)
class _Statement:
    """A logical line up to `end`. Where `command` is given, all from there to the end of `end`'s line is IPython's."""

    end: int
    command: int | None = None
    replacement: str = ""


_ASSIGNED_COMMAND = re.compile(r"[ \t]*(?:!|%(?!\d)\w)")
_HELP_END = re.compile(r"\?{1,2}[ \t]*(?=\n|#|\Z)")
_BEFORE_EQUALS = frozenset("=!<>+-*/%&|^@:")


def _scan(outline: str, start: int) -> _Statement:
    """Find where the logical line that begins at `start` ends, and whether it is `x = !ls` or `x?`."""
    is_assigned = False
    for char, place in _marks(outline, start):
        after = place + 1
        if char == "\n":
            return _Statement(end=after)
        if char == "?" and _HELP_END.match(outline, place):
            return _Statement(end=place, command=start, replacement="pass")
        is_equals = char == "=" and outline[place - 1] not in _BEFORE_EQUALS and outline[after : after + 1] != "="
        if is_equals and not is_assigned:
            is_assigned = True
            if _ASSIGNED_COMMAND.match(outline, after):
                command = _skip_blanks(outline, after)
                return _Statement(end=command, command=command, replacement="None")
    return _Statement(end=len(outline))


_SIGNIFICANT = re.compile(r"""[(\[{]+|[)\]}]+|['"#=?\\\n]""")
_SIGNIFICANT_IN_BRACKETS = re.compile(r"""[(\[{]+|[)\]}]+|['"#]""")


def _marks(outline: str, position: int) -> Iterator[tuple[str, int]]:
    """Each `=`, `?` and newline with its place, except in strings, comments, brackets and after a backslash."""
    depth = 0
    while match := (_SIGNIFICANT_IN_BRACKETS if depth else _SIGNIFICANT).search(outline, position):
        char, place, position = outline[match.start()], match.start(), match.end()
        if char in "\n=?":
            yield char, place
        elif char in "'\"":
            position = _end_of_string(outline, place)
        elif char in "([{":
            depth += position - place
        elif char in ")]}":
            depth = max(depth - (position - place), 0)
        elif char == "\\":
            position += outline.startswith("\n", position)
        else:
            end = outline.find("\n", place)
            position = end if end >= 0 else len(outline)


_STRING_ENDS = {quote: re.compile(rf"{quote}|(?<!\\)\n") for quote in "'\""}


def _end_of_string(outline: str, start: int) -> int:
    """Behind the closing quote; before the newline where that is missing, as in Python."""
    quote = outline[start]
    if outline.startswith(quote * 3, start):
        end = outline.find(quote * 3, start + 3)
        return end + 3 if end >= 0 else len(outline)
    match = _STRING_ENDS[quote].search(outline, start + 1)
    if match is None:
        return len(outline)
    return match.start() if match.group() == "\n" else match.end()
