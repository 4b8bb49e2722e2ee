"""Where a mistake stands in a file, and the list that gathers all of them."""

from collections.abc import Collection
from dataclasses import dataclass

from grader.domain.text import Fact, Language, Note
from grader.errors import Mistake


@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of a file (from 1) and the field that stands there, as a path from the file's top."""

    file: str
    line: int
    path: tuple[str | int, ...] = ()

    @property
    def field(self) -> str:
        """The path as people read it: `questions.q6.function.inputs[3]`."""
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return "".join(parts).removeprefix(".")

    def below(self, part: str | int, *, line: int | None = None) -> "Place":
        return Place(file=self.file, line=self.line if line is None else line, path=(*self.path, part))


class MistakeList:
    """Gathers mistakes while reading goes on, so that an author learns of all of them at once."""

    def __init__(self) -> None:
        self._found: list[Mistake] = []
        self._untranslated: dict[tuple[Place, Language], None] = {}

    def add(self, code: str, *, at: Place, **facts: Fact) -> None:
        note = Note(code=f"catalog.{code}", facts=facts)
        self.add_found(Mistake(file=at.file, line=at.line, field=at.field, note=note))

    def add_found(self, mistake: Mistake) -> None:
        """Take over a mistake that was found elsewhere."""
        if mistake not in self._found:  # an alias shows the same node twice
            self._found.append(mistake)

    def add_untranslated(self, language: Language, *, at: Place) -> None:
        """Take down a text that another language stands in for: no mistake, but its author may want to know."""
        self._untranslated[at, language] = None

    def list_untranslated(self, languages: Collection[Language]) -> tuple[Mistake, ...]:
        """Those in the languages that the assignment is to have, by line."""
        found = sorted(self._untranslated, key=lambda entry: (entry[0].line, entry[0].field))
        return tuple(
            Mistake(
                file=place.file,
                line=place.line,
                field=place.field,
                note=Note(code="catalog.untranslated", facts={"language": language.value}),
            )
            for place, language in found
            if language in languages
        )

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def count(self) -> int:
        return len(self._found)

    @property
    def in_order(self) -> tuple[Mistake, ...]:
        """By file in the order in which the files were read, then by line."""
        files = list(dict.fromkeys(mistake.file for mistake in self._found))
        return tuple(sorted(self._found, key=lambda mistake: (files.index(mistake.file), mistake.line)))
