"""Where a mistake stands in a file, and the list that gathers all of them."""

from dataclasses import dataclass

from grader.domain.text import Fact, Note
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

    def add(self, code: str, *, at: Place, **facts: Fact) -> None:
        note = Note(code=f"catalog.{code}", facts=facts)
        mistake = Mistake(file=at.file, line=at.line, field=at.field, note=note)
        if mistake not in self._found:  # an alias shows the same node twice
            self._found.append(mistake)

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
