"""What testing a spec against its own reference came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from grader.domain.ids import EnvironmentHash, QuestionId, VersionHash
from grader.domain.text import Fact, Note


class Fate(StrEnum):
    """What became of a mutant. Only survivors are somebody's business."""

    KILLED = "killed"
    """It loses points in the question that it breaks."""
    REVIEWED = "reviewed"
    """It earns no points by itself: a person has to look."""
    EQUIVALENT = "equivalent"
    """It does exactly what the reference does, wherever one can look."""
    ACCEPTED = "accepted"
    """It survives, and the author has written down why that is right."""
    SURVIVED = "survived"
    """It earns what the reference earns."""


@dataclass(frozen=True, kw_only=True)
class MutantReport:
    """One mutant and what became of it."""

    mutant_id: str
    question_id: QuestionId
    operator: str
    facts: Mapping[str, Fact]
    diff: str
    fate: Fate
    reason: str | None = None
    """The author's, where it is accepted."""
    spilled: tuple[QuestionId, ...] = ()
    """Other questions that lost points through it."""

    @property
    def note(self) -> Note:
        """The sentence that a survivor deserves."""
        return Note(code=f"mutant.{self.operator}", facts=self.facts)

    @property
    def spill(self) -> Note:
        """The sentence that one deserves which costs points elsewhere, too."""
        others: list[Fact] = [str(question_id) for question_id in self.spilled]
        facts: dict[str, Fact] = {"question": self.question_id, "id": self.mutant_id, "others": others}
        return Note(code="selftest.spills", facts=facts)


@dataclass(frozen=True, kw_only=True)
class SelfTestReport:
    """One self-test of one version."""

    version: VersionHash
    environment: EnvironmentHash
    faults: tuple[Note, ...]
    """What makes the spec wrong: right answers that lose points, empty ones that earn some."""
    remarks: tuple[Note, ...]
    """What an author should know besides: decisions about mutants that do not exist (any more)."""
    mutants: tuple[MutantReport, ...]
    tried: tuple[str, ...]
    """Names of the right and the empty notebooks that were graded: 'renamed', 'equivalents/other.ipynb', ..."""

    def count(self, fate: Fate) -> int:
        return sum(mutant.fate is fate for mutant in self.mutants)

    def summary(self, slug: str) -> Note:
        """The whole in one sentence."""
        counts: dict[str, Fact] = {fate.value: self.count(fate) for fate in Fate}
        facts = {**counts, "caught": counts[Fate.KILLED.value], "total": len(self.mutants), "slug": slug}
        return Note(code="selftest.summary", facts=facts)

    @property
    def survivors(self) -> tuple[MutantReport, ...]:
        return tuple(mutant for mutant in self.mutants if mutant.fate is Fate.SURVIVED)

    @property
    def spilling(self) -> tuple[MutantReport, ...]:
        """Mutants that cost points twice, which follow-through should prevent.

        One that is noticed only in a later question is a survivor: it is noticed in the wrong place.
        """
        noticed = (Fate.KILLED, Fate.REVIEWED)
        return tuple(mutant for mutant in self.mutants if mutant.spilled and mutant.fate in noticed)

    @property
    def warns(self) -> bool:
        return bool(self.survivors or self.spilling)
