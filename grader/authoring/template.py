"""The notebook that students start from: the reference with its solutions taken out, and the questions' prompts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.authoring.notebook_file import WrittenCell, as_ipynb
from grader.domain.assignment import Question
from grader.domain.ids import QuestionId
from grader.domain.location import Location
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.text import Fact, Language, Note
from grader.errors import MarkerAlone
from grader.feedback.catalogue import sentence

_REGION = re.compile(r"^(?P<indent>\s*)#+\s*(?P<edge>BEGIN|END)\s+(?P<what>SOLUTION|HIDDEN TESTS)\b", re.IGNORECASE)
"""nbgrader's markers, with any number of #."""


@dataclass(frozen=True, kw_only=True)
class _Region:
    """Lines from a BEGIN to its END, both included, counted from 0."""

    first: int
    last: int
    indent: str
    is_solution: bool


def make_template(
    reference: Notebook,
    *,
    location: Location,
    questions: Sequence[Question],
    prompts: Mapping[QuestionId, str],
    title: str,
    language: Language,
) -> bytes:
    """Write the student's notebook.

    Code outside all questions stays. A question's code is replaced by an empty cell; where it has regions between
    `### BEGIN SOLUTION` and `### END SOLUTION`, only these are taken out. Markdown of the reference, which holds model
    answers, stays out: every question shows its prompt instead.

    Args:
        reference: the author's solution.
        location: where it answers each question.
        questions: in order.
        prompts: each question's prompt in the language, as students read it.
        title: the assignment's.
        language: of headings and of the places to fill in.

    Raises:
        MarkerAlone: a region does not end, or ends without having begun.
    """
    cells = [WrittenCell(kind=CellKind.MARKDOWN, source=f"# {title}")]
    by_index = {cell.index: cell for cell in reference.cells}
    answered: set[QuestionId] = set()
    for cell in reference.code_cells:
        owner = location.question_of(cell.index)
        if owner is None:
            cells.append(WrittenCell(kind=CellKind.CODE, source=_without_regions(cell, language)))
            continue
        for question in questions:
            # Questions of words alone have no code cell; they come where their number puts them.
            if question.question_id in answered or question.number > _number(questions, owner):
                continue
            answered.add(question.question_id)
            own = [by_index[index] for index in location.answers[question.question_id].code_cells]
            cells.extend(_question_cells(question, own, prompt=prompts[question.question_id], language=language))
    for question in questions:
        if question.question_id not in answered:
            cells.extend(_question_cells(question, [], prompt=prompts[question.question_id], language=language))
    return as_ipynb(cells)


def _number(questions: Sequence[Question], question_id: QuestionId) -> int:
    return next(question.number for question in questions if question.question_id == question_id)


def _question_cells(
    question: Question, own: Sequence[Cell], *, prompt: str, language: Language
) -> Iterator[WrittenCell]:
    facts: dict[str, Fact] = {"number": question.number, "points": question.points}
    label = sentence(Note(code="template.label", facts=facts), language)
    title = question.title.in_language(language)
    heading = label if title == label else f"{label} {title}"
    worth = sentence(Note(code="template.points", facts=facts), language)
    # The points stand in the heading: a line of its own would be taken for words of the student's.
    yield WrittenCell(kind=CellKind.MARKDOWN, source=f"## {heading} {worth}\n\n{prompt.strip()}")
    if any(check.kind != "written" for check in question.checks):
        with_regions = [cell for cell in own if _regions(cell)]
        for cell in own if with_regions else ():
            yield WrittenCell(kind=CellKind.CODE, source=_without_regions(cell, language))
        if not with_regions:
            yield WrittenCell(kind=CellKind.CODE, source=sentence(Note(code="template.code"), language))
    if any(check.kind == "written" for check in question.checks):
        yield WrittenCell(kind=CellKind.MARKDOWN, source=sentence(Note(code="template.words"), language))


def _without_regions(cell: Cell, language: Language) -> str:
    lines = cell.source.split("\n")
    for region in reversed(_regions(cell)):
        blank = f"{region.indent}pass  {sentence(Note(code='template.code'), language)}"
        lines[region.first : region.last + 1] = [blank] if region.is_solution else []
    return "\n".join(lines)


def _regions(cell: Cell) -> list[_Region]:
    """The marked regions of a cell, in order.

    Raises:
        MarkerAlone: a marker stands alone.
    """
    found: list[_Region] = []
    opened: tuple[int, re.Match[str]] | None = None
    for number, line in enumerate(cell.source.split("\n")):
        marker = _REGION.match(line)
        if marker is None:
            continue
        begins = marker["edge"].upper() == "BEGIN"
        if begins == (opened is not None):
            raise MarkerAlone(cell=cell.number, line=number + 1)
        if begins:
            opened = (number, marker)
        elif opened is not None:
            first, begin = opened
            is_solution = begin["what"].upper() == "SOLUTION"
            found.append(_Region(first=first, last=number, indent=begin["indent"], is_solution=is_solution))
            opened = None
    if opened is not None:
        raise MarkerAlone(cell=cell.number, line=opened[0] + 1)
    return found
