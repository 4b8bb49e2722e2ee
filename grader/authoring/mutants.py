"""The reference with one mistake each: what a spec must tell from the right answer."""

import ast
import difflib
import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from grader.authoring.mutants_autograd import (
    cut_off,
    double_backward,
    drop_no_grad,
    drop_requires_grad,
    drop_zero_grad,
    forget_modes,
    shuffle_labels,
    take_value_for_gradient,
    use_data,
)
from grader.authoring.mutants_numbers import (
    change_arithmetic,
    change_comparison,
    change_constants,
    change_rates,
    change_signs,
    change_steps,
    drop_terms,
    shift_slices,
)
from grader.authoring.mutants_shortcuts import drop_statements, use_stale_variables, write_down
from grader.authoring.mutants_tensors import (
    change_aggregates,
    change_dtypes,
    change_in_place,
    change_shapes,
    change_transposes,
    swap_activations,
    use_numpy,
)
from grader.authoring.mutants_text import Answer, Change, Code, Operator
from grader.domain.ids import QuestionId
from grader.domain.notebook import Notebook
from grader.domain.python import parse_python, walk
from grader.domain.text import Fact
from grader.notebook.magics import plain_python

MUTANTS_PER_QUESTION = 40
MUTANTS_PER_ASSIGNMENT = 40
_LONGEST_SHOWN = 80
_OPERATORS: tuple[Callable[[Code, Answer], Iterator[Change]], ...] = (
    *(change_arithmetic, change_comparison, change_signs, change_constants, drop_terms, shift_slices),
    *(change_rates, change_steps, change_aggregates, swap_activations, change_dtypes, change_shapes),
    *(change_transposes, use_numpy, change_in_place, drop_requires_grad, drop_zero_grad, drop_no_grad),
    *(cut_off, use_data, double_backward, take_value_for_gradient, forget_modes, shuffle_labels),
    *(write_down, use_stale_variables, drop_statements),
)


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One mistake in the reference."""

    mutant_id: str
    """Stays the same as long as the question's code around it does: authors write it down."""
    question_id: QuestionId
    cell: int
    """Index of the cell that differs."""
    change: Change
    line: int
    """Of the cell, from 1."""
    function: str | None
    """The function or class of the top level in which it stands."""
    original: str
    source: str
    """The cell with the mistake in it."""

    @property
    def operator(self) -> Operator:
        return self.change.operator

    @property
    def facts(self) -> Mapping[str, Fact]:
        """What the sentence about it may say."""
        shown = {"before": _shown(self.change.before), "after": _shown(self.change.after)}
        return {"question": self.question_id, "cell": self.cell + 1, "line": self.line, **shown, **self.change.facts}

    @cached_property
    def diff(self) -> str:
        lines = difflib.unified_diff(self.original.splitlines(), self.source.splitlines(), n=1, lineterm="")
        return "\n".join(list(lines)[2:])

    def in_notebook(self, reference: Notebook) -> Notebook:
        cells = [replace(c, source=self.source) if c.index == self.cell else c for c in reference.cells]
        return replace(reference, cells=tuple(cells))


def make_mutants(
    reference: Notebook,
    *,
    cells: Mapping[QuestionId, Sequence[int]],
    answers: Mapping[QuestionId, Answer],
    limit: int = MUTANTS_PER_QUESTION,
    total: int = MUTANTS_PER_ASSIGNMENT,
    always: Collection[str] = (),
) -> tuple[Mutant, ...]:
    """Make the reference's mutants, each of them once, none that only writes the same code in another way.

    Args:
        reference: the author's solution.
        cells: the code cells of each question; a cell of several questions belongs to the first.
        answers: what is known of each question besides its code.
        limit: at most so many per question, spread over the operators; which ones never depends on chance.
        total: at most so many of all questions, those with the most giving way first.
        always: ids of mutants that come in any case: somebody decided about them.
    """
    sources = {cell.index: plain_python(cell.source) for cell in reference.code_cells}
    taken: set[int] = set()
    every: list[list[Mutant]] = []
    for question_id, indexes in cells.items():
        own = [index for index in indexes if index not in taken]
        taken.update(own)
        answer = _with_surroundings(answers[question_id], sources, own)
        found: list[Mutant] = []
        earlier = answer
        for index in own:
            found += _mutants_of(sources[index], index=index, question_id=question_id, answer=earlier)
            earlier = _with_names_of(earlier, sources[index])
        every.append(_with_ids(found))
    while limit > 1 and sum(min(len(mutants), limit) for mutants in every) > total:
        limit -= 1
    return tuple(mutant for mutants in every for mutant in _select(mutants, limit=limit, always=frozenset(always)))


def _mutants_of(source: str, *, index: int, question_id: QuestionId, answer: Answer) -> Iterator[Mutant]:
    code = Code.find(source, index=index)
    if code is None:
        return
    seen = {ast.dump(code.tree)}
    for operator in _OPERATORS:
        for change in operator(code, answer):
            if not answer.is_shown and _only_shows(code, change):
                continue  # no check looks at it
            mutated = code.apply(change.edits)
            tree = parse_python(mutated)
            if tree is None or (dumped := ast.dump(tree)) in seen:
                continue
            seen.add(dumped)
            yield Mutant(
                mutant_id="",
                question_id=question_id,
                cell=index,
                change=change,
                line=code.line(change.at),
                function=_function_at(code, change.at),
                original=source,
                source=mutated,
            )


def _only_shows(code: Code, change: Change) -> bool:
    if change.operator is Operator.VALUE_FOR_GRADIENT:
        return False  # it drops the derivative, too
    node = min(
        (node for node in code.nodes(ast.expr) if code.start(node) <= change.at < code.end(node)),
        key=lambda node: code.end(node) - code.start(node),
        default=None,
    )
    return node is not None and code.is_mere_display(node)


def _function_at(code: Code, place: int) -> str | None:
    for statement in code.tree.body:
        is_inside = code.start(statement) <= place < code.end(statement)
        if is_inside and isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return statement.name
    return None


def _with_ids(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Ids come from what a mutant does, and from which of several equal places it does it to; not from cell numbers."""
    counts: defaultdict[str, int] = defaultdict(int)
    named = []
    for mutant in mutants:
        change = mutant.change
        what = "\0".join((mutant.question_id, change.operator.value, change.before, change.after))
        digest = hashlib.sha256(f"{what}\0{counts[what]}".encode("utf-8", "surrogatepass")).hexdigest()
        counts[what] += 1
        named.append(replace(mutant, mutant_id=f"m{digest[:7]}"))
    return named


def _select(mutants: Sequence[Mutant], *, limit: int, always: frozenset[str]) -> list[Mutant]:
    """One of each operator after the other; within an operator the order of the ids, which is as good as chance."""
    queues: dict[Operator, list[Mutant]] = {operator: [] for operator in Operator}
    for mutant in sorted(mutants, key=lambda mutant: mutant.mutant_id):
        queues[mutant.operator].append(mutant)
    order = [
        mutant for place in range(len(mutants)) for queue in queues.values() for mutant in queue[place : place + 1]
    ]
    chosen = {mutant.mutant_id for mutant in order[:limit]} | always
    return [mutant for mutant in mutants if mutant.mutant_id in chosen]


def _with_surroundings(answer: Answer, sources: Mapping[int, str], own: Sequence[int]) -> Answer:
    """The answer with what the cells before its own bind, and whether anything in the notebook is differentiated."""
    differentiates = any(word in source for source in sources.values() for word in (".backward(", ".grad(", "jacobian"))
    before = [sources[index] for index in sorted(sources) if index < min(own, default=0)]
    known = replace(answer, differentiates=differentiates)
    for source in before:
        known = _with_names_of(known, source)
    return known


def _with_names_of(answer: Answer, source: str) -> Answer:
    """The answer with what one more cell binds."""
    tree = parse_python(source)
    if tree is None:
        return answer
    variables: list[str] = []
    functions: list[str] = []
    leaves = set(answer.leaves)
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            functions.append(statement.name)
        elif isinstance(statement, ast.Assign):
            names = [node.id for target in statement.targets for node in walk(target) if isinstance(node, ast.Name)]
            (functions if isinstance(statement.value, ast.Lambda) else variables).extend(names)
            if "requires_grad=True" in ast.unparse(statement.value):
                leaves.update(names)
    return replace(
        answer,
        earlier=_latest_first(answer.earlier, variables),
        earlier_functions=_latest_first(answer.earlier_functions, functions),
        leaves=frozenset(leaves),
    )


def _latest_first(known: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*reversed(new), *known]))


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SHOWN else f"{line[: _LONGEST_SHOWN - 1]}…"
