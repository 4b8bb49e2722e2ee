"""The simple fields of an assignment's file: texts, points, words out of a list, and names that were mistyped."""

import difflib
import math
from collections.abc import Collection
from typing import TypeVar

from grader.catalog.mistakes import MistakeList, Place
from grader.catalog.positions import Field
from grader.domain.result import Points
from grader.domain.text import Language, Text

_LANGUAGES = tuple(language.value for language in Language)
_MERGE = "<<"
MAX_POINTS = 100_000
_Word = TypeVar("_Word", bound=str)


def refuse_unknown(field: Field, *, known: Collection[str], mistakes: MistakeList) -> None:
    """Note every field of a mapping that means nothing here, with the known one it looks like."""
    for name, entry in field.entries.items():
        if name == _MERGE:
            mistakes.add("merge_key", at=entry.place)
        elif name not in known:
            note_unknown("field_unknown", name=name, known=known, at=entry.place, mistakes=mistakes)


def note_unknown(code: str, *, name: str, known: Collection[str], at: Place, mistakes: MistakeList) -> None:
    """Note a name that is not among the known ones: `<code>_near` with the nearest, or `<code>` with all of them."""
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    if nearest:
        mistakes.add(f"{code}_near", at=at, name=name, nearest=nearest[0])
    else:
        mistakes.add(code, at=at, name=name, known=", ".join(known))


def read_mapping(field: Field, *, known: Collection[str], mistakes: MistakeList) -> bool:
    """Whether the field is a mapping; unknown fields in it are noted."""
    if not field.is_mapping:
        mistakes.add("not_a_mapping", at=field.place)
        return False
    refuse_unknown(field, known=known, mistakes=mistakes)
    return True


def read_text(field: Field, *, mistakes: MistakeList) -> Text | None:
    """A text in its languages; a plain string (or number) stands for all."""
    if not field.is_mapping:
        plain = read_words(field, mistakes=mistakes)
        return None if plain is None else Text(plain, plain)
    refuse_unknown(field, known=_LANGUAGES, mistakes=mistakes)
    return read_languages(field, mistakes=mistakes)


def read_languages(field: Field, *, mistakes: MistakeList) -> Text | None:
    """The `ja` and `en` of a mapping that may hold other fields too; one stands in where the other is missing."""
    entries = {language: field.entries[language] for language in _LANGUAGES if language in field.entries}
    if not entries:
        mistakes.add("language_missing", at=field.place)
        return None
    words = {language: read_words(entry, mistakes=mistakes) for language, entry in entries.items()}
    if None in words.values():
        return None
    for language in Language:
        if language not in entries:
            mistakes.add_untranslated(language, at=field.place)
    ja, en = words.get("ja"), words.get("en")
    return Text(ja or en or "", en or ja or "")


def read_words(field: Field, *, mistakes: MistakeList) -> str | None:
    """Words in one language, or a number as it was written."""
    content = field.plain
    if isinstance(content, (int, float)) and not isinstance(content, bool):
        return field.node.text
    if not isinstance(content, str):
        mistakes.add("empty" if content is None else "not_text", at=field.place)
        return None
    if not content.strip():
        mistakes.add("empty", at=field.place)
        return None
    return content.strip()


def read_truth(field: Field, *, mistakes: MistakeList) -> bool | None:
    """True or false."""
    content = field.plain
    if isinstance(content, bool):
        return content
    mistakes.add("not_true_or_false", at=field.place)
    return None


def read_list(field: Field, *, mistakes: MistakeList) -> tuple[Field, ...]:
    """The items of a list; () for anything else, which is noted."""
    if not field.is_sequence:
        mistakes.add("not_a_list", at=field.place)
    return field.items


def read_points(field: Field, *, mistakes: MistakeList) -> Points | None:
    """Points, at least 0, with at most the two decimals that scores are rounded to; whole ones as int."""
    content = field.plain
    if isinstance(content, bool) or not isinstance(content, (int, float)):
        mistakes.add("not_a_number", at=field.place)
        return None
    if not math.isfinite(content) or not 0 <= content <= MAX_POINTS:
        mistakes.add("points_out_of_range", at=field.place, limit=MAX_POINTS)
        return None
    if round(content, 2) != content:
        mistakes.add("points_too_fine", at=field.place)
        return None
    return tidy(content)


def tidy(points: Points) -> Points:
    """Points without the noise of adding floats; whole ones as int."""
    rounded = round(points, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def read_word(field: Field, *, words: Collection[_Word], mistakes: MistakeList) -> _Word | None:
    """One of a few words."""
    for word in words:
        if field.plain == word:
            return word
    mistakes.add("word_unknown", at=field.place, known=", ".join(words))
    return None
