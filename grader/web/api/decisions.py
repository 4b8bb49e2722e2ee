"""What people decide about submissions: points for written answers, with the rubrics they go by."""

from http import HTTPStatus

from fastapi import APIRouter

from grader.domain.ids import CheckId, QuestionId, SubmissionId
from grader.flow.review import Judgement, decide_points, history, list_deciders, read_rubrics
from grader.web.access import AppServices, SignedIn
from grader.web.api.schemas import DecisionIn, DecisionOut, Problem, RubricOut
from grader.web.language import RequestLanguage

router = APIRouter(
    prefix="/submissions/{submission_id}",
    tags=["decisions"],
    responses={401: {"model": Problem}, 403: {"model": Problem}, 404: {"model": Problem}, 422: {"model": Problem}},
)


@router.get("/rubrics")
def get_rubrics(
    submission_id: str, services: AppServices, caller: SignedIn, language: RequestLanguage
) -> list[RubricOut]:
    """What the written answers are judged by (staff)."""
    found = read_rubrics(
        SubmissionId(submission_id), caller=caller, stores=services.stores, assignments=services.assignments
    )
    return [RubricOut.of(question, check, language) for question, check in found]


@router.get("/decisions")
def get_decisions(submission_id: str, services: AppServices, caller: SignedIn) -> list[DecisionOut]:
    """What people decided, oldest first (staff)."""
    told = history(SubmissionId(submission_id), caller=caller, stores=services.stores)
    people = list_deciders(told, stores=services.stores)
    return [DecisionOut.of(decision, people[decision.decided_by]) for decision in told]


@router.post("/decisions", status_code=HTTPStatus.CREATED, responses={409: {"model": Problem}})
def post_decision(submission_id: str, body: DecisionIn, services: AppServices, caller: SignedIn) -> DecisionOut:
    """Give points for a written answer: by the rubric items that are met, or as a number (staff)."""
    judgement = Judgement(
        submission_id=SubmissionId(submission_id),
        question_id=QuestionId(body.question),
        points=body.points,
        items=None if body.items is None else tuple(body.items),
        comment=body.comment,
        reason=body.reason,
        seen=body.seen,
    )
    decision = decide_points(
        judgement,
        caller=caller,
        stores=services.stores,
        assignments=services.assignments,
        check_id=None if body.check is None else CheckId(body.check),
    )
    return DecisionOut.of(decision, caller.person)
