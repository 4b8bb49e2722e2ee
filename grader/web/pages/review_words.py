"""What reviewers read of questions and checks, put together from texts of authors and sentences of the catalogues."""

from markupsafe import Markup

from grader.domain.assignment import Question, Visibility
from grader.domain.ids import SubmissionId
from grader.domain.result import CheckResult
from grader.domain.text import Language
from grader.feedback.catalogue import point_out
from grader.feedback.visibility import visible_diagnosis, visible_finding
from grader.web.pages.notebook import Kept
from grader.web.prose import FindPlace, PagePlaces, find_cell_ids, link_places


def name_question(question: Question, language: Language) -> str:
    """What people call it: its title, with its number where that does not say it."""
    title = question.title.in_language(language)
    return title if str(question.number) in title else f"{question.number}. {title}"


def places_in(submission_id: SubmissionId, *, shown: str, hides_names: bool) -> PagePlaces:
    """Where reviewers find what a sentence names: in the cells that are `shown`, or on the page of all that ran.

    That one says whose it is.
    """
    notebook = None if hides_names else f"/submissions/{submission_id}/{Kept.EXECUTED}"
    return PagePlaces(cell_ids=find_cell_ids(shown), questions={}, notebook=notebook)


def tell_check(check: CheckResult, question: Question | None, language: Language, *, find: FindPlace) -> Markup:
    """What the student is told about a check; what it names is found by `find`."""
    visibility = Visibility.HINT if question is None else question.visibility
    notes = (visible_finding(check, visibility), visible_diagnosis(check, visibility))
    words = [point_out(note, language, visibility=visibility) for note in notes if note is not None]
    return link_places(("" if language is Language.JA else " ").join(words), find=find)
