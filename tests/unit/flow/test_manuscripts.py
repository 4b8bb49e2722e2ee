"""Writing an assignment in a course: begun, changed by one at a time, drafted and tried by a worker, published."""

from dataclasses import replace

import pytest
from doubles import FakeRunner
from school import TinyLoaded, notebook_bytes

from grader.domain.ids import VersionHash
from grader.domain.jobs import JobKind
from grader.domain.manuscript import Work
from grader.domain.publishing import VersionState
from grader.domain.text import Note
from grader.errors import Conflict, Forbidden, InvalidAssignment, InvalidRequest, Mistake, NotebookRefused, NotFound
from grader.flow import manuscripts
from grader.flow.draft import Draft
from grader.flow.grade import claim_next, work

NEWER = TinyLoaded(version=VersionHash("b" * 64), reference_x=5)
FILES = {"assignment.yaml": b"mine", "reference.ipynb": notebook_bytes(x=3, y=4)}


@pytest.fixture
def desk(school):
    """The flow's steps as ida takes them."""
    return Desk(school)


class Desk:
    def __init__(self, school, login="ida"):
        self.school, self.login = school, login

    def __getattr__(self, step):
        def take(*args, **facts):
            facts.setdefault("caller", self.school.caller(self.login))
            return getattr(manuscripts, step)("demo", *args, stores=self.school.stores, **facts)

        return take

    def publish(self, slug, *, edition):
        return self.publish_writing(slug, edition=edition, assignments=self.school.assignments)

    def try_it(self, slug, *, edition):
        return self.ask_for_trial(slug, edition=edition, assignments=self.school.assignments)


def test_what_is_offered_can_be_changed_without_changing_what_is_offered(school, desk):
    offered = desk.read_writing("tiny")
    assert not offered.is_changed

    saved = desk.save("tiny", {"assignment.yaml": b"changed"}, edition=0)

    assert (saved.is_changed, saved.manuscript.edition) == (True, 1)
    again = desk.read_writing("tiny")
    assert manuscripts.read_files(again.manuscript, stores=school.stores)["assignment.yaml"] == b"changed"
    assert again.offering == offered.offering
    desk.throw_away("tiny", edition=1)
    assert not desk.read_writing("tiny").is_changed


def test_files_can_go_while_others_come(school, desk):
    desk.save("tiny", {"notes.txt": b"n", "x.npz": b"x"}, edition=0)

    saved = desk.save("tiny", {"y.npz": b"y"}, edition=1, removed=("notes.txt", "gone.txt"))

    found = manuscripts.read_files(saved.manuscript, stores=school.stores)
    assert found == {"assignment.yaml": b"tiny", "x.npz": b"x", "y.npz": b"y"}


def test_two_never_overwrite_each_other(desk):
    desk.save("tiny", {"assignment.yaml": b"one"}, edition=0)

    with pytest.raises(Conflict) as caught:
        desk.save("tiny", {"assignment.yaml": b"two"}, edition=0)

    assert caught.value.facts["name"] == "ida"
    assert desk.save("tiny", {"assignment.yaml": b"two"}, edition=1).manuscript.edition == 2


def test_a_new_assignment_is_published_and_offered(school, desk):
    school.editions[b"mine"] = replace(NEWER, slug="mine")
    begun = desk.begin("mine", FILES)
    assert [each.manuscript.slug for each in desk.list_writings()] == ["mine"]

    done = desk.publish("mine", edition=begun.manuscript.edition)

    assert (done.is_first, done.offering.slug, done.version.state) == (True, "mine", VersionState.UNPROVED)
    assert desk.list_writings() == ()
    assert not desk.read_writing("mine").is_changed
    with pytest.raises(Conflict):
        desk.begin("mine", FILES)


def test_words_alone_are_offered_at_once_another_version_only_when_somebody_says_so(school, desk):
    before = desk.save("tiny", {"assignment.yaml": b"other words"}, edition=0)

    words = desk.publish("tiny", edition=1)

    assert (words.offering.version, words.offering.revision) == (before.offering.version, before.offering.revision + 1)
    school.editions[b"newer"] = NEWER
    desk.save("tiny", {"assignment.yaml": b"newer"}, edition=0)

    newer = desk.publish("tiny", edition=1)

    assert (newer.version.version, newer.offering.version) == (NEWER.version, before.offering.version)
    assert desk.read_writing("tiny").is_changed
    adopted = desk.adopt("tiny", version=NEWER.version)
    assert adopted.offering.version == NEWER.version
    assert not desk.read_writing("tiny").is_changed


def test_only_what_was_published_from_here_can_be_adopted(desk):
    with pytest.raises(NotFound):
        desk.adopt("tiny", version=VersionHash("c" * 64))


def test_a_solved_notebook_is_drafted_by_a_worker(school, desk, monkeypatch):
    notes = (Note(code="draft.cell_left_out", facts={"cell": 1}),)
    monkeypatch.setattr("grader.flow.writing_desk.draft", lambda notebook, **facts: Draft(files=FILES, notes=notes))

    begun = desk.begin_from_solved("mine", notebook_bytes(x=3), read_notebook=school.intake.read_notebook)
    assert (begun.manuscript.work, begun.manuscript.files) == (Work.DRAFTING, {})
    school.work_off()

    drafted = desk.read_writing("mine").manuscript
    assert (drafted.work, drafted.notes, drafted.edition) == (None, notes, 2)
    assert manuscripts.read_files(drafted, stores=school.stores) == FILES


def test_a_draft_never_takes_the_place_of_what_somebody_wrote_meanwhile(school, desk, monkeypatch):
    def draft_slowly(notebook, **facts):
        desk.save("mine", {"assignment.yaml": b"by hand"}, edition=1)
        return Draft(files=FILES, notes=())

    monkeypatch.setattr("grader.flow.writing_desk.draft", draft_slowly)
    desk.begin_from_solved("mine", notebook_bytes(x=3), read_notebook=school.intake.read_notebook)
    school.work_off()

    found = desk.read_writing("mine").manuscript
    assert manuscripts.read_files(found, stores=school.stores) == {"assignment.yaml": b"by hand"}
    assert (found.work, [note.code for note in found.notes]) == (None, ["draft.set_aside"])


def test_a_notebook_that_gives_nothing_says_so(school, desk):
    desk.begin_from_solved("mine", notebook_bytes(), read_notebook=school.intake.read_notebook)
    school.work_off()

    found = desk.read_writing("mine").manuscript
    assert (found.work, [note.code for note in found.notes]) == (None, ["error.nothing_to_draft"])


def test_what_is_no_notebook_begins_nothing(school, desk):
    with pytest.raises(NotebookRefused):
        desk.begin_from_solved("mine", b"none", read_notebook=school.intake.read_notebook)
    assert desk.list_writings() == ()


def test_a_trial_tells_whether_the_reference_earns_its_points(school, desk):
    asked = desk.try_it("tiny", edition=0)
    assert (asked.manuscript.work, asked.manuscript.edition) == (Work.TRYING, 1)
    school.work_off()

    trial = desk.read_writing("tiny").manuscript.trial
    assert (trial.edition, trial.findings) == (1, ())
    assert trial.report is not None


def test_a_trial_of_what_does_not_hold_says_why(school, desk):
    school.editions[b"wrong"] = replace(NEWER, first=replace(NEWER.first, name="z"))
    desk.save("tiny", {"assignment.yaml": b"wrong"}, edition=0)
    desk.try_it("tiny", edition=1)
    school.work_off()

    found = desk.read_writing("tiny").manuscript
    assert found.work is None
    assert "publish.reference_loses" in [note.code for note in found.trial.findings]


def test_a_trial_makes_way_for_students_and_goes_on_later(school, desk):
    desk.try_it("tiny", edition=0)
    school.work_off()
    desk.try_it("tiny", edition=1)
    bench = school.bench()
    claim = claim_next(worker="w", kinds=[JobKind.TRY], bench=bench)
    school.submit()

    work(claim, bench=bench)

    assert desk.read_writing("tiny").manuscript.work is Work.TRYING
    school.work_off(bench)
    assert desk.read_writing("tiny").manuscript.work is None


def test_what_was_thrown_away_is_not_tried(school, desk):
    desk.try_it("tiny", edition=0)
    desk.throw_away("tiny", edition=1)

    assert school.work_off() == 2  # the version that is offered, and the trial that finds nothing


def test_a_trial_that_our_failure_ends_says_so(school, desk):
    desk.try_it("tiny", edition=0)
    school.work_off()
    desk.try_it("tiny", edition=1)
    runner = FakeRunner(trouble=[RuntimeError("broken")] * 9)
    bench = school.bench(runner=runner, max_attempts=1)
    claim = claim_next(worker="w", kinds=[JobKind.TRY], bench=bench)
    with pytest.raises(RuntimeError):
        work(claim, bench=bench)
    from grader.flow.grade import put_back

    put_back(claim, error=RuntimeError("broken"), bench=bench)

    found = desk.read_writing("tiny").manuscript
    assert (found.work, [note.code for note in found.notes]) == (None, ["run.unexpected"])


def test_files_with_mistakes_can_be_saved_but_neither_tried_nor_published(school, desk):
    def read(files, slug):
        raise InvalidAssignment([Mistake(file="assignment.yaml", line=3, field="title", note=Note(code="x"))])

    school._read = read
    desk.save("tiny", {"assignment.yaml": b"wrong"}, edition=0)
    for step in (desk.try_it, desk.publish):
        with pytest.raises(InvalidAssignment):
            step("tiny", edition=1)


@pytest.mark.parametrize("slug", ["new", "Mine", "", "a/b"])
def test_an_address_must_be_one(desk, slug):
    with pytest.raises(InvalidRequest):
        desk.begin(slug, FILES)


@pytest.mark.parametrize("login", ["ann", "tom"])
def test_only_instructors_write(school, login):
    desk = Desk(school, login)
    for step in (
        lambda: desk.read_writing("tiny"),
        lambda: desk.list_writings(),
        lambda: desk.begin("mine", FILES),
        lambda: desk.save("tiny", {}, edition=0),
        lambda: desk.try_it("tiny", edition=0),
        lambda: desk.publish("tiny", edition=0),
        lambda: desk.adopt("tiny", version=NEWER.version),
        lambda: desk.throw_away("tiny", edition=0),
    ):
        with pytest.raises(Forbidden):
            step()
