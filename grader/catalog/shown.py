"""What a question's answer looks like in code: how `locate` may recognise one that stands under no heading."""

import ast
from collections.abc import Iterator, Mapping, Sequence

from grader.domain.assignment import Question
from grader.domain.ids import QuestionId
from grader.domain.location import Location, Wanted
from grader.domain.notebook import Notebook
from grader.domain.python import parse_python
from grader.notebook.magics import plain_python


def wanted_of(questions: Sequence[Question], *, shown: Mapping[QuestionId, tuple[str, ...]]) -> tuple[Wanted, ...]:
    """Tell `locate` of each question: its number, the names and expressions of an answer, and its prompt.

    Args:
        questions: in the assignment's order.
        shown: expressions the reference shows, as `shown_expressions` found them; {} while they are not known.
    """
    return tuple(
        Wanted(
            question_id=question.question_id,
            number=question.number,
            names=_unique(name for check in question.checks for name in check.logic.answer_names),
            patterns=_unique(
                (
                    *(pattern for check in question.checks for pattern in check.logic.answer_patterns),
                    *shown.get(question.question_id, ()),
                )
            ),
            prompts=_unique(text for text in (question.prompt.ja, question.prompt.en) if text),
        )
        for question in questions
    )


def shown_expressions(
    questions: Sequence[Question], *, reference: Notebook, location: Location
) -> Mapping[QuestionId, tuple[str, ...]]:
    """Expressions that the reference prints or ends a cell with, for questions whose answer binds no name.

    An expression that two questions show tells neither from the other and is left out.
    """
    sources = {cell.index: plain_python(cell.source) for cell in reference.code_cells}
    found: dict[QuestionId, tuple[str, ...]] = {}
    for question in questions:
        if any(check.logic.answer_names for check in question.checks):
            continue
        cells = location.answers[question.question_id].code_cells
        found[question.question_id] = _unique(shown for index in cells for shown in _shown_in(sources[index]))
    everything = [expression for expressions in found.values() for expression in expressions]
    return {
        question_id: tuple(expression for expression in expressions if everything.count(expression) == 1)
        for question_id, expressions in found.items()
    }


def _shown_in(source: str) -> Iterator[str]:
    tree = parse_python(source)
    statements = tree.body if tree is not None else []  # broken code fails when publishing runs it
    for statement in statements:
        if not isinstance(statement, ast.Expr):
            continue
        value = statement.value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("print", "display"):
            yield from (ast.unparse(argument) for argument in value.args if _tells_something(argument))
        elif statement is statements[-1] and _tells_something(value):
            yield ast.unparse(value)


def _tells_something(expression: ast.expr) -> bool:
    """Whether it is more than a bare name or a literal, which stand in any notebook."""
    return isinstance(expression, (ast.Subscript, ast.Attribute, ast.Call))


def _unique(texts: "Iterator[str] | Sequence[str]") -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
