"""Answers as reviewers meet them: what is decided by one look stands together, and each has one who looks."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from grader.domain.ids import CheckId, OfferingId, PersonId, QuestionId, SubmissionId
from grader.domain.people import Member, Role
from grader.domain.result import Verdict
from grader.domain.review import Answer, Need
from grader.domain.submission import Decision, DecisionKind
from grader.flow.standing import valid_decisions

_NEEDS: Mapping[Verdict, Need] = {
    Verdict.NOT_FOUND: Need.NOT_FOUND,
    Verdict.SKIPPED: Need.SKIPPED,
    Verdict.NEEDS_GPU: Need.NEEDS_GPU,
    Verdict.NEEDS_PACKAGE: Need.NEEDS_PACKAGE,
}


class Part(NamedTuple):
    """What of a question is settled at once: a written check by its rubric, anything else for the whole question."""

    question_id: QuestionId
    need: Need
    check_id: CheckId | None
    """Of the written check."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Item:
    """Answers that are alike to the letter, none of them settled or all in the same way; each is only itself."""

    part: Part
    answers: tuple[Answer, ...]
    """One of each student, oldest first."""
    decision: Decision | None
    """What settled it."""

    @property
    def lead(self) -> Answer:
        """The one that is shown."""
        return self.answers[0]

    @property
    def offering_id(self) -> OfferingId:
        return self.lead.offering_id


Settled: TypeAlias = Mapping[tuple[SubmissionId, Part], Decision]


def part_of(answer: Answer) -> Part:
    """What an answer is settled with."""
    return _part(answer.question_id, answer.check_id, answer.kind, answer.verdict)


@lru_cache(maxsize=4096)
def _part(question_id: QuestionId, check_id: CheckId, kind: str, verdict: Verdict) -> Part:
    """Remembered: a queue is made of thousands of answers, and of some dozens of these."""
    if verdict is Verdict.NEEDS_REVIEW and kind == "written":
        return Part(question_id, Need.WRITTEN, check_id)
    return Part(question_id, _NEEDS.get(verdict, Need.DOUBT), None)


def find_settled(answers: Iterable[Answer], decisions: Mapping[SubmissionId, Sequence[Decision]]) -> Settled:
    """What settled each answer's part, of those that are settled.

    Args:
        answers: which.
        decisions: the history of each submission, oldest first.
    """
    settled = {}
    for answer in answers:
        part = part_of(answer)
        valid = [
            each
            for each in valid_decisions(decisions.get(answer.submission_id, ()))
            if each.question_id == part.question_id and each.kind.settles
        ]
        # An override settles the whole question, whatever was given for the words in it.
        found = next((each for each in valid if each.kind is DecisionKind.OVERRIDE), None) or next(
            (each for each in valid if part.check_id is not None and each.check_id == part.check_id), None
        )
        if found is not None:
            settled[answer.submission_id, part] = found
    return settled


def group_answers(answers: Iterable[Answer], settled: Settled) -> tuple[Item, ...]:
    """Items in the order of their first answers; several checks of a question that wait for the same are one."""
    grouped: dict[tuple[object, ...], dict[SubmissionId, Answer]] = {}
    found: dict[tuple[object, ...], tuple[Part, Decision | None]] = {}
    for answer in answers:
        part = part_of(answer)
        decision = settled.get((answer.submission_id, part)) if settled else None
        outcome = None if decision is None else (decision.kind, decision.points, decision.items, decision.comment)
        key = (answer.offering_id, part, _alike(answer, part), outcome)
        grouped.setdefault(key, {}).setdefault(answer.submission_id, answer)
        found.setdefault(key, (part, decision))
    return tuple(
        Item(part=found[key][0], answers=tuple(members.values()), decision=found[key][1])
        for key, members in grouped.items()
    )


def list_reviewers(roster: Iterable[Member]) -> tuple[PersonId, ...]:
    """Among whom the work is divided: the course's TAs, or its instructors where it has none."""
    present = [member.membership for member in roster if member.membership.left_at is None]
    for role in (Role.TA, Role.INSTRUCTOR):
        found = sorted(each.person_id for each in present if each.role is role)
        if found:
            return tuple(found)
    return ()


def reviewer_of(item: Item, reviewers: Sequence[PersonId]) -> PersonId | None:
    """Whose it is. The same for everybody who asks, as long as nobody comes or goes."""
    if not reviewers:
        return None
    whose = item.lead.person_id if len(item.answers) == 1 else _alike(item.lead, item.part)
    digest = hashlib.sha256("\0".join((item.offering_id, item.part.question_id, whose)).encode()).digest()
    return reviewers[int.from_bytes(digest[:8]) % len(reviewers)]


def _alike(answer: Answer, part: Part) -> str:
    """What answers have in common that are settled by one look; a picture is like no other."""
    if part.need is Need.NOT_FOUND or answer.code == "written.empty":
        return part.need.value
    if part.need is Need.WRITTEN and answer.text_hash is not None and not answer.has_attachments:
        return answer.text_hash
    return answer.submission_id
