"""What reviewers keep beside their decisions: drafts of their own, comments for the whole team."""

from dataclasses import dataclass

from grader.domain.ids import CheckId, QuestionId, SubmissionId
from grader.domain.review import Draft, SavedComment, SavedCommentId
from grader.domain.submission import Decision, DecisionKind
from grader.errors import InvalidRequest, NotFound
from grader.flow.names import new_id
from grader.flow.people import Caller
from grader.flow.ports import Stores
from grader.flow.review import check_reviewer

_LONGEST_COMMENT = 4000


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What stands in the form about one written check or a whole question, good or not."""

    submission_id: SubmissionId
    question_id: QuestionId
    check_id: CheckId | None
    items: tuple[str, ...] = ()
    points: str = ""
    comment: str = ""
    reason: str = ""


def save_draft(typed: Typed, *, caller: Caller, stores: Stores, seen: int | None = None) -> None:
    """Keep what the caller typed, in place of what was kept before.

    Args:
        typed: good or not.
        caller: who typed it.
        stores: where it goes.
        seen: how many decisions about the question the caller had before them. Words that were on their way while the
            caller decided just this are no draft any more; None keeps them whatever was decided.

    Raises:
        NotFound: no such submission, or not for the caller.
        Forbidden: the caller is not staff of the course.
    """
    draft = Draft(
        person_id=caller.person.person_id,
        submission_id=typed.submission_id,
        question_id=typed.question_id,
        check_id=typed.check_id,
        items=typed.items,
        points=typed.points,
        comment=typed.comment,
        reason=typed.reason,
        saved_at=stores.clock.now(),
    )
    with stores.storage.writing() as tx:
        check_reviewer(tx, typed.submission_id, caller)
        about = [each for each in tx.decisions.list_of(typed.submission_id) if each.question_id == typed.question_id]
        if seen is not None and any(_is_made_of(draft, each) for each in about[seen:]):
            return
        tx.reviews.put_draft(draft)


def _is_made_of(draft: Draft, decision: Decision) -> bool:
    """Has the draft's author settled with the decision what the draft is about?"""
    is_about = decision.check_id in (None, draft.check_id) and decision.kind is not DecisionKind.COMMENT
    return is_about and decision.decided_by == draft.person_id


def forget_draft(typed: Typed, *, caller: Caller, stores: Stores) -> None:
    """Drop the caller's own: it became a decision."""
    with stores.storage.writing() as tx:
        tx.reviews.forget_draft(
            caller.person.person_id,
            submission_id=typed.submission_id,
            question_id=typed.question_id,
            check_id=typed.check_id,
        )


def keep_comment(
    text: str, *, submission_id: SubmissionId, question_id: QuestionId, caller: Caller, stores: Stores
) -> None:
    """Keep words for everybody who reviews the question in this course; the same ones are kept once.

    Raises:
        NotFound: no such submission, or not for the caller.
        Forbidden: the caller is not staff of the course.
        InvalidRequest: there are no words, or too many.
    """
    words = text.strip()
    if not 0 < len(words) <= _LONGEST_COMMENT:
        raise InvalidRequest(what="comment", value=words[:40], most=_LONGEST_COMMENT)
    with stores.storage.writing() as tx:
        check_reviewer(tx, submission_id, caller)
        offering_id = tx.submissions.get(submission_id).offering_id
        known = tx.reviews.list_comments(offering_id, question_id=question_id)
        if any(each.text == words for each in known):
            return
        tx.reviews.add_comment(
            SavedComment(
                comment_id=SavedCommentId(new_id()),
                offering_id=offering_id,
                question_id=question_id,
                text=words,
                created_by=caller.person.person_id,
                created_at=stores.clock.now(),
            )
        )


def read_comment(comment_id: SavedCommentId, *, caller: Caller, stores: Stores) -> SavedComment:
    """One of the team's. Raises NotFound: there is none, or not for the caller."""
    with stores.storage.reading() as tx:
        found = tx.reviews.find_comment(comment_id)
        if found is None or not caller.is_staff_in(tx.offerings.get(found.offering_id).course_id):
            raise NotFound(what="comment", name=comment_id)
    return found


def forget_comment(comment_id: SavedCommentId, *, caller: Caller, stores: Stores) -> None:
    """Take it away for the whole team; what students were told stays. Raises as `read_comment` does."""
    read_comment(comment_id, caller=caller, stores=stores)
    with stores.storage.writing() as tx:
        tx.reviews.forget_comment(comment_id)
