"""A note's code and facts to a sentence in the reader's language.

The sentences stand in gettext catalogues, `locale/<language>/LC_MESSAGES/*.po`: msgid is the code, msgstr the sentence
with `{fact}` gaps. An entry `<code>#full` replaces `<code>` where values may be shown. A gap `{fact:word}` shows the
entry `word.<value>` in place of a word of our own such as 'submission'; without such an entry, the value itself. A gap
`{fact:place}` spells a list of {'cell', 'line'} by the entries `word.cell`, `word.line` and `word.line_of_cell`. A gap
`{fact:text}` takes the reader's language of a text {'ja', 'en'} that an author wrote. A gap `{fact:asked}` is what an
author asks for: a name or an expression as code, or the text {'ja', 'en'} that stands for it, with the 'place' of the
part that is meant.

A sentence names places: those of a gap `{fact:place}`, and cells and questions wherever their numbers follow the word
for them, which the entries `word.before_cell` and `word.before_question` spell. `point_out` marks them for a page.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from string import Formatter
from typing import NamedTuple

from babel.messages.pofile import read_po

from grader.domain.assignment import Visibility
from grader.domain.text import Fact, Language, Note

_FULL = "#full"
_WORD, _PLACE, _TEXT, _ASKED = "word", "place", "text", "asked"
_IN_BRACKETS = {Language.JA: "（{}）", Language.EN: " ({})"}
_SEPARATORS = {Language.JA: "、", Language.EN: ", "}
_NUMBER = re.compile("[0-9]{1,9}")
_NUMBERS = re.compile("[0-9]{1,9}(?:(?:, |、)(?:[0-9]{1,9}|…))*")
_OPEN, _BETWEEN, _CLOSE = "\ufdd0", "\ufdd1", "\ufdd2"
"""Noncharacters of Unicode, which are for use inside of a program: no text for people holds them."""
_NO_MARKS = dict.fromkeys(map(ord, (_OPEN, _BETWEEN, _CLOSE)))
MENTION = re.compile(
    f"{_OPEN}(?P<kind>cell|question):(?P<number>[0-9]+):(?P<line>[0-9]*){_BETWEEN}(?P<words>[^{_CLOSE}]*){_CLOSE}"
)
"""A place in what `point_out` gives; the line is that of a cell."""


class _Piece(NamedTuple):
    """Some words of a sentence."""

    words: str
    kind: str = ""
    """'cell' or 'question' where they name a place."""
    number: int = 0
    line: int | None = None
    """Of the cell."""

    @property
    def marked(self) -> str:
        words = self.words.translate(_NO_MARKS)
        if not self.kind:
            return words
        line = "" if self.line is None else self.line
        return f"{_OPEN}{self.kind}:{self.number}:{line}{_BETWEEN}{words}{_CLOSE}"


def sentence(note: Note, language: Language, *, visibility: Visibility = Visibility.HINT) -> str:
    """Write the sentence of a note.

    Facts are inserted literally: what a student wrote is never read as a template.

    Args:
        note: its code must be in the catalogue and its facts must fill every gap.
        language: the reader's.
        visibility: FULL takes the entry that may show values, where there is one. feedback.visibility says which
            notes may be shown at all.

    Raises:
        KeyError: no such code, or a fact is missing; our own mistake, found by tests/unit/feedback.
    """
    return "".join(piece.words for piece in _pieces(note, language, visibility=visibility))


def point_out(note: Note, language: Language, *, visibility: Visibility = Visibility.HINT) -> str:
    """The same sentence, with a MENTION around each place that it names; no fact can bring one along."""
    return "".join(piece.marked for piece in _pieces(note, language, visibility=visibility))


def known_codes(language: Language) -> frozenset[str]:
    """All codes that have a sentence in this language."""
    return frozenset(code for code in load_messages(language) if not code.endswith(_FULL))


@cache
def load_messages(language: Language) -> Mapping[str, str]:
    """Every entry of a language as it stands in the files: code, `<code>#full` and `word.<word>` to its sentence.

    Raises:
        ValueError: a catalogue file is malformed, or two of them have the same entry.
    """
    folder = resources.files("grader.feedback") / "locale" / language.value / "LC_MESSAGES"
    messages: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".po"):
            continue
        with file.open("rb") as stream:
            entries = read_po(stream, locale=language.value, abort_invalid=True)
        for entry in entries:
            if not entry.id:
                continue  # the header
            if not isinstance(entry.id, str) or not isinstance(entry.string, str) or entry.id in messages:
                raise ValueError(f"{file.name}: the entry {entry.id!r} stands twice or has plural forms")
            messages[entry.id] = entry.string
    return messages


def _pieces(note: Note, language: Language, *, visibility: Visibility) -> Iterator[_Piece]:
    messages = load_messages(language)
    code = note.code
    if visibility is Visibility.FULL and code + _FULL in messages:
        code += _FULL
    is_first = True
    for literal, gap, form in _parse(messages[code]):
        if gap is None:
            yield _Piece(words=literal)
        elif form == _PLACE and isinstance(places := note.facts[gap], list):
            yield _Piece(words=literal)
            yield from _spell_places(places, language)
        else:
            filled = _fill(note, gap, form=form, language=language)
            if is_first and not literal and form == _ASKED and language is Language.EN:
                filled = filled[:1].upper() + filled[1:]
            yield from _name_places(literal, filled, language)
        is_first = False


@cache
def _parse(message: str) -> tuple[tuple[str, str | None, str], ...]:
    """A sentence of the catalogues as words, the gap behind them and its form; a page says hundreds of them."""
    return tuple((literal, gap, form or "") for literal, gap, form, _ in Formatter().parse(message))


def _fill(note: Note, gap: str, *, form: str, language: Language) -> str:
    fact = note.facts[gap]  # a plain key: no attribute of anything can be reached from a template
    if form == _WORD:
        return load_messages(language).get(f"word.{fact}", str(fact))
    if form == _TEXT and isinstance(fact, dict):
        return _spell(fact.get(language.value), language)
    if form == _ASKED:
        return _spell_asked(fact, language)
    return _spell(fact, language)


def _name_places(literal: str, filled: str, language: Language) -> Iterator[_Piece]:
    """What stands before a gap and in it: places, where these are the numbers of cells or questions."""
    named = _named_next(literal, language) if _NUMBERS.fullmatch(filled) else None
    if named is None:
        yield _Piece(words=literal + filled)
        return
    yield _Piece(words=literal[: named.start()])
    word, end = named[0], 0
    for number in _NUMBER.finditer(filled):
        yield _Piece(words=filled[end : number.start()])
        yield _Piece(words=word + number[0], kind=str(named.lastgroup), number=int(number[0]))
        word, end = "", number.end()
    yield _Piece(words=filled[end:])


@cache
def _named_next(literal: str, language: Language) -> re.Match[str] | None:
    """The end of a text that names a cell or a question next; in quotes it is a heading that somebody should write."""
    messages = load_messages(language)
    cells, questions = messages["word.before_cell"], messages["word.before_question"]
    return re.search(rf"(?<![A-Za-z\"“「『])(?:(?P<cell>{cells})|(?P<question>{questions})) ?$", literal, re.IGNORECASE)


def _spell_asked(fact: Fact, language: Language) -> str:
    """Japanese words follow each other without spaces, code is set off by them."""
    if isinstance(fact, dict):
        words = _spell(fact.get(language.value), language)
        if place := fact.get("place"):
            words += _IN_BRACKETS[language].format(f"`{place}`")
    else:
        words = f"`{_spell(fact, language)}`"
    return f"{words} " if language is Language.JA and words.endswith("`") else words


def _spell_places(places: list[Fact], language: Language) -> Iterator[_Piece]:
    for index, place in enumerate(places):
        if index:
            yield _Piece(words=_SEPARATORS[language])
        yield _spell_place(place, language)


def _spell_place(place: Fact, language: Language) -> _Piece:
    if not isinstance(place, dict):
        return _Piece(words=_spell(place, language))
    cell, line = place.get("cell"), place.get("line")
    of_line = "word.line" if cell is None else "word.line_of_cell"
    code = "word.cell" if line is None else of_line
    words = sentence(Note(code=code, facts=place), language)
    if not isinstance(cell, int):
        return _Piece(words=words)
    return _Piece(words=words, kind="cell", number=cell, line=line if isinstance(line, int) else None)


def _spell(fact: Fact, language: Language) -> str:
    if isinstance(fact, list):
        return _SEPARATORS[language].join(_spell(item, language) for item in fact)
    if isinstance(fact, dict):
        return _SEPARATORS[language].join(f"{key}: {_spell(value, language)}" for key, value in fact.items())
    if isinstance(fact, float) and not isinstance(fact, bool):
        return str(int(fact)) if fact.is_integer() and abs(fact) < 1e15 else f"{fact:.6g}"
    return str(fact)
