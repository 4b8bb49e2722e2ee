"""All that can be seen of a notebook when it runs: what two notebooks must share to be the same in effect."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.domain.assignment import Assignment, Question
from grader.domain.execution import Execution, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.location import Location
from grader.domain.notebook import Notebook
from grader.domain.probe import CallFunction, CallModule, Probe, TakeNames
from grader.domain.values import NamesReply, Value
from grader.flow.case import with_prefix
from grader.flow.expected import Expected, check_path
from grader.flow.ports import Runner
from grader.flow.sources import joined, plain_sources, until
from grader.grading.syntax import parse_leniently, top_level_names
from grader.notebook.locate import locate

_DRAWS = 4
"""Sets of hidden inputs on which functions are compared."""
_MOST_NAMES = 80
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


Piece = tuple[QuestionId, str]


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One run: everything by a name of its own, to be compared piece by piece."""

    questions: frozenset[QuestionId]
    """Those that were looked at."""
    pieces: Mapping[Piece, object]
    values: Mapping[QuestionId, Mapping[str, Value]]
    """Variables at each question's end."""
    printed: Mapping[int, str]
    """By cell index."""

    def unsteady(self, again: "Observation") -> frozenset[Piece]:
        """Pieces of questions in both that another run of the same notebook shows otherwise."""
        both = self.questions & again.questions
        pieces = {piece for piece in self.pieces.keys() | again.pieces.keys() if piece[0] in both}
        return frozenset(piece for piece in pieces if self.pieces.get(piece) != again.pieces.get(piece))

    def equals(self, other: "Observation", *, unsteady: frozenset[Piece]) -> bool:
        return self.unsteady(other) <= unsteady


def observe(
    notebook: Notebook,
    *,
    assignment: Assignment,
    expected: Expected,
    runner: Runner,
    location: Location | None = None,
) -> Observation:
    """Run a notebook and look at every variable at each question's end, its outputs, and many hidden calls.

    `location` says where the answers are; without it they are looked for.

    Raises:
        SandboxUnavailable, SandboxFailed: our failure.
    """
    location = location or locate(notebook, expected.wanted)
    sources = plain_sources(notebook)
    plan = [
        QuestionPlan(
            question_id=question.question_id,
            code_cells=location.answers[question.question_id].code_cells,
            probes=tuple(_probes(question, location, sources, expected)),
            budget_s=question.budget_s,
        )
        for question in assignment.questions
    ]
    execution = runner.run(notebook, plan=plan, limits=assignment.limits, files=assignment.files)
    replies = execution.replies
    taken = {step.question_id: replies.get(f"{step.question_id}/names") for step in plan}
    shown = _shown(execution)
    answers = {(step.question_id, probe.key): replies.get(probe.key) for step in plan for probe in step.probes}
    outputs = {(step.question_id, f"cell {index}"): shown.get(index) for step in plan for index in step.code_cells}
    return Observation(
        questions=frozenset(taken),
        pieces={**answers, **outputs},
        values={key: reply.values for key, reply in taken.items() if isinstance(reply, NamesReply)},
        printed={run.index: "".join(o.text for o in run.outputs if o.kind == "stdout") for run in execution.cells},
    )


def _probes(question: Question, location: Location, sources: Mapping[int, str], expected: Expected) -> Sequence[Probe]:
    cells = location.answers[question.question_id].code_cells
    if not cells:
        return []
    source, before = joined(sources, cells), until(sources, cells)
    names = top_level_names(parse_leniently(before))[-_MOST_NAMES:]
    probes: list[Probe] = [TakeNames(key=f"{question.question_id}/names", names=names)]
    for check in question.checks:
        path = check_path(question.question_id, check.check_id)
        for draw in range(_DRAWS if check.logic.has_hidden_inputs else 1):
            inputs = expected.inputs(path, draw)
            asked = check.logic.probes(source=source, notebook_source=before, inputs=inputs)
            # Running the question once more costs a copy of the kernel, and other inputs show the same again.
            wanted = [probe for probe in asked if draw == 0 or isinstance(probe, CallFunction | CallModule)]
            probes += with_prefix(wanted, f"{path}/{draw}/")
    return probes


def _shown(execution: Execution) -> Mapping[int, object]:
    return {
        run.index: (
            run.state,
            None if run.error is None else run.error.name,
            tuple((output.kind, _ADDRESS.sub("0x", output.text), output.has_image) for output in run.outputs),
        )
        for run in execution.cells
    }
