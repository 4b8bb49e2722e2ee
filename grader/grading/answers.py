"""One value beside several right answers: any that agrees will do, the nearest decides what is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from grader.domain.values import Value
from grader.grading.compare import Rung, Tolerance
from grader.grading.difference import Difference, find_difference


@dataclass(frozen=True, kw_only=True)
class RightAnswers:
    """The answers that count as right, and how exactly."""

    answers: Sequence[Value]
    """At least one; of two that are equally near the first is told."""
    tolerance: Tolerance
    ignore: frozenset[Rung] = frozenset()

    def accept(self, actual: Value) -> bool:
        """Whether it is one of them."""
        return self.find_difference(actual) is None

    def find_difference(self, actual: Value) -> Difference | None:
        """None where the value agrees with one of the answers, else its difference from the nearest."""
        found: list[Difference] = []
        for answer in self.answers:
            difference = find_difference(actual=actual, expected=answer, tolerance=self.tolerance, ignore=self.ignore)
            if difference is None:
                return None
            found.append(difference)
        return max(found, key=_nearness)


def _nearness(difference: Difference) -> tuple[bool, float]:
    """An answer of which only the form is wrong is nearer than one with wrong numbers; of those the share counts."""
    has_right_numbers = difference.rung is not None and difference.rung is not Rung.VALUES
    return has_right_numbers, -1.0 if difference.share is None else difference.share
