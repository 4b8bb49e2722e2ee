"""What a worker does for somebody who writes an assignment: draft it from a solved notebook, and try what stands."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from grader.domain.ids import BlobKey
from grader.domain.jobs import Claim
from grader.domain.manuscript import Manuscript, ManuscriptId, Progress, Trial
from grader.domain.notebook import Notebook
from grader.domain.selftest import SelfTestReport
from grader.domain.text import Note
from grader.errors import AuthorCanFix, InvalidAssignment, NotebookRefused, NotFound, SpecDoesNotHold
from grader.flow.assignments import StoredAssignments
from grader.flow.draft import draft
from grader.flow.expected import Expected
from grader.flow.ports import LoadedAssignment, Runner, Stores, Transaction
from grader.flow.prove import prove
from grader.flow.selftest import SelfTest, SelfTests

_PROGRESS_PAUSE_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What this work needs of the world."""

    stores: Stores
    assignments: StoredAssignments
    runner: Runner
    read_notebook: Callable[[bytes], Notebook]
    secret: bytes
    self_tests: SelfTests


def draft_manuscript(claim: Claim, *, desk: Desk) -> None:
    """Make the files from the solved notebook; what it comes to, or why to nothing, stands in the manuscript.

    Raises:
        LeaseLost: another worker has it; nothing was stored.
        SandboxUnavailable, SandboxFailed: our failure.
    """
    manuscript = _find(claim, desk=desk)
    files: dict[str, BlobKey] | None = None
    notes: tuple[Note, ...] = ()
    if manuscript is not None and manuscript.solved is not None:
        try:
            made = draft(
                desk.read_notebook(desk.stores.blobs.get(manuscript.solved)),
                slug=manuscript.slug,
                runner=desk.runner,
                read_assignment=desk.assignments.read,
            )
        except (AuthorCanFix, NotebookRefused) as error:
            notes = (error.note,)
        else:
            files = {path: desk.stores.blobs.put(data) for path, data in made.files.items()}
            notes = made.notes

    def change(now: Manuscript) -> Manuscript:
        if files is None:
            return replace(now, work=None, notes=notes)
        if manuscript is None or now.edition != manuscript.edition:
            return replace(now, work=None, notes=(Note(code="draft.set_aside"),))
        return replace(now, work=None, notes=notes, files=files, edition=now.edition + 1)

    _finish(claim, change, desk=desk)


def try_manuscript(claim: Claim, *, desk: Desk, should_stop: Callable[[], bool]) -> None:
    """Run the reference, then look for mistakes that the checks would not notice; people watch how far it is.

    Raises:
        Interrupted: `should_stop` said so; the job is still held.
        LeaseLost: another worker has it; nothing was stored.
        SandboxUnavailable, SandboxFailed: our failure.
    """
    manuscript = _find(claim, desk=desk)
    if manuscript is None:
        _finish(claim, lambda gone: gone, desk=desk)
        return
    files = {path: desk.stores.blobs.get(key) for path, key in manuscript.files.items()}
    trial = Trial(edition=manuscript.edition, findings=(), prompt_outputs={})
    try:
        loaded = desk.assignments.read(files, manuscript.slug)
        expected = prove(loaded, runner=desk.runner, secret=desk.secret)
    except AuthorCanFix as error:
        trial = replace(trial, findings=_findings(error))
    else:
        outputs = {str(question): texts for question, texts in expected.prompt_outputs.items()}
        trial = replace(trial, prompt_outputs=outputs)
        _keep(manuscript.manuscript_id, trial, desk=desk)
        report = _self_test(manuscript, loaded, expected, files=files, desk=desk, should_stop=should_stop)
        trial = replace(trial, report=report)
    _finish(claim, lambda found: replace(found, work=None, progress=None, trial=trial), desk=desk)


def give_up_manuscript(tx: Transaction, claim: Claim, *, trouble: Note) -> None:
    """After the last attempt: its author reads why, and may ask again."""
    try:
        manuscript = tx.manuscripts.get(ManuscriptId(claim.subject))
    except NotFound:
        return
    tx.manuscripts.put(replace(manuscript, work=None, progress=None, notes=(trouble,)))


def _self_test(
    manuscript: Manuscript,
    loaded: LoadedAssignment,
    expected: Expected,
    *,
    files: dict[str, bytes],
    desk: Desk,
    should_stop: Callable[[], bool],
) -> SelfTestReport:
    clock = desk.stores.clock
    written_at = clock.now()

    def tell(done: int, total: int) -> None:
        nonlocal written_at
        if (clock.now() - written_at).total_seconds() < _PROGRESS_PAUSE_S:
            return
        written_at = clock.now()
        with desk.stores.storage.writing() as tx:
            tx.manuscripts.set_progress(manuscript.manuscript_id, Progress(done=done, total=total))

    return desk.self_tests.run(
        SelfTest(
            loaded=loaded,
            files=files,
            expected=expected,
            runner=desk.runner,
            secret=desk.secret,
            should_stop=should_stop,
            on_progress=tell,
        )
    )


def _findings(error: AuthorCanFix) -> tuple[Note, ...]:
    if isinstance(error, SpecDoesNotHold):
        return error.findings
    if isinstance(error, InvalidAssignment):
        return tuple(mistake.note for mistake in error.mistakes)
    return (error.note,)


def _find(claim: Claim, *, desk: Desk) -> Manuscript | None:
    """None where somebody has thrown it away meanwhile."""
    with desk.stores.storage.reading() as tx:
        try:
            return tx.manuscripts.get(ManuscriptId(claim.subject))
        except NotFound:
            return None


def _keep(manuscript_id: ManuscriptId, trial: Trial, *, desk: Desk) -> None:
    with desk.stores.storage.writing() as tx:
        tx.manuscripts.put(replace(tx.manuscripts.get(manuscript_id), trial=trial))


def _finish(claim: Claim, change: Callable[[Manuscript], Manuscript], *, desk: Desk) -> None:
    with desk.stores.storage.writing() as tx:
        # First of all the lease: whoever lost it stores nothing of what follows.
        desk.stores.queue.finish(tx, claim)
        try:
            manuscript = tx.manuscripts.get(ManuscriptId(claim.subject))
        except NotFound:
            return
        tx.manuscripts.put(change(manuscript))
