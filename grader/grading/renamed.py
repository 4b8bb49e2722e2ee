"""Which variable of the student's holds the right value where the name that was asked for does not exist."""

from collections.abc import Mapping
from dataclasses import dataclass

from grader.domain.values import Value
from grader.grading.answers import RightAnswers

_MAX_TRIED = 8
"""Whoever binds more names than this in one question may be guessing."""


@dataclass(frozen=True, kw_only=True)
class Namesake:
    """A variable with the right value under another name."""

    name: str
    is_convincing: bool
    """No other variable holds it, and there were few to choose from: a person should look before this is a zero."""


def find_namesake(
    values: Mapping[str, Value], *, asked: str, right: RightAnswers, reference: Mapping[str, Value]
) -> Namesake | None:
    """Find the variable that was meant; None where none has the right value.

    A name that holds the right value in the reference too, beside the one that was asked for, is no answer: it was
    given, or stands on the way to it.

    Args:
        values: what the question's own cells bind, without the name that was asked for.
        asked: that name; one that differs from it in case alone is told first.
        right: the answers.
        reference: what the reference's cells of this question bind.
    """
    fitting = [
        name
        for name, value in values.items()
        if right.accept(value) and not (name in reference and right.accept(reference[name]))
    ]
    if not fitting:
        return None
    told = min(fitting, key=lambda name: name.casefold() != asked.casefold())
    return Namesake(name=told, is_convincing=len(fitting) == 1 and len(values) <= _MAX_TRIED)
