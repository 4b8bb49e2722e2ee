"""A bundle of files into an assignment with its reference, or every mistake in them at once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.catalog.bundle import REFERENCE_FILE, Bundle
from grader.catalog.checks import WRITTEN
from grader.catalog.data import DataFiles, read_data
from grader.catalog.mistakes import MistakeList, Place
from grader.catalog.paths import SPEC_FILE
from grader.catalog.positions import read_yaml
from grader.catalog.shown import shown_expressions, wanted_of
from grader.catalog.spec import QuestionSpec, Spec, read_spec
from grader.catalog.version import version_of
from grader.domain.assignment import Assignment, Question
from grader.domain.gaps import find_gaps
from grader.domain.ids import QuestionId
from grader.domain.location import FoundBy, LocatedAnswer, Location, Wanted
from grader.domain.notebook import CellKind, Notebook
from grader.domain.python import parse_python
from grader.domain.text import Language, Note, Text
from grader.errors import InvalidAssignment, Mistake, NotebookRefused
from grader.notebook.locate import locate
from grader.notebook.read import read

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MAX_SLUG_CHARACTERS = 60
_HEADED = (FoundBy.TAG, FoundBy.HEADING, FoundBy.MARKER)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """An assignment and what its author wrote around it."""

    assignment: Assignment
    reference: Notebook
    location: Location
    """Where the reference answers each question."""
    wanted: tuple[Wanted, ...]
    """What `locate` may know of each question when it reads a student's notebook."""
    prompt_expressions: Mapping[QuestionId, tuple[str, ...]]
    """The code in `{{ }}` of each question's prompts, in order, each once; publishing puts in what it prints."""
    bundle: Bundle
    languages: tuple[Language, ...] = tuple(Language)
    """The languages its texts are to have."""
    untranslated: tuple[Mistake, ...] = ()
    """Texts that lack one of them; the other stands in, so these are no mistakes."""
    notes: Text | None = None
    """The author's, for other authors."""
    accepted: Mapping[str, str] = field(default_factory=dict)
    """Survivors of the self-test that may stay: why, by mutant."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """Where each question and check stands in the YAML: 'q1', 'q1/value-2'."""

    def place(self, findings: Sequence[Note]) -> tuple[Mistake, ...]:
        """What running the reference found, each with file, line and field.

        A finding without a question of its own belongs to the one before it, or else to the cell that it names.
        """
        top = place = Place(file=self.bundle.shown_name(SPEC_FILE), line=1)
        reference = Place(file=self.bundle.shown_name(REFERENCE_FILE), line=1)
        mistakes = []
        for note in findings:
            if "question" in note.facts:
                question, check = note.facts["question"], note.facts.get("check")
                place = self.places.get(f"{question}/{check}", self.places.get(str(question), top))
            elif "cell" in note.facts and place is top:
                place = reference  # it did not run to its end, and no check was asked
            mistakes.append(Mistake(file=place.file, line=place.line, field=place.field, note=note))
        return tuple(mistakes)


def parse(bundle: Bundle) -> Loaded:
    """Read an assignment's files.

    Raises:
        InvalidAssignment: with every mistake in the YAML and the reference, each with file, line and field.
    """
    mistakes = MistakeList()
    top = Place(file=bundle.shown_name(SPEC_FILE), line=1)
    if not _SLUG.fullmatch(bundle.slug) or len(bundle.slug) > _MAX_SLUG_CHARACTERS:
        mistakes.add("slug", at=top, slug=bundle.slug[:200], limit=_MAX_SLUG_CHARACTERS)
    spec, data = _read_spec(bundle, top=top, mistakes=mistakes)
    reference = _read_reference(bundle, mistakes=mistakes)
    if spec is None or reference is None:
        raise InvalidAssignment(mistakes.in_order)
    questions = [_as_question(question) for question in spec.questions]
    location = locate(reference, wanted_of(questions, shown={}))
    _compare_with_reference(spec.questions, location=location, bundle=bundle, mistakes=mistakes)
    questions = [
        _with_model_answer(
            _with_prompt(question, spec=written, reference=reference, location=location, mistakes=mistakes),
            reference=reference,
            location=location,
        )
        for question, written in zip(questions, spec.questions, strict=True)
    ]
    expressions = {
        question.question_id: _expressions_in(question.prompt, at=written.prompt_place, mistakes=mistakes)
        for question, written in zip(questions, spec.questions, strict=True)
    }
    if mistakes or spec.title is None:
        raise InvalidAssignment(mistakes.in_order)
    version = version_of(
        questions,
        slug=bundle.slug,
        reference=reference,
        location=location,
        limits=spec.limits,
        device=spec.device,
        data=data,
    )
    return Loaded(
        assignment=Assignment(
            slug=bundle.slug,
            title=spec.title,
            version=version,
            questions=tuple(questions),
            limits=spec.limits,
            device=spec.device,
            files=data.files,
        ),
        reference=reference,
        location=location,
        wanted=wanted_of(questions, shown=shown_expressions(questions, reference=reference, location=location)),
        prompt_expressions={question_id: found for question_id, found in expressions.items() if found},
        bundle=bundle,
        languages=spec.languages,
        untranslated=mistakes.list_untranslated(spec.languages),
        notes=spec.notes,
        accepted=spec.accepted,
        places={name: place for question in spec.questions for name, place in _places_in(question)},
    )


def _places_in(question: QuestionSpec) -> Iterator[tuple[str, Place]]:
    yield question.question_id, question.place
    for check_id, place in question.check_places.items():
        yield f"{question.question_id}/{check_id}", place


def _read_spec(bundle: Bundle, *, top: Place, mistakes: MistakeList) -> tuple[Spec | None, DataFiles]:
    data = bundle.files.get(SPEC_FILE)
    if data is None:
        mistakes.add("file_missing", at=top, name=SPEC_FILE)
        return None, DataFiles()
    root = read_yaml(data, file=top.file, mistakes=mistakes)
    if root is None:
        return None, DataFiles()
    files = read_data(root, bundle=bundle, mistakes=mistakes)
    return read_spec(root, arrays=files.arrays, mistakes=mistakes), files


def _read_reference(bundle: Bundle, *, mistakes: MistakeList) -> Notebook | None:
    top = Place(file=bundle.shown_name(REFERENCE_FILE), line=1)
    data = bundle.files.get(REFERENCE_FILE)
    if data is None:
        mistakes.add("file_missing", at=top, name=REFERENCE_FILE)
        return None
    try:
        return read(data)
    except NotebookRefused as error:
        mistakes.add("reference_refused", at=top, reason=error.reason)
        return None


def _as_question(spec: QuestionSpec) -> Question:
    return Question(
        question_id=spec.question_id,
        number=spec.number,
        title=spec.title,
        prompt=spec.prompt or Text("", ""),
        checks=spec.checks,
        visibility=spec.visibility,
        follow_through=spec.follow_through,
    )


def _compare_with_reference(
    questions: Sequence[QuestionSpec], *, location: Location, bundle: Bundle, mistakes: MistakeList
) -> None:
    """The reference has to answer every question under a heading of its own, in code where code is checked."""
    top = Place(file=bundle.shown_name(REFERENCE_FILE), line=1)
    for question in questions:
        answer = location.answers[question.question_id]
        place = replace(top, path=question.place.path)
        if answer.found_by not in _HEADED:
            mistakes.add("reference_without_heading", at=place, number=question.number)
        elif not answer.code_cells and any(check.kind != WRITTEN for check in question.checks):
            mistakes.add("reference_without_code", at=place, number=question.number)


def _with_prompt(
    question: Question, *, spec: QuestionSpec, reference: Notebook, location: Location, mistakes: MistakeList
) -> Question:
    """The question, its prompt taken from the reference's Markdown where the YAML has none."""
    if spec.has_prompt:
        return question
    words = _words_before_code(reference, location.answers[question.question_id])
    if not words:
        mistakes.add("prompt_missing", at=spec.place, number=question.number)
        return question
    return replace(question, prompt=Text(words, words))


def _with_model_answer(question: Question, *, reference: Notebook, location: Location) -> Question:
    """The question; the reference's Markdown below its code is the model answer where the YAML has none."""
    written = next((check for check in question.checks if check.kind == WRITTEN), None)
    words = "" if written is None else _words_after_code(reference, location.answers[question.question_id])
    if written is None or written.model_answer is not None or not words:
        return question
    answered = replace(written, model_answer=Text(words, words))
    return replace(question, checks=tuple(answered if check is written else check for check in question.checks))


def _words_after_code(reference: Notebook, answer: LocatedAnswer) -> str:
    first = min(answer.code_cells, default=len(reference.cells))
    cells = (cell for cell in reference.cells if cell.index in answer.markdown_cells and cell.index > first)
    return "\n\n".join(cell.source.strip() for cell in cells if cell.kind is CellKind.MARKDOWN)


def _words_before_code(reference: Notebook, answer: LocatedAnswer) -> str:
    """The Markdown between a question's heading and its first code cell; what follows is the model answer."""
    end = min(answer.code_cells, default=len(reference.cells))
    cells = [
        cell.source
        for cell in reference.cells
        if cell.index in answer.markdown_cells and cell.index < end and cell.kind is CellKind.MARKDOWN
    ]
    heading, _, below = (cells[0] if cells else "").strip().partition("\n")
    words = below if answer.found_by is FoundBy.HEADING else f"{heading}\n{below}"
    return "\n\n".join(part for part in (words.strip(), *(cell.strip() for cell in cells[1:])) if part)


def _expressions_in(prompt: Text, *, at: Place, mistakes: MistakeList) -> tuple[str, ...]:
    found = [gap.expression for text in (prompt.ja, prompt.en) for gap in find_gaps(text)]
    for expression in dict.fromkeys(found):
        if not expression or parse_python(expression) is None:
            mistakes.add("prompt_expression", at=at, expression=expression[:200])
    return tuple(dict.fromkeys(found))
