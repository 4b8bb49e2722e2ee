"""Prompts as students read them: `{{expression}}` replaced by what the reference prints there."""

from collections.abc import Mapping
from dataclasses import replace

from grader.domain.assignment import Assignment
from grader.domain.execution import CellRun, CellState, Execution
from grader.domain.gaps import Gap, fill_gaps
from grader.domain.ids import QuestionId, VersionHash
from grader.domain.location import Location
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.text import Fact, Note, Text
from grader.errors import SpecDoesNotHold
from grader.flow.expected import read_prompt_outputs
from grader.flow.ports import LoadedAssignment, Runner, Stores
from grader.notebook.locate import locate

SHOWN_MAX_CHARACTERS = 20_000
"""Of one gap; a tensor that torch abbreviates has some hundreds."""
_FILLED_MAX_CHARACTERS = 400_000
"""Of one prompt: the same gap can stand in it a hundred thousand times."""


def load_prompt_outputs(version: VersionHash, *, stores: Stores) -> Mapping[str, Mapping[str, str]]:
    """What the reference prints, by question and expression; empty until a worker has run it."""
    with stores.storage.reading() as tx:
        blobs = tx.versions.list_expected(version)
    blob = next(iter(blobs.values()), None)
    return {} if blob is None else read_prompt_outputs(stores.blobs.get(blob))


def render_prompt(prompt: Text, outputs: Mapping[str, str]) -> Text:
    """The prompt as Markdown with its gaps filled: in a code block as it is, elsewhere as a block of its own.

    A gap stays as the author wrote it while nothing is known of it, and where too much was filled in before it.
    """
    return Text(ja=_render(prompt.ja, outputs), en=_render(prompt.en, outputs))


def _render(markdown: str, outputs: Mapping[str, str]) -> str:
    fences = counted_to = filled = 0

    def fill(gap: Gap) -> str:
        nonlocal fences, counted_to, filled
        fences += markdown.count("```", counted_to, gap.start)
        counted_to = gap.start
        shown = outputs.get(gap.expression)
        if shown is None or filled + len(shown) > _FILLED_MAX_CHARACTERS:
            return markdown[gap.start : gap.end]
        filled += len(shown)
        return shown if fences % 2 == 1 else f"\n\n```text\n{shown}\n```\n"

    return fill_gaps(markdown, fill)


def run_prompts(loaded: LoadedAssignment, *, runner: Runner) -> Mapping[QuestionId, Mapping[str, str]]:
    """Run the reference only for what it prints in the prompts' gaps, before anything is published.

    Raises:
        SpecDoesNotHold: an expression of a prompt fails.
        SandboxUnavailable, SandboxFailed: our failure.
    """
    assignment = loaded.assignment
    location = locate(loaded.reference, loaded.wanted)
    notebook, prompt_cells = with_prompt_cells(loaded.reference, location, loaded.prompt_expressions)
    execution = runner.run(notebook, plan=(), limits=assignment.limits, files=assignment.files)
    check_prompts(assignment, prompt_cells, execution)
    return prompt_outputs_of(prompt_cells, execution)


def with_prompt_cells(
    reference: Notebook, location: Location, expressions: Mapping[QuestionId, tuple[str, ...]]
) -> tuple[Notebook, dict[int, tuple[QuestionId, str]]]:
    """The reference with one more cell after a question's last one for each `{{expression}}` of its prompt."""
    after: dict[int, list[tuple[QuestionId, str]]] = {}
    for question_id, wanted in expressions.items():
        cells = location.answers[question_id].code_cells
        # A question without code of its own shows what the whole reference leaves behind.
        after.setdefault(max(cells, default=len(reference.cells) - 1), []).extend(
            (question_id, expression) for expression in wanted
        )
    cells_out: list[Cell] = []
    added: dict[int, tuple[QuestionId, str]] = {}
    for cell in reference.cells:
        cells_out.append(replace(cell, index=len(cells_out)))
        for owner, expression in after.get(cell.index, ()):
            index = len(cells_out)
            added[index] = (owner, expression)
            cells_out.append(Cell(index=index, kind=CellKind.CODE, source=expression, cell_id=f"prompt-{index}"))
    return replace(reference, cells=tuple(cells_out)), added


def check_prompts(
    assignment: Assignment, prompt_cells: Mapping[int, tuple[QuestionId, str]], execution: Execution
) -> None:
    failed: list[Note] = []
    for index, (question_id, expression) in prompt_cells.items():
        run = execution.cell(index)
        gap: dict[str, Fact] = {"question": question_id, "expression": expression}
        length = len(_shown(run))
        if run is not None and run.state is CellState.RAISED:
            failed.append(
                Note(code="publish.prompt_fails", facts={**gap, "error": "" if run.error is None else run.error.name})
            )
        elif run is None or run.state is not CellState.OK:
            failed.append(Note(code="publish.prompt_unfinished", facts=gap))
        elif length > SHOWN_MAX_CHARACTERS:
            facts = {**gap, "characters": length, "limit": SHOWN_MAX_CHARACTERS}
            failed.append(Note(code="publish.prompt_too_long", facts=facts))
    if failed:
        raise SpecDoesNotHold(failed, assignment=assignment.slug)


def prompt_outputs_of(
    prompt_cells: Mapping[int, tuple[QuestionId, str]], execution: Execution
) -> dict[QuestionId, dict[str, str]]:
    texts: dict[QuestionId, dict[str, str]] = {}
    for index, (question_id, expression) in prompt_cells.items():
        texts.setdefault(question_id, {})[expression] = _shown(execution.cell(index))
    return texts


def _shown(run: CellRun | None) -> str:
    shown = "" if run is None else "".join(output.text for output in run.outputs if output.kind != "stderr")
    return shown.rstrip("\n")
