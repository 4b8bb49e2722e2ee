"""The points, texts and rubrics of an assignment's YAML as fields of a form, and the YAML with what was typed there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import lru_cache

from grader.authoring.rewriting import Content, NotRewritable, Path, rewrite
from grader.catalog.checks import KNOWN_KINDS, WRITTEN
from grader.catalog.mistakes import MistakeList, Place
from grader.catalog.paths import SPEC_FILE
from grader.catalog.positions import Field, read_yaml
from grader.domain.result import Points
from grader.errors import InvalidAssignment

_AROUND = 1
"""Lines that are told before and after those that change."""
_MOST_LINES = 500
"""Comparing takes time with their square; where both files begin and end alike, lines cost next to nothing."""
_LONGEST_LINE = 400
_FORMS_KEPT = 16


class FieldKind(StrEnum):
    POINTS = "points"
    LINE = "line"
    """A short text in both languages."""
    TEXT = "text"
    """Markdown in both languages."""
    RUBRIC = "rubric"


@dataclass(frozen=True, kw_only=True)
class Words:
    """A text in both languages, as it is shown and typed; one that stands for both is shown twice."""

    ja: str = ""
    en: str = ""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing a TA looks for."""

    points: str = ""
    words: Words = Words()
    key: str = ""
    """Its `id`, which keeps what was decided by it."""

    @property
    def is_empty(self) -> bool:
        return not (self.points or self.words.ja or self.words.en)


Typed = str | Words | tuple[Item, ...]
"""What stands in a field: points, a text, or a rubric."""


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One field: `name` is the YAML's, `of` the check or rubric that it belongs to."""

    path: Path
    kind: FieldKind
    name: str
    typed: Typed
    of: str = ""
    is_mapping: bool = False
    """The YAML tells the languages apart."""

    @property
    def address(self) -> str:
        """What it is called in a form: where it stands in the YAML, wherever others move to."""
        return ".".join(str(part) for part in self.path)


@dataclass(frozen=True, kw_only=True)
class FormSection:
    """The fields of one question, of a rubric that several share, or of the whole."""

    name: str
    """Such as 'q1'; '' for the whole."""
    fields: tuple[FormField, ...]


@lru_cache(maxsize=_FORMS_KEPT)
def read_form(data: bytes) -> tuple[FormSection, ...]:
    """What can be edited in a form; whatever else is wrong with the YAML.

    Remembered: an author opens the same file again and again, and reading it is most of what the page takes.

    Raises:
        InvalidAssignment: it cannot be read as YAML.
    """
    mistakes = MistakeList()
    root = read_yaml(data, file=SPEC_FILE, mistakes=mistakes)
    if root is None:
        raise InvalidAssignment(mistakes.in_order)
    sections = [FormSection(name="", fields=(_words(root, "title", kind=FieldKind.LINE),))]
    if "questions" in root.entries:
        for name, question in root.entries["questions"].entries.items():
            sections.append(FormSection(name=name, fields=tuple(_question_fields(question))))
    if "rubrics" in root.entries:
        for name, rubric in root.entries["rubrics"].entries.items():
            sections.append(FormSection(name=name, fields=(_rubric(rubric, of=name),)))
    return tuple(sections)


def write_form(data: bytes, changes: Mapping[FormField, Typed]) -> bytes:
    """The YAML with what was typed; the rest stays as it is written.

    Args:
        data: what `read_form` was given.
        changes: what stands in these fields now. Points that are none go in as text, which `parse` complains about.

    Raises:
        InvalidAssignment: this cannot be done in a form, and has to be written in the YAML itself.
    """
    contents = {field.path: _content(field, typed) for field, typed in changes.items()}
    try:
        return rewrite(data.decode("utf-8-sig"), contents).encode()
    except NotRewritable as error:
        mistakes = MistakeList()
        first = next(iter(changes)).path
        mistakes.add("form_cannot", at=Place(file=SPEC_FILE, line=1, path=first))
        raise InvalidAssignment(mistakes.in_order) from error


def with_total(data: bytes, total: Points) -> bytes:
    """The YAML with another sum of all points. Raises as `write_form` does."""
    field = FormField(path=("points",), kind=FieldKind.POINTS, name="points", typed="")
    return write_form(data, {field: str(total)})


def _question_fields(question: Field) -> Iterator[FormField]:
    yield _words(question, "title", kind=FieldKind.LINE)
    yield _words(question, "prompt", kind=FieldKind.TEXT)
    if "points" in question.entries:
        yield _points(question.entries["points"])
    for kind in KNOWN_KINDS:
        if kind in question.entries and kind != WRITTEN:
            yield from _check_points(question.entries[kind], kind=kind)
    if WRITTEN in question.entries:
        yield from _written_fields(question.entries[WRITTEN])


def _check_points(check: Field, *, kind: str) -> Iterator[FormField]:
    for place, entry in enumerate(check.items if check.is_sequence else (check,), start=1):
        if "points" in entry.entries:
            yield _points(entry.entries["points"], of=kind if place == 1 else f"{kind}-{place}")


def _written_fields(written: Field) -> Iterator[FormField]:
    rubric = written.entries.get("rubric") if written.is_mapping else written
    if rubric is not None and rubric.is_sequence and all(item.is_mapping for item in rubric.items):
        yield _rubric(rubric)
    if written.is_mapping:
        yield _words(written, "model_answer", kind=FieldKind.TEXT)


def _words(parent: Field, name: str, *, kind: FieldKind) -> FormField:
    found = parent.entries.get(name)
    return FormField(
        path=(*parent.place.path, name),
        kind=kind,
        name=name,
        typed=Words() if found is None else _read_words(found),
        is_mapping=found is not None and found.is_mapping,
    )


def _read_words(field: Field) -> Words:
    if field.is_mapping:
        ja, en = (_text(field.entries.get(language)) for language in ("ja", "en"))
        return Words(ja=ja, en=en)
    return Words(ja=_text(field), en=_text(field))


def _points(field: Field, *, of: str = "") -> FormField:
    return FormField(path=field.place.path, kind=FieldKind.POINTS, name="points", typed=_text(field), of=of)


def _rubric(field: Field, *, of: str = "") -> FormField:
    items = tuple(
        Item(
            points=_text(item.entries.get("points")),
            words=_read_words(item.entries.get("text", item)),
            key=_text(item.entries.get("id")),
        )
        for item in field.items
    )
    return FormField(path=field.place.path, kind=FieldKind.RUBRIC, name="rubric", typed=items, of=of)


def _text(field: Field | None) -> str:
    return "" if field is None or field.node.text is None else field.node.text.strip()


def _content(field: FormField, typed: Typed) -> Content:
    if isinstance(typed, str):
        return _number(typed)
    if isinstance(typed, Words):
        return _as_content(typed, is_mapping=field.is_mapping)
    return [_item(item) for item in typed if not item.is_empty]


def _as_content(words: Words, *, is_mapping: bool) -> Content:
    if words.ja == words.en or (not (words.ja and words.en) and not is_mapping):
        return words.ja or words.en
    return _languages(words)


def _item(item: Item) -> Content:
    named: dict[str, Content] = {"id": item.key} if item.key else {}
    words = item.words
    text: dict[str, Content] = {"text": words.ja} if words.ja == words.en else _languages(words)
    return {**named, "points": _number(item.points), **text}


def _languages(words: Words) -> dict[str, Content]:
    return {language: text for language, text in (("ja", words.ja), ("en", words.en)) if text}


def _number(typed: str) -> Content:
    """What is no number goes in as it is: the reader of the format says what is wrong with it."""
    try:
        number = float(typed)
    except ValueError:
        return typed
    return int(number) if number.is_integer() else number


def changed_fields(sections: Sequence[FormSection], typed: Sequence[Typed]) -> dict[FormField, Typed]:
    """Of all fields in their order those in which something else stands now; emptied texts count as left alone."""
    fields = [field for section in sections for field in section.fields]
    return {
        field: now
        for field, now in zip(fields, typed, strict=True)
        if now != field.typed and not (isinstance(now, Words) and not (now.ja or now.en))
    }


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The lines that go (-) and come (+) between two files, with those around them."""

    text: str
    """'' where nothing differs."""
    is_shortened: bool
    """There is more than is told: of many lines, or of a long one."""


def compare_lines(before: bytes, after: bytes) -> Difference:
    """What changes from the one file to the other, with the line of the other at which each change begins."""
    old, new = (data.decode("utf-8-sig", "replace").splitlines() for data in (before, after))
    head = _count_alike(old, new)
    tail = _count_alike(old[head:][::-1], new[head:][::-1])
    begin = max(head - _AROUND, 0)
    old, new = (lines[begin : len(lines) - max(tail - _AROUND, 0)] for lines in (old, new))
    is_shortened = max(len(old), len(new)) > _MOST_LINES
    told = list(_changes(old[:_MOST_LINES], new[:_MOST_LINES], begin=begin))
    shown = [line[:_LONGEST_LINE] for line in told]
    return Difference(text="\n".join(shown), is_shortened=is_shortened or shown != told)


def _count_alike(one: Sequence[str], other: Sequence[str]) -> int:
    """With how many lines both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _changes(old: Sequence[str], new: Sequence[str], *, begin: int) -> Iterator[str]:
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(_AROUND):
        yield f"@@ {begin + group[0][3] + 1} @@"
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                yield from (f" {line}" for line in old[old_start:old_end])
            else:
                yield from (f"-{line}" for line in old[old_start:old_end])
                yield from (f"+{line}" for line in new[new_start:new_end])
