"""A note's code and facts to a sentence in the reader's language.

The sentences stand in gettext catalogues, `locale/<language>/LC_MESSAGES/*.po`: msgid is the code, msgstr the sentence
with `{fact}` gaps. An entry `<code>#full` replaces `<code>` where values may be shown. A gap `{fact:word}` shows the
entry `word.<value>` in place of a word of our own such as 'submission'; without such an entry, the value itself. A gap
`{fact:place}` spells a list of {'cell', 'line'} by the entries `word.cell`, `word.line` and `word.line_of_cell`. A gap
`{fact:text}` takes the reader's language of a text {'ja', 'en'} that an author wrote. A gap `{fact:asked}` is what an
author asks for: a name or an expression as code, or the text {'ja', 'en'} that stands for it, with the 'place' of the
part that is meant.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from string import Formatter

from babel.messages.pofile import read_po

from grader.domain.assignment import Visibility
from grader.domain.text import Fact, Language, Note

_FULL = "#full"
_WORD, _PLACE, _TEXT, _ASKED = "word", "place", "text", "asked"
_IN_BRACKETS = {Language.JA: "（{}）", Language.EN: " ({})"}
_SEPARATORS = {Language.JA: "、", Language.EN: ", "}


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
    messages = load_messages(language)
    code = note.code
    if visibility is Visibility.FULL and code + _FULL in messages:
        code += _FULL
    parts = list(Formatter().parse(messages[code]))
    words = "".join(
        literal + ("" if gap is None else _fill(note, gap, form=form or "", language=language))
        for literal, gap, form, _ in parts
    )
    begins_with_asked = parts[0][0] == "" and parts[0][2] == _ASKED and language is Language.EN
    return words[:1].upper() + words[1:] if begins_with_asked else words


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


def _fill(note: Note, gap: str, *, form: str, language: Language) -> str:
    fact = note.facts[gap]  # a plain key: no attribute of anything can be reached from a template
    if form == _WORD:
        return load_messages(language).get(f"word.{fact}", str(fact))
    if form == _PLACE and isinstance(fact, list):
        return _SEPARATORS[language].join(_spell_place(place, language) for place in fact)
    if form == _TEXT and isinstance(fact, dict):
        return _spell(fact.get(language.value), language)
    if form == _ASKED:
        return _spell_asked(fact, language)
    return _spell(fact, language)


def _spell_asked(fact: Fact, language: Language) -> str:
    """Japanese words follow each other without spaces, code is set off by them."""
    if isinstance(fact, dict):
        words = _spell(fact.get(language.value), language)
        if place := fact.get("place"):
            words += _IN_BRACKETS[language].format(f"`{place}`")
    else:
        words = f"`{_spell(fact, language)}`"
    return f"{words} " if language is Language.JA and words.endswith("`") else words


def _spell_place(place: Fact, language: Language) -> str:
    if not isinstance(place, dict):
        return _spell(place, language)
    if place.get("line") is None:
        code = "word.cell"
    else:
        code = "word.line" if place.get("cell") is None else "word.line_of_cell"
    return sentence(Note(code=code, facts=place), language)


def _spell(fact: Fact, language: Language) -> str:
    if isinstance(fact, list):
        return _SEPARATORS[language].join(_spell(item, language) for item in fact)
    if isinstance(fact, dict):
        return _SEPARATORS[language].join(f"{key}: {_spell(value, language)}" for key, value in fact.items())
    if isinstance(fact, float) and not isinstance(fact, bool):
        return str(int(fact)) if fact.is_integer() and abs(fact) < 1e15 else f"{fact:.6g}"
    return str(fact)
