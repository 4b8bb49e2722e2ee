"""Where a reviewer is: the addresses of answers, and what is kept in the browser about how they are shown."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar
from urllib.parse import urlencode

from fastapi import Depends, Request

from grader.domain.ids import CheckId, QuestionId, SubmissionId
from grader.domain.review import Need
from grader.flow.review_desk import DeskQuery, Stop, Walk
from grader.flow.review_items import Part


class Whose(StrEnum):
    ALL = "all"
    OWN = "own"
    """The reader's share."""


class Names(StrEnum):
    SHOWN = "shown"
    HIDDEN = "hidden"


class Keys(StrEnum):
    """Do digits on the keyboard tick the rubric's items?"""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a reviewer chose for this browser."""

    NAMES_COOKIE: ClassVar[str] = "review-names"
    KEYS_COOKIE: ClassVar[str] = "review-keys"

    names: Names = Names.SHOWN
    keys: Keys = Keys.ON


def choices_of(request: Request) -> Choices:
    """What was chosen; nonsense in a cookie is passed over."""
    names, keys = (request.cookies.get(name, "") for name in (Choices.NAMES_COOKIE, Choices.KEYS_COOKIE))
    return Choices(
        names=Names(names) if names in tuple(Names) else Names.SHOWN,
        keys=Keys(keys) if keys in tuple(Keys) else Keys.ON,
    )


def _read_place(
    course: str,
    assignment: str,
    question: str,
    request: Request,
    need: Need = Need.WRITTEN,
    check: str | None = None,
    submission: str | None = None,
    after: str | None = None,
    walk: Walk = Walk.QUESTION,
    whose: Whose = Whose.ALL,
) -> DeskQuery:
    return DeskQuery(
        course=course,
        assignment=assignment,
        part=Part(QuestionId(question), need, None if check is None else CheckId(check)),
        submission_id=None if submission is None else SubmissionId(submission),
        after=None if after is None else SubmissionId(after),
        walk=walk,
        only_own=whose is Whose.OWN,
        is_anonymous=choices_of(request).names is Names.HIDDEN,
    )


DeskPlace = Annotated[DeskQuery, Depends(_read_place)]


def address_of_part(root: str, part: Part, *, whose: Whose = Whose.ALL, **more: str) -> str:
    """Of what waits for one reason of one question.

    Args:
        root: of the assignment's review pages.
        part: the question and why.
        whose: on whose answers to go on.
        more: 'submission', 'after' and 'walk'.
    """
    named = {"need": part.need.value, **({} if part.check_id is None else {"check": part.check_id}), **more}
    if whose is not Whose.ALL:
        named["whose"] = whose.value
    return f"{root}/{part.question_id}?{urlencode(named)}"


@dataclass(frozen=True, kw_only=True)
class Signposts:
    """The addresses around one answer."""

    query: DeskQuery

    @property
    def queue(self) -> str:
        return f"/courses/{self.query.course}/review"

    @property
    def root(self) -> str:
        return f"{self.queue}/{self.query.assignment}"

    def to_stop(self, stop: Stop) -> str:
        """Another answer, on the same way."""
        return self._address(stop.part, submission=stop.submission_id, walk=self.query.walk.value)

    def to_answer(self, submission_id: SubmissionId, walk: str | None = None) -> str:
        """An answer to the same question, on the same way or another."""
        return self._address(self.query.part, submission=submission_id, walk=walk or self.query.walk.value)

    def to_rest(self, submission_id: SubmissionId) -> str:
        """The first that waits after this one."""
        return self._address(self.query.part, after=submission_id)

    def _address(self, part: Part, **more: str) -> str:
        return address_of_part(self.root, part, whose=Whose.OWN if self.query.only_own else Whose.ALL, **more)
