"""The page on which one answer is judged, and what its forms do."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from grader.domain.ids import SubmissionId
from grader.domain.result import Points
from grader.domain.review import Draft, Need, SavedCommentId
from grader.domain.submission import Decision
from grader.domain.text import Fact, Language, Note
from grader.errors import Conflict, InvalidRequest, NotFound
from grader.flow.people import Caller
from grader.flow.prompts import load_prompt_outputs, render_prompt
from grader.flow.review import POINTS_OR_ITEMS, Judgement, decide_points_together, override_together, withdraw
from grader.flow.review_desk import DeskQuery, Sheet, Walk, read_desk
from grader.flow.review_notes import Typed, forget_comment, forget_draft, keep_comment, read_comment, save_draft
from grader.rendering.attachments import read_attachments
from grader.rendering.images import Image
from grader.rendering.markdown import render_markdown
from grader.rendering.notebook import render_notebook
from grader.web.access import AppServices, PageCaller
from grader.web.errors import status_of
from grader.web.language import request_language
from grader.web.pages.notebook import Kept, address_images
from grader.web.pages.review_place import DeskPlace, Signposts, choices_of
from grader.web.pages.review_words import name_question, places_in, tell_check
from grader.web.security import own_path
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)

_ADDRESS = "/courses/{course}/review/{assignment}/{question}"
_FORMULA = 'class="math'
_PICTURE = "<img"
_NONE_MET = ""
"""What the form sends among the rubric's items to say that the answer meets none of them."""
_WITHDRAW = "withdraw"
_CALLED = 6
"""Characters of a submission's identifier: what an answer is called where names are hidden."""


@dataclass(frozen=True, kw_only=True)
class Filled:
    """The form as it was sent."""

    lead: SubmissionId
    """The one that was shown."""
    members: tuple[tuple[SubmissionId, int], ...]
    """Each author's submission, with how many decisions were there when the page was made."""
    items: tuple[str, ...] = ()
    """What was ticked: keys of the rubric's items, or _NONE_MET."""
    points: str = ""
    comment: str = ""
    reason: str = ""
    is_whole: bool = False
    """It is the form about the whole question, not the one about its written check."""
    go_on: str = "/"

    def judge(self, query: DeskQuery, *, points: Points | None, items: tuple[str, ...] | None) -> list[Judgement]:
        """Raises InvalidRequest: it is about nobody."""
        if not self.members:
            raise InvalidRequest(what="member", value="")
        return [
            Judgement(
                submission_id=submission_id,
                question_id=query.part.question_id,
                points=points,
                items=items,
                comment=self.comment.strip(),
                reason=self.reason.strip(),
                seen=seen,
            )
            for submission_id, seen in self.members
        ]


def _read_filled(
    lead: Annotated[str, Form()] = "",
    member: Annotated[list[str] | None, Form()] = None,
    item: Annotated[list[str] | None, Form()] = None,
    points: Annotated[str, Form()] = "",
    comment: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    whole: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002  # the field's name in every form
) -> Filled:
    members = []
    for each in member or ():
        submission_id, _, seen = each.partition(":")
        if not seen.isdecimal() or len(seen) > 6:
            raise InvalidRequest(what="member", value=each)
        members.append((SubmissionId(submission_id), int(seen)))
    if not (lead or members):
        raise InvalidRequest(what="member", value="")
    return Filled(
        lead=SubmissionId(lead) if lead else members[0][0],
        members=tuple(members),
        items=tuple(item or ()),
        points=points,
        comment=comment,
        reason=reason,
        is_whole=bool(whole),
        go_on=own_path(next),
    )


SentForm = Annotated[Filled, Depends(_read_filled)]


@dataclass(frozen=True, kw_only=True)
class _Errand:
    """What one press of a button asks for."""

    services: Services
    caller: Caller
    query: DeskQuery
    filled: Filled
    subject: str
    """What the button is about: a saved comment, or a decision."""

    @property
    def typed(self) -> Typed:
        part = self.query.part
        return Typed(
            submission_id=self.filled.lead,
            question_id=part.question_id,
            check_id=None if self.filled.is_whole else part.check_id,
            items=self.filled.items,
            points=self.filled.points,
            comment=self.filled.comment,
            reason=self.filled.reason,
        )

    @property
    def back(self) -> str:
        """The same answer."""
        return Signposts(query=self.query).to_answer(self.filled.lead)

    @property
    def onwards(self) -> str:
        """What comes next on this way; the result that somebody came from to correct it."""
        if self.query.part.need is Need.DECIDED:
            return f"/submissions/{self.filled.lead}#{self.query.part.question_id}"
        if self.query.walk is Walk.STUDENT:
            return self.filled.go_on
        return Signposts(query=self.query).to_rest(self.filled.lead)


@router.get(_ADDRESS)
def get_desk(request: Request, services: AppServices, caller: PageCaller, query: DeskPlace) -> Response:
    """One answer with all that it is judged by; without a submission the first that waits."""
    return _show(query, request=request, services=services, caller=caller)


@router.post(_ADDRESS)
def post_desk(
    request: Request,
    services: AppServices,
    caller: PageCaller,
    query: DeskPlace,
    filled: SentForm,
    act: Annotated[str, Form()] = "decide",
) -> Response:
    """Do what the pressed button says; what cannot be done is said above the form, which keeps what was typed."""
    verb, _, subject = act.partition(":")
    errand = _Errand(services=services, caller=caller, query=query, filled=filled, subject=subject)
    try:
        return _ACTS.get(verb, _decide)(errand)
    except (InvalidRequest, Conflict) as error:
        return _show(
            replace(query, submission_id=filled.lead),
            request=request,
            services=services,
            caller=caller,
            # What takes a decision back has no fields: what stands in the others is kept as a draft.
            filled=None if verb == _WITHDRAW else filled,
            error=error,
        )


def _decide(errand: _Errand) -> Response:
    """Give points by the rubric, or the number where one was typed."""
    check_id = errand.query.part.check_id
    if check_id is None:
        raise InvalidRequest(what="check")
    points = _read_points(errand.filled.points)
    items = _read_items(errand.filled.items) if points is None else None
    decide_points_together(
        errand.filled.judge(errand.query, points=points, items=items),
        caller=errand.caller,
        stores=errand.services.stores,
        assignments=errand.services.assignments,
        check_id=check_id,
    )
    forget_draft(errand.typed, caller=errand.caller, stores=errand.services.stores)
    return _go(errand.onwards)


def _override(errand: _Errand) -> Response:
    """Settle the whole question, whatever its checks say."""
    override_together(
        errand.filled.judge(errand.query, points=_read_points(errand.filled.points), items=None),
        caller=errand.caller,
        stores=errand.services.stores,
        assignments=errand.services.assignments,
    )
    forget_draft(replace(errand.typed, check_id=None), caller=errand.caller, stores=errand.services.stores)
    return _go(errand.onwards)


def _withdraw(errand: _Errand) -> Response:
    """Take a decision about the shown submission back."""
    query = replace(errand.query, submission_id=errand.filled.lead)
    services = errand.services
    sheet = read_desk(query, caller=errand.caller, stores=services.stores, assignments=services.assignments).sheet
    found = () if sheet is None else sheet.history
    decision = next((each for each in found if each.decision_id == errand.subject), None)
    if decision is None:
        raise NotFound(what="decision", name=errand.subject)
    seen = dict(errand.filled.members).get(errand.filled.lead)
    withdraw(decision, reason=errand.filled.reason.strip(), caller=errand.caller, stores=services.stores, seen=seen)
    return _go(errand.back)


def _keep_draft(errand: _Errand) -> Response:
    save_draft(errand.typed, caller=errand.caller, stores=errand.services.stores)
    return _go(errand.back)


def _autosave(errand: _Errand) -> Response:
    """The same for the script, which stays where it is."""
    typed = errand.typed
    seen = dict(errand.filled.members).get(typed.submission_id)
    save_draft(typed, caller=errand.caller, stores=errand.services.stores, seen=seen)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _keep_comment(errand: _Errand) -> Response:
    """Keep the typed comment for the team; the rest becomes a draft, so that nothing is lost on the way."""
    typed, stores = errand.typed, errand.services.stores
    keep_comment(
        typed.comment,
        submission_id=typed.submission_id,
        question_id=typed.question_id,
        caller=errand.caller,
        stores=stores,
    )
    return _keep_draft(errand)


def _insert_comment(errand: _Errand) -> Response:
    """Put one of the team's comments below what was typed."""
    stores = errand.services.stores
    words = read_comment(SavedCommentId(errand.subject), caller=errand.caller, stores=stores).text
    typed = errand.typed
    comment = "\n".join(filter(None, (typed.comment.strip(), words)))
    save_draft(replace(typed, comment=comment), caller=errand.caller, stores=stores)
    return _go(errand.back)


def _forget_comment(errand: _Errand) -> Response:
    forget_comment(SavedCommentId(errand.subject), caller=errand.caller, stores=errand.services.stores)
    return _keep_draft(errand)


_ACTS: Mapping[str, Callable[[_Errand], Response]] = {
    "decide": _decide,
    "override": _override,
    _WITHDRAW: _withdraw,
    "draft": _keep_draft,
    "autosave": _autosave,
    "keep": _keep_comment,
    "insert": _insert_comment,
    "forget": _forget_comment,
}


def _go(address: str) -> Response:
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def _read_points(typed: str) -> Points | None:
    """The number, in full-width digits too; None where nothing was typed."""
    text = unicodedata.normalize("NFKC", typed).strip()
    if not text:
        return None
    try:
        points = float(text)
    except ValueError as error:
        raise InvalidRequest(what="points", value=typed) from error
    return int(points) if points.is_integer() else points


def _read_items(ticked: tuple[str, ...]) -> tuple[str, ...] | None:
    """The items that are met, none where somebody said so; None where nothing was ticked, as by a slip of the keys."""
    if _NONE_MET not in ticked:
        return ticked or None
    if any(ticked):
        raise InvalidRequest(what=POINTS_OR_ITEMS)
    return ()


def _show(
    query: DeskQuery,
    *,
    request: Request,
    services: Services,
    caller: Caller,
    filled: Filled | None = None,
    error: InvalidRequest | Conflict | None = None,
) -> Response:
    stores = services.stores
    desk = read_desk(query, caller=caller, stores=stores, assignments=services.assignments)
    facts: dict[str, object] = {
        "course": desk.course,
        "role": caller.role_in(desk.course.course_id),
        "here": "review",
        "now": stores.clock.now(),
        "desk": desk,
        "signs": Signposts(query=query),
        "choices": choices_of(request),
        "name_of": lambda question: name_question(question, request_language(request)),
        "note": None if error is None else _tell(error),
        "overtaken": None if error is None else _read_overtaken(error.facts),
        "called": lambda submission_id: submission_id[:_CALLED],
        "has_formulas": False,
    }
    if desk.sheet is not None:
        facts |= _lay_out(desk.sheet, request_language(request), query=query, services=services)
        facts |= _fill(desk.sheet, filled)
    status = HTTPStatus.OK if error is None else status_of(error)
    return render_page("review_desk.html", request, caller=caller, status=status, facts=facts)


def _tell(error: InvalidRequest | Conflict) -> Note:
    """What is wrong in words of this page, where it has any."""
    what = error.facts.get("what")
    if what in ("points", "reason", "comment", "decision", "member", "rubric"):
        return Note(code=f"review_page.bad_{what}", facts={"most": error.facts.get("most", "")})
    if what == POINTS_OR_ITEMS:
        return Note(code="review_page.nothing_ticked")
    return error.note


def _read_overtaken(facts: Mapping[str, Fact]) -> tuple[str, datetime] | None:
    """Who was quicker, and when."""
    if not {"by", "at"} <= facts.keys():
        return None
    return str(facts["by"]), datetime.fromisoformat(str(facts["at"]))


@dataclass(frozen=True, kw_only=True)
class _Values:
    """What stands in a form."""

    items: Sequence[str] = ()
    points: str = ""
    comment: str = ""
    reason: str = ""


def _fill(sheet: Sheet, filled: Filled | None) -> Mapping[str, _Values]:
    """What stands in the form about the written check and in the one about the whole question."""
    is_whole = sheet.check is None or (filled is not None and filled.is_whole)
    given = None if sheet.decision is None else _given(sheet.decision)
    return {
        "typed": _choose(None if is_whole else filled, sheet.draft, None if sheet.check is None else given),
        "whole": _choose(filled if is_whole else None, sheet.draft_of_question, given if sheet.check is None else None),
    }


def _choose(sent: Filled | None, draft: Draft | None, given: _Values | None) -> _Values:
    """What was sent, or kept, or given before."""
    kept = sent or draft
    if kept is None:
        return given or _Values()
    return _Values(items=kept.items, points=kept.points, comment=kept.comment, reason=kept.reason)


def _given(decision: Decision) -> _Values:
    points = "" if decision.items is not None or decision.points is None else str(decision.points)
    items = (_NONE_MET,) if decision.items == () else decision.items or ()
    return _Values(items=items, points=points, comment=decision.comment)


def _tell_checks(sheet: Sheet, language: Language, *, query: DeskQuery, answer: str) -> list[Markup]:
    """What the checks of a question found that no rubric decides: those that wait, or all where that is not asked."""
    if sheet.check is not None or sheet.result is None:
        return []
    places = places_in(sheet.submission.submission_id, shown=answer, hides_names=query.is_anonymous)
    shown = [check for check in sheet.result.checks if check.pending or query.part.need is Need.DECIDED]
    return [tell_check(check, sheet.question, language, find=places.find) for check in shown]


def _lay_out(sheet: Sheet, language: Language, *, query: DeskQuery, services: Services) -> Mapping[str, object]:
    """The texts of the page as HTML."""
    outputs = load_prompt_outputs(sheet.run.version, stores=services.stores)
    prompt = render_prompt(sheet.question.prompt, outputs.get(sheet.question.question_id, {}))
    model = None if sheet.check is None else sheet.check.model_answer
    answer = _render_answer(sheet, language)
    shown = {
        "answer": answer,
        "prompt": _format(prompt.in_language(language), language),
        "model_answer": None if model is None else _format(model.in_language(language), language),
    }
    return {
        **shown,
        "told": _tell_checks(sheet, language, query=query, answer=answer),
        "has_formulas": any(_FORMULA in html for html in shown.values() if html is not None),
        "has_pictures": _PICTURE in answer,
    }


def _render_answer(sheet: Sheet, language: Language) -> Markup:
    """The cells that were taken for the answer; its words alone where there are none."""
    html = ""
    if sheet.executed is not None:
        html = render_notebook(
            sheet.executed,
            language=language,
            attachments={} if sheet.upload is None else _read_pictures(sheet, sheet.upload),
            image_address=address_images(sheet.submission.submission_id, Kept.EXECUTED),
            numbers=frozenset(sheet.cells),
        ).html
    if not html.strip() and sheet.written is not None:
        return _format(sheet.written.text, language)
    return Markup(html)  # noqa: S704  # the renderer's promise is safe HTML


def _read_pictures(sheet: Sheet, upload: bytes) -> Mapping[int, Mapping[str, Image]]:
    """By the names that the text has for them, where names are hidden too."""
    hide = sheet.anonymizer.hide
    return {
        place: {hide(name): image for name, image in images.items()}
        for place, images in read_attachments(upload).items()
    }


def _format(markdown: str, language: Language) -> Markup:
    return Markup(render_markdown(markdown, language=language))  # noqa: S704  # the renderer's promise is safe HTML
