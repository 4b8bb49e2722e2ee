"""What is run in the sandbox, under which limits, and what happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from grader.domain.ids import EnvironmentHash, QuestionId
from grader.domain.probe import Probe
from grader.domain.text import Note
from grader.domain.values import Reply


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on one execution; an assignment may set its own."""

    question_s: float = 30.0
    outside_s: float = 60.0
    """For all cells that belong to no question, together."""
    total_s: float = 120.0
    memory_bytes: int = 2 * 1024**3
    """Of the kernel's whole process tree, files in memory counted."""
    processes: int = 64
    gpu_memory_bytes: int = 4 * 1024**3
    """On a GPU, of the whole process tree."""
    gpu_s: float = 120.0
    """How long its processes may keep a GPU, from the first time they use it."""


LARGEST_LIMITS = Limits(
    question_s=3600.0,
    outside_s=3600.0,
    total_s=7200.0,
    memory_bytes=64 * 1024**3,
    processes=1024,
    gpu_memory_bytes=256 * 1024**3,
    gpu_s=7200.0,
)
"""What an assignment may set: a zero too many must not keep a worker for a term, or take the machine's last byte."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a question is given instead of what earlier answers left: follow-through, and nothing else, uses it.

    Before the question's first cell `source` runs in a namespace of its own, quietly, and `names` of it take the place
    of the student's. Nothing but verdicts may leave an execution that was given anything.
    """

    source: str
    names: tuple[str, ...]
    seconds: float
    """What running `source` may take; no question's budget is charged with it."""


@dataclass(frozen=True, kw_only=True)
class QuestionPlan:
    """One question's cells and what is asked when the last of them has run."""

    question_id: QuestionId
    code_cells: tuple[int, ...]
    probes: tuple[Probe, ...] = ()
    given: Given | None = None
    budget_s: float | None = None
    """Seconds for these cells instead of Limits.question_s."""
    is_pool: bool = False
    """The probes are a check's for many sets of hidden inputs: what is alike in them may be done once."""


class Outcome(StrEnum):
    """How an execution ended. The first three words describe a notebook, the last one us."""

    COMPLETED = "completed"
    """Every cell had its turn; cells may have raised."""
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    OUT_OF_GPU_MEMORY = "out_of_gpu_memory"
    OUTPUT_LIMIT = "output_limit"
    DIED = "died"
    SANDBOX_FAILED = "sandbox_failed"


class CellState(StrEnum):
    OK = "ok"
    RAISED = "raised"
    TIMED_OUT = "timed_out"
    """Interrupted when the budget of its question (or of the cells outside) ran out; later questions went on."""
    ENDED_KERNEL = "ended_kernel"
    """The kernel was gone during this cell; Execution.outcome says why."""
    NOT_RUN = "not_run"


@dataclass(frozen=True, kw_only=True)
class CellError:
    """An exception of the student's, as told by the kernel's reply."""

    name: str
    message: str
    line: int | None = None
    """Line of the cell, from 1, where it can be told."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """One piece of a cell's output. `kind` is 'stdout', 'stderr', 'result', 'display' or 'error'."""

    kind: str
    text: str
    """Plain text; '' for output that has none, such as a picture."""
    has_image: bool = False
    image: bytes = field(default=b"", repr=False)
    """The picture as PNG, where there is one of at most 4 MB; never stored with the text."""


@dataclass(frozen=True, kw_only=True)
class CellRun:
    """What one code cell did; `index` points into Notebook.cells."""

    index: int
    state: CellState
    outputs: tuple[Output, ...] = ()
    error: CellError | None = None
    missing_package: str | None = None
    """Top-level name of a module that kernels lack; the rest of the cell was run without it."""
    needs_gpu: bool = False
    """The cell raised because there is no CUDA device here."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What happened when a notebook ran. A failure of ours is an exception, never an Execution with points."""

    outcome: Outcome
    cells: tuple[CellRun, ...]
    """One for every code cell, in order."""
    replies: Mapping[str, Reply]
    """By probe key; a probe that was not answered is absent."""
    environment: EnvironmentHash
    executed_notebook: bytes
    """The notebook with our outputs, as nbformat 4 JSON, at most 5 MB: larger outputs are left out with a line."""
    notes: tuple[Note, ...] = ()
    seconds: float = 0.0
    gpu: str | None = None
    """Name of the GPU that it could use."""
    not_given: tuple[QuestionId, ...] = ()
    """Questions whose `Given` could not be brought about: nothing can be said of their replies."""

    def cell(self, index: int) -> CellRun | None:
        return next((cell for cell in self.cells if cell.index == index), None)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All a check may look at for one question, of a student or of the reference."""

    source: str
    """The question's code cells joined by newlines, IPython magics taken out."""
    notebook_source: str
    """All code cells up to the question's last one, joined, magics taken out."""
    outputs: tuple[Output, ...]
    """Of the question's cells, in order."""
    cell_runs: tuple[CellRun, ...]
    replies: Mapping[str, Reply]
    """This check's own replies by the part of the key after 'question.check/'."""
    written: tuple[str, ...] = ()
    has_attachments: bool = False
    overshoot: float | None = None
    """Of the reference's evidence: how far the reference's own noise (seeds, float32 beside float64) goes, in units of
    the check's tolerance; None where it was not measured. See CheckLogic.overshoot."""
