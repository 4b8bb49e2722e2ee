"""What reviewing needs of the database, as Protocols; `ports.Transaction` has one of each."""

from typing import Protocol

from grader.domain.ids import CheckId, OfferingId, PersonId, QuestionId, SubmissionId
from grader.domain.review import Answer, AnswerScope, Draft, Failure, SavedComment, SavedCommentId, Ungraded
from grader.domain.submission import Decision


class Reviews(Protocol):
    """Answers that need a person, and what reviewers keep for themselves and for each other."""

    def list_waiting(self, scope: AnswerScope) -> tuple[Answer, ...]:
        """What nobody has settled yet, in no order."""

    def list_answers(self, scope: AnswerScope, question_id: QuestionId) -> tuple[Answer, ...]:
        """Every written check of the question and whatever else of it waits or waited, oldest first."""

    def list_answers_of(self, scope: AnswerScope, submission_id: SubmissionId) -> tuple[Answer, ...]:
        """The same of all questions of one submission, in the assignment's order."""

    def list_ungraded(self, scope: AnswerScope) -> tuple[Ungraded, ...]:
        """Oldest first."""

    def list_decisions(self, scope: AnswerScope, question_id: QuestionId) -> tuple[Decision, ...]:
        """All about the question of submissions that count, oldest first for each."""

    def list_same(self, scope: AnswerScope, failure: Failure) -> tuple[SubmissionId, ...]:
        """The submissions that count in which the run found just this."""

    def put_draft(self, draft: Draft) -> None:
        """The person's earlier one about this answer is gone."""

    def list_drafts(self, submission_id: SubmissionId, *, question_id: QuestionId) -> tuple[Draft, ...]:
        """Everybody's, about the question and each of its checks, the newest first."""

    def forget_draft(
        self, person_id: PersonId, *, submission_id: SubmissionId, question_id: QuestionId, check_id: CheckId | None
    ) -> None: ...

    def add_comment(self, comment: SavedComment) -> None: ...

    def list_comments(self, offering_id: OfferingId, *, question_id: QuestionId) -> tuple[SavedComment, ...]:
        """Oldest first."""

    def find_comment(self, comment_id: SavedCommentId) -> SavedComment | None: ...

    def forget_comment(self, comment_id: SavedCommentId) -> None: ...
