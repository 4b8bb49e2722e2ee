"""What handing a file in would mean, before anything is handed in: it is read and searched, never run or kept."""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

from grader.domain.ids import PersonId, QuestionId, VersionHash
from grader.domain.location import FoundBy
from grader.domain.notebook import IdentityHint
from grader.domain.text import Note
from grader.errors import Conflict, TooManyTries
from grader.flow.assignments import StoredAssignments
from grader.flow.pauses import UploadLimit
from grader.flow.people import Caller
from grader.flow.ports import LoadedAssignment
from grader.flow.progress import read_assignment
from grader.flow.submit import Intake, Upload
from grader.notebook.locate import locate

_REMEMBERED = 200
"""Files whose looks are kept: what was found in one takes a few kilobytes."""
_COMPARED = 200
"""Newest submissions among which the same file is looked for."""
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
class Found:
    """What is in a file, whoever brings it."""

    questions: tuple[SeenQuestion, ...]
    identity: IdentityHint
    notes: tuple[Note, ...]
    """What was repaired in the file, and what is worth knowing of where the answers stand."""


@dataclass(frozen=True, kw_only=True)
class Look(Found):
    """What is in a file that nobody has handed in yet."""

    is_someone_elses: bool
    """The notebook tells another student number than the roster does."""
    same_as: int | None
    """The number of the caller's newest submission with these very bytes."""
    same_as_newest: bool
    """Handing it in again would change nothing."""

    @property
    def found(self) -> int:
        return sum(question.is_found for question in self.questions)


@dataclass(frozen=True, kw_only=True)
class _Key:
    """What decides what is found: the file, and what is looked for."""

    digest: str
    version: VersionHash
    revision: int


class Looks:
    """What a web process knows of the looks it has given: who has one now, when each had theirs, what was found.

    To read a large file takes seconds of a processor, and as nothing is stored, nothing else would bound it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._under_way: set[PersonId] = set()
        self._begun: dict[PersonId, list[datetime]] = {}
        self._found: OrderedDict[_Key, Found] = OrderedDict()

    def find(self, key: _Key) -> Found | None:
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def remember(self, key: _Key, found: Found) -> None:
        with self._lock:
            self._found[key] = found
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)

    @contextmanager
    def turn(self, person_id: PersonId, *, limit: UploadLimit, at: datetime) -> Iterator[None]:
        """Somebody's look, one at a time and no more of them than of uploads.

        Raises:
            Conflict: another look of theirs is under way.
            TooManyTries: there were too many before.
        """
        with self._lock:
            if person_id in self._under_way:
                raise Conflict(what="look", name=person_id)
            self._count(person_id, limit=limit, at=at)
            self._under_way.add(person_id)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(person_id)

    def _count(self, person_id: PersonId, *, limit: UploadLimit, at: datetime) -> None:
        recent = {
            each: [moment for moment in moments if (at - moment).total_seconds() < limit.window_s]
            for each, moments in self._begun.items()
        }
        self._begun = {each: moments for each, moments in recent.items() if moments}
        own = self._begun.setdefault(person_id, [])
        if len(own) >= limit.uploads:
            passed_s = (at - own[-limit.uploads]).total_seconds()
            raise TooManyTries(retry_after_s=math.ceil(limit.window_s - passed_s))
        own.append(at)


def look(upload: Upload, *, caller: Caller, intake: Intake, assignments: StoredAssignments, looks: Looks) -> Look:
    """Tell what the file holds; nothing is stored and nothing is spent.

    Raises:
        NotFound: no such course or assignment, or not (yet) for the caller.
        NotebookRefused: it would be refused.
        Conflict: another look of the caller's is under way.
        TooManyTries: the caller has had too many in a short time. Handing in is as open as ever.
    """
    stores, person_id = intake.stores, caller.person.person_id
    view = read_assignment(upload.course, upload.assignment, caller=caller, stores=stores)
    offering = view.offering
    digest = hashlib.sha256(upload.data).hexdigest()
    key = _Key(digest=digest, version=offering.version, revision=offering.revision)
    found = looks.find(key)
    if found is None:
        with looks.turn(person_id, limit=intake.limit, at=stores.clock.now()):
            loaded = assignments.load(offering.version, revision=offering.revision)
            found = _search(upload.data, loaded=loaded, intake=intake)
        looks.remember(key, found)
    with stores.storage.reading() as tx:
        own = tx.submissions.list_of(offering.offering_id, person_id=person_id, limit=_COMPARED)
        membership = tx.courses.find_membership(view.course.course_id, person_id)
    same = next((each.number for each in own if each.notebook == digest), None)
    return Look(
        questions=found.questions,
        identity=found.identity,
        notes=found.notes,
        is_someone_elses=_differ(found.identity.student_number, membership.student_number if membership else None),
        same_as=same,
        same_as_newest=same is not None and same == own[0].number,
    )


def _search(data: bytes, *, loaded: LoadedAssignment, intake: Intake) -> Found:
    """What takes long."""
    notebook = intake.read_notebook(data)
    location = locate(notebook, loaded.wanted)
    answers = [location.answers[one.question_id] for one in loaded.wanted]
    about_answers = [note for answer in answers for note in answer.notes]
    return Found(
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
