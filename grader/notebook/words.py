"""The student's own words under a question: Markdown, comments and strings, without the author's prompt."""

import ast
import io
import re
import tokenize
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import groupby, zip_longest

from grader.domain.gaps import fill_gaps
from grader.domain.python import parse_python, walk
from grader.domain.remember import remember_by_text
from grader.notebook.headings import Around, LabelKind, read_line
from grader.notebook.magics import plain_python

LONGEST_PIECE_CHARS = 20_000
_LARGEST_CODE_CHARS = 100_000
_FUZZY_LINES = 200
_LONGEST_FUZZY_CHARS = 300
_SAME_RATIO = 0.85
_SHORTEST_EXCERPT_CHARS = 8
"""A shorter line is the prompt's only if it is one of the prompt's lines as a whole."""
_LONGEST_GAP_LINES = 80


# --- the author's prompts ---------------------------------------------------------------------------------------------

_PASTED_GAP = re.compile(r"\{\{[^{}]{0,200}\}\}")
_GAP_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"
_DRESS = frozenset("*_#>`~\\$-・.。:,、　 |")


@dataclass(frozen=True, kw_only=True)
class _PromptLine:
    """One line of a prompt between gaps, squeezed."""

    text: str
    gap_follows: bool
    next_text: str
    """What comes after the gap; '' at the prompt's end."""


class Prompts:
    """The prompts of all questions in all languages; `{{...}}` in them stands for anything."""

    def __init__(self, prompts: Sequence[str]) -> None:
        self._lines = [line for prompt in prompts for line in _prompt_lines(prompt)]
        self._exact = {line.text: line for line in self._lines}
        self._all = _GAP_MARK.join(_squeeze(_without_gaps(prompt)) for prompt in prompts)
        self._by_length = sorted(self._lines, key=lambda line: len(line.text), reverse=True)

    def without(self, lines: Sequence[str]) -> list[str]:
        """The lines that are not the author's."""
        kept: list[str] = []
        fuzzy_left = _FUZZY_LINES
        at = 0
        while at < len(lines):
            line = _PASTED_GAP.sub("", lines[at][:LONGEST_PIECE_CHARS])
            at += 1
            squeezed = _squeeze(line[: 2 * _LONGEST_FUZZY_CHARS])
            found = self._find(squeezed, is_fuzzy=fuzzy_left > 0)
            fuzzy_left -= 1 if squeezed and found is None else 0
            if found is None:
                if not self._is_excerpt(squeezed):
                    kept.append(line)
                continue
            rest = _cut_front(line, len(found.text)) if squeezed.startswith(found.text) else ""
            if found.gap_follows:
                at += self._gap_length(lines[at : at + _LONGEST_GAP_LINES], found)
                rest = "" if _is_shown(rest) else rest
            if any(character.isalnum() for character in rest):
                kept.append(rest.lstrip("。.:： ").rstrip())
        return kept

    def _find(self, squeezed: str, *, is_fuzzy: bool) -> _PromptLine | None:
        """The prompt's line that a student's line is, begins with, or nearly is."""
        if not squeezed:
            return None
        if squeezed in self._exact:
            return self._exact[squeezed]
        for line in self._by_length:
            if len(line.text) >= _SHORTEST_EXCERPT_CHARS and squeezed.startswith(line.text):
                return line
        if is_fuzzy and _SHORTEST_EXCERPT_CHARS <= len(squeezed) <= _LONGEST_FUZZY_CHARS:
            return next((line for line in self._lines if _is_nearly(squeezed, line.text)), None)
        return None

    def _is_excerpt(self, squeezed: str) -> bool:
        return len(squeezed) >= _SHORTEST_EXCERPT_CHARS and squeezed in self._all

    def _gap_length(self, lines: Sequence[str], found: _PromptLine) -> int:
        """How many lines below a prompt's line fill its gap: up to the prompt's next words, else what looks printed."""
        if found.next_text:
            for count, line in enumerate(lines):
                if _squeeze(line[:_LONGEST_FUZZY_CHARS]).startswith(found.next_text):
                    return count
        return next((count for count, line in enumerate(lines) if not _is_shown(line)), len(lines))


@remember_by_text
def read_prompts(prompts: tuple[str, ...]) -> Prompts:
    """The prompts of an assignment, which all of its notebooks are read with."""
    return Prompts(prompts)


def _without_gaps(prompt: str) -> str:
    return fill_gaps(prompt, lambda _: _GAP_MARK)


def _prompt_lines(prompt: str) -> list[_PromptLine]:
    pieces = re.split(rf"(\n|{_GAP_MARK})", _without_gaps(prompt))
    texts: list[tuple[str, bool]] = []
    for piece in pieces:
        if piece == _GAP_MARK and texts:
            texts[-1] = (texts[-1][0], True)
        elif squeezed := _squeeze(piece):
            texts.append((squeezed, False))
    return [
        _PromptLine(text=text, gap_follows=has_gap, next_text=after[0])
        for (text, has_gap), after in zip_longest(texts, texts[1:], fillvalue=("", False))
    ]


def _squeeze(text: str) -> str:
    """Letters and signs only, in one form: neither spaces nor Markdown make a difference."""
    normal = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in normal if character not in _DRESS and not character.isspace())


def _cut_front(line: str, count: int) -> str:
    """The line without its first characters that squeeze to `count`."""
    for position, character in enumerate(line):
        if count <= 0:
            return line[position:]
        count -= len(_squeeze(character))
    return ""


@lru_cache(maxsize=1024)
def _is_nearly(actual: str, prompt: str) -> bool:
    if not 0.6 * len(prompt) <= len(actual) <= 1.6 * len(prompt) or len(prompt) > _LONGEST_FUZZY_CHARS:
        return False
    matcher = SequenceMatcher(None, actual, prompt, autojunk=False)
    return matcher.quick_ratio() >= _SAME_RATIO and matcher.ratio() >= _SAME_RATIO


_PRINTED_WORDS = re.compile(
    r"torch|tensor|array|size|shape|dtype|device|cpu|cuda|requires_grad|grad_fn|true|false|none|nan|inf"
    r"|(?:u?int|float|bfloat|complex)\d{0,3}|\w{0,40}backward0?|e",
    re.IGNORECASE,
)


def _is_shown(line: str) -> bool:
    """Whether a line looks printed by Python rather than written: blank, a code fence, numbers and brackets."""
    rest = _PRINTED_WORDS.sub("", line[:2_000])
    return not any(character.isalpha() for character in rest)


# --- Markdown ---------------------------------------------------------------------------------------------------------

_DATA_URI = "](data:"
_PICTURE = re.compile(r"!\[[^\[\]]{0,200}\]\(|<img\b|\]\(attachment:", re.IGNORECASE)


def markdown_words(lines: Sequence[str], prompts: Prompts) -> str:
    """What a student wrote in lines of Markdown; '' if nothing but prompt, headings and blank lines."""
    kept = [line for line in prompts.without([_without_data(line) for line in lines]) if not _is_template(line)]
    return _clipped("\n".join(kept)) if any(_says_something(line) for line in kept) else ""


def has_picture(text: str) -> bool:
    """Whether Markdown shows a picture: a photo of handwriting may be the answer."""
    return _PICTURE.search(text) is not None


def _without_data(line: str) -> str:
    """Take the bytes of embedded pictures out; they stay in the notebook."""
    start = line.find(_DATA_URI)
    if start < 0:
        return line
    pieces = []
    end = 0
    while start >= 0:
        pieces.append(line[end : start + len(_DATA_URI)])
        closing = line.find(")", start)
        end = len(line) if closing < 0 else closing
        start = line.find(_DATA_URI, end)
    return "".join((*pieces, line[end:]))


def _says_something(line: str) -> bool:
    """A line of words; a heading inside the answer such as ### 解答 says nothing by itself."""
    if _PICTURE.search(line):
        return True
    label = read_line(line, Around())
    if label is not None and label.kind is not LabelKind.NUMBERED and not label.title:
        return False
    stripped = line.strip()
    return any(character.isalnum() for character in stripped) and not stripped.startswith("#")


def _clipped(text: str) -> str:
    return text.strip()[:LONGEST_PIECE_CHARS].rstrip()


# --- code cells -------------------------------------------------------------------------------------------------------

_FORM = re.compile(r"@(?:param|title)\b|%%|type:\s|noqa\b|-\*-|!", re.IGNORECASE)
_TEMPLATE = re.compile(
    r"(?:your|write|enter|put)\b.{0,40}\b(?:code|answer|solution)\b.{0,12}$|(?:begin|end)\s+solution"
    r"|ここ(?:に|から|まで)[^。、]{0,20}(?:書|記入|入力|コード|解答)[^。、]{0,12}。?[)）]?$",
    re.IGNORECASE,
)
_LONGEST_TEMPLATE_CHARS = 60
_TEXT_MAGIC = re.compile(r"\s*%%(?:latex|markdown|md|html)\b[^\n]*\n")
"""A code cell that is no code: IPython renders it as text."""
_SAYING = frozenset({"print", "display", "Markdown", "Latex", "Math", "HTML", "pprint"})
_SHORTEST_PROSE_CHARS = 12
_FEWEST_WORDS = 5


def code_words(source: str, prompts: Prompts) -> list[tuple[int, str]]:
    """Comments and strings of a code cell that are words, each with its line from 0.

    Neither markers nor form fields nor code that is commented out.
    """
    if (magic := _TEXT_MAGIC.match(source)) is not None:
        text = markdown_words(source[magic.end() :].split("\n"), prompts)
        return [(1, text)] if text else []
    words = list(_strings(source))
    for _, block in groupby(enumerate(_comments(source)), key=lambda item: (item[1].line - item[0], item[1].is_beside)):
        group = [comment for _, comment in block]
        words.append((group[0].line, _spoken([comment.text for comment in group])))
    cleaned = ((line, "\n".join(prompts.without(text.split("\n")))) for line, text in sorted(words))
    return [(line, _clipped(text)) for line, text in cleaned if any(character.isalnum() for character in text)]


@dataclass(frozen=True, kw_only=True)
class _Comment:
    line: int
    text: str
    is_beside: bool
    """It stands behind code on the same line."""


def _comments(source: str) -> list[_Comment]:
    """Every comment; of source that is no Python, the lines that begin with #."""
    if "#" not in source or len(source) > _LARGEST_CODE_CHARS:
        return []
    found: list[_Comment] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(plain_python(source)).readline):
            if token.type == tokenize.COMMENT:
                is_beside = bool(token.line[: token.start[1]].strip())
                found.append(_Comment(line=token.start[0] - 1, text=token.string, is_beside=is_beside))
    except (tokenize.TokenError, SyntaxError):
        lines = ((number, line.strip()) for number, line in enumerate(source.split("\n")))
        return [_Comment(line=at, text=text, is_beside=False) for at, text in lines if text.startswith("#")]
    return found


def _strings(source: str) -> Iterator[tuple[int, str]]:
    """Strings that stand by themselves, and prose that is printed or kept under a name."""
    tree = parse_python(plain_python(source)) if len(source) <= _LARGEST_CODE_CHARS else None
    for statement in tree.body if tree else ():
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            text = statement.value.value
            if isinstance(text, str) and not _is_marker(text.strip()):
                yield statement.lineno - 1, _without_marker_line(text)
        elif isinstance(statement, ast.Assign | ast.Expr):
            texts = (_written_text(value) for value in _said(statement.value))
            yield from ((statement.lineno - 1, text) for text in texts if text is not None and _is_prose(text))


def _said(value: ast.expr) -> Iterator[ast.expr]:
    """What a statement says: what it prints or shows, or the value it keeps."""
    if not isinstance(value, ast.Call):
        yield value
        return
    name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
    if name in _SAYING:
        for argument in value.args:
            yield from _said(argument)


def _written_text(value: ast.expr) -> str | None:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _is_prose(text: str) -> bool:
    """A sentence rather than a label or a file's name."""
    stripped = text.strip()
    has_words = len(stripped.split()) >= _FEWEST_WORDS or any(character in "。、" for character in stripped)
    return len(stripped) >= _SHORTEST_PROSE_CHARS and has_words and not _is_code(stripped)


def _without_marker_line(text: str) -> str:
    first, _, rest = text.strip().partition("\n")
    return rest if _is_marker(first) else text


def _spoken(comments: Sequence[str]) -> str:
    """The words of comments on consecutive lines; '' where all of it is code."""
    if len(comments) > 1 and _is_code("\n".join(comment[1:].removeprefix(" ") for comment in comments)):
        return ""
    texts = [comment.lstrip("#").strip().removeprefix("@markdown").strip() for comment in comments]
    return "\n".join(
        text
        for text in texts
        if text and not (_FORM.match(text) or _is_template(text) or _is_marker(text) or _is_code(text))
    )


def _is_template(text: str) -> bool:
    """A remark that a template brings: write your answer here."""
    stripped = text.strip()
    return len(stripped) <= _LONGEST_TEMPLATE_CHARS and _TEMPLATE.search(stripped) is not None


def _is_marker(text: str) -> bool:
    label = read_line(text, Around(in_code=True))
    return label is not None and label.kind is not LabelKind.SECTION and len(label.title) < 30


def _is_code(text: str) -> bool:
    """Whether a comment is surely code: it calls, imports, defines or loops. Formulas and typed outputs are words."""
    tree = parse_python(f"{text} pass" if text.endswith(":") else text)
    if tree is None or any(isinstance(node, ast.Name) and not node.id.isascii() for node in walk(tree)):
        return False
    return any(_acts(statement) for statement in tree.body)


def _acts(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr):
        return any(isinstance(node, ast.Call) and not _shows_value(node.func) for node in walk(statement))
    return True


def _shows_value(function: ast.expr) -> bool:
    """tensor([1, 2]) and torch.Size([2]) in a comment are outputs that were copied."""
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in {"tensor", "Size", "array", "f"}
