"""What reviewers read of questions and checks, put together from texts of authors and sentences of the catalogues."""

from markupsafe import Markup

from grader.domain.assignment import Question, Visibility
from grader.domain.result import CheckResult
from grader.domain.text import Language
from grader.feedback.catalogue import sentence
from grader.feedback.visibility import visible_diagnosis, visible_finding
from grader.web.prose import mark_code


def name_question(question: Question, language: Language) -> str:
    """What people call it: its title, with its number where that does not say it."""
    title = question.title.in_language(language)
    return title if str(question.number) in title else f"{question.number}. {title}"


def tell_check(check: CheckResult, question: Question | None, language: Language) -> Markup:
    """What the student is told about a check."""
    visibility = Visibility.HINT if question is None else question.visibility
    notes = (visible_finding(check, visibility), visible_diagnosis(check, visibility))
    words = [sentence(note, language, visibility=visibility) for note in notes if note is not None]
    return mark_code(("" if language is Language.JA else " ").join(words))
