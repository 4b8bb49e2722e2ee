"""What handing a file in would mean, before anything is handed in: it is read and searched, never run or kept."""

import hashlib
from dataclasses import dataclass, replace

from grader.domain.ids import QuestionId
from grader.domain.location import FoundBy
from grader.domain.notebook import IdentityHint
from grader.domain.text import Note
from grader.flow.assignments import StoredAssignments
from grader.flow.people import Caller
from grader.flow.progress import read_assignment
from grader.flow.submit import Intake, Upload
from grader.notebook.locate import locate

_ALL = 100_000
"""More submissions than anyone makes for one assignment."""
_BEFOREHAND = frozenset(
    f"locate.{what}"
    for what in (
        "another_notebook",
        "last_counts",
        "empty_is_passed_over",
        "by_definition",
        "by_order",
        "shared_cell",
        "heading_slipped",
    )
)
"""Notes that tell of the grading as of something done; before it there are other words for them."""


@dataclass(frozen=True, kw_only=True)
class SeenQuestion:
    """Where one question's answer stands in the file."""

    question_id: QuestionId
    number: int
    is_found: bool
    cells: tuple[int, ...]
    """Numbers (from 1) of the code cells that would be graded."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is in a file that nobody has handed in yet."""

    questions: tuple[SeenQuestion, ...]
    identity: IdentityHint
    is_someone_elses: bool
    """The notebook tells another student number than the roster does."""
    same_as: int | None
    """The number of the caller's newest submission with these very bytes."""
    same_as_newest: bool
    """Handing it in again would change nothing."""
    notes: tuple[Note, ...]
    """What was repaired in the file, and what is worth knowing of where the answers stand."""

    @property
    def found(self) -> int:
        return sum(question.is_found for question in self.questions)


def look(upload: Upload, *, caller: Caller, intake: Intake, assignments: StoredAssignments) -> Look:
    """Tell what the file holds; nothing is stored and nothing is spent.

    Raises:
        NotFound: no such course or assignment, or not (yet) for the caller.
        NotebookRefused: it would be refused.
    """
    stores = intake.stores
    view = read_assignment(upload.course, upload.assignment, caller=caller, stores=stores)
    notebook = intake.read_notebook(upload.data)
    loaded = assignments.load(view.offering.version, revision=view.offering.revision)
    location = locate(notebook, loaded.wanted)
    with stores.storage.reading() as tx:
        own = tx.submissions.list_of(view.offering.offering_id, person_id=caller.person.person_id, limit=_ALL)
        membership = tx.courses.find_membership(view.course.course_id, caller.person.person_id)
    digest = hashlib.sha256(upload.data).hexdigest()
    same = next((each.number for each in own if each.notebook == digest), None)
    answers = [location.answers[one.question_id] for one in loaded.wanted]
    about_answers = [note for answer in answers for note in answer.notes]
    return Look(
        questions=tuple(
            SeenQuestion(
                question_id=one.question_id,
                number=one.number,
                is_found=answer.found_by is not FoundBy.NOT_FOUND,
                cells=tuple(index + 1 for index in answer.code_cells),
            )
            for one, answer in zip(loaded.wanted, answers, strict=True)
        ),
        identity=notebook.identity,
        is_someone_elses=_differ(notebook.identity.student_number, membership.student_number if membership else None),
        same_as=same,
        same_as_newest=same is not None and same == own[0].number,
        notes=(*notebook.repairs, *map(_beforehand, (*location.notes, *about_answers))),
    )


def _differ(written: str | None, enrolled: str | None) -> bool:
    """Two numbers that people type with and without hyphens, in either case."""
    if written is None or enrolled is None:
        return False
    return written.replace("-", "").casefold() != enrolled.replace("-", "").casefold()


def _beforehand(note: Note) -> Note:
    """The note as it is told before anything is graded."""
    return replace(note, code=f"student.look_{note.code.partition('.')[2]}") if note.code in _BEFOREHAND else note
