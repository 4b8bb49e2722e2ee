"""Publishing stores a version once, its texts as often as they change, and a course moves only when it is told to."""

from dataclasses import replace
from datetime import timedelta

import pytest
from doubles import NOON, FakeRunner
from school import School, TinyLoaded, notebook_bytes

from grader.domain.ids import VersionHash
from grader.domain.jobs import JobKind
from grader.domain.people import Role
from grader.domain.publishing import Dates, VersionState
from grader.domain.result import Verdict
from grader.errors import Conflict, Forbidden, InvalidRequest, NotFound, SpecDoesNotHold
from grader.flow import people
from grader.flow.publish import offer, publish, read_version, update_offering
from grader.flow.rubrics import OfferingUpdate

OLD, NEW = VersionHash("a" * 64), VersionHash("b" * 64)
FILES = {"assignment.yaml": b"tiny"}


@pytest.fixture
def empty(tmp_path):
    """A school that has published nothing."""
    school = School.open(tmp_path)
    yield school
    school.stores.storage.close()


def publish_in(school, loaded=None, *, files=FILES):
    return publish(loaded or school.loaded, files=files, stores=school.stores)


def jobs(school):
    """Subjects of the publishing jobs that wait; they are done then."""
    found = []
    with school.stores.storage.writing() as tx:
        while claim := school.stores.queue.claim(tx, worker="w", kinds=[JobKind.PUBLISH]):
            found.append(claim.subject)
            school.stores.queue.finish(tx, claim)
    return found


def revision(school, number=None, version=OLD):
    with school.stores.storage.reading() as tx:
        return tx.versions.get_revision(version, number=number)


def set_state(school, state, version=OLD, findings=()):
    with school.stores.storage.writing() as tx:
        tx.versions.set_state(version, state, findings=findings)


def offering_of(school, slug="tiny"):
    with school.stores.storage.reading() as tx:
        course = tx.courses.find_by_slug("demo")
        return tx.offerings.find(course.course_id, slug=slug)


class TestPublishing:
    def test_a_new_version_is_stored_unproved_and_a_worker_is_asked(self, empty):
        version = publish_in(empty)

        assert (version.version, version.slug, version.points) == (OLD, "tiny", 20)
        assert (version.state, version.findings, version.created_at) == (VersionState.UNPROVED, (), NOON)
        assert jobs(empty) == [OLD]

    def test_its_files_and_title_are_kept_as_the_first_revision(self, empty):
        publish_in(empty, files={"assignment.yaml": b"one", "reference.ipynb": b"two"})

        kept = revision(empty)

        assert (kept.number, kept.title) == (1, empty.loaded.assignment.title)
        assert {path: empty.stores.blobs.get(blob) for path, blob in kept.files.items()} == {
            "assignment.yaml": b"one",
            "reference.ipynb": b"two",
        }

    def test_the_same_again_changes_nothing(self, empty):
        first = publish_in(empty)
        empty.clock.pass_s(60)

        again = publish_in(empty)

        assert again == first
        assert revision(empty).number == 1
        assert revision(empty).created_at == NOON
        assert jobs(empty) == [OLD]

    def test_other_texts_of_the_same_version_are_a_new_revision(self, empty):
        first = publish_in(empty)
        set_state(empty, VersionState.PROVED)
        jobs(empty)

        again = publish_in(empty, files={"assignment.yaml": b"tiny, mended"})

        assert again == replace(first, state=VersionState.PROVED)
        assert revision(empty).number == 2
        assert empty.stores.blobs.get(revision(empty).files["assignment.yaml"]) == b"tiny, mended"
        assert empty.stores.blobs.get(revision(empty, 1).files["assignment.yaml"]) == b"tiny"
        assert jobs(empty) == []

    def test_a_version_that_failed_is_tried_again(self, empty):
        publish_in(empty)
        empty.loaded = replace(empty.loaded, first=replace(empty.loaded.first, verdict=Verdict.FAILED))
        with pytest.raises(SpecDoesNotHold):
            empty.bench().proofs.load(OLD)
        assert read_version(OLD, stores=empty.stores).state is VersionState.FAILED
        assert read_version(OLD, stores=empty.stores).findings[0].code == "publish.reference_loses"
        jobs(empty)

        again = publish_in(empty)

        assert (again.state, again.findings) == (VersionState.UNPROVED, ())
        assert jobs(empty) == [OLD]

    def test_two_assignments_do_not_touch_each_other(self, empty):
        publish_in(empty)
        publish_in(empty, TinyLoaded(version=NEW, slug="other"))

        with empty.stores.storage.reading() as tx:
            assert [each.version for each in tx.versions.list_all(slug="tiny")] == [OLD]
            assert [each.version for each in tx.versions.list_all(slug="other")] == [NEW]
        assert sorted(jobs(empty)) == [OLD, NEW]

    def test_a_version_that_was_never_published_is_not_found(self, empty):
        with pytest.raises(NotFound):
            read_version(OLD, stores=empty.stores)


class TestOffering:
    def test_the_newest_version_is_offered_with_its_newest_texts_and_dates(self, empty):
        publish_in(empty)
        empty.clock.pass_s(1)
        publish_in(empty, TinyLoaded(version=NEW))
        publish_in(empty, TinyLoaded(version=NEW), files={"assignment.yaml": b"mended"})
        dates = Dates(opens_at=NOON, due_at=NOON + timedelta(days=7))

        offering = offer("tiny", course="demo", stores=empty.stores, dates=dates)

        assert (offering.version, offering.revision, offering.dates) == (NEW, 2, dates)
        assert offering_of(empty) == offering

    def test_a_version_that_failed_is_passed_over(self, empty):
        publish_in(empty)
        empty.clock.pass_s(1)
        publish_in(empty, TinyLoaded(version=NEW))
        set_state(empty, VersionState.FAILED, NEW)

        assert offer("tiny", course="demo", stores=empty.stores).version == OLD

    def test_nothing_but_failed_versions_cannot_be_offered(self, empty):
        publish_in(empty)
        set_state(empty, VersionState.FAILED)

        with pytest.raises(NotFound) as caught:
            offer("tiny", course="demo", stores=empty.stores)

        assert caught.value.facts == {"what": "assignment", "name": "tiny"}
        assert offering_of(empty) is None

    @pytest.mark.parametrize(("slug", "course"), [("tiny", "none"), ("none", "demo")], ids=["course", "assignment"])
    def test_what_does_not_exist_is_not_found(self, school, slug, course):
        with pytest.raises(NotFound):
            offer(slug, course=course, stores=school.stores)

    def test_a_course_offers_an_assignment_once(self, school):
        before = offering_of(school)

        with pytest.raises(Conflict):
            offer("tiny", course="demo", stores=school.stores)

        assert offering_of(school) == before

    @pytest.mark.parametrize(("opens", "due", "closes"), [(1, 0, None), (None, 2, 1), (3, None, 2), (2, 3, 1)], ids=str)
    def test_an_offering_that_ends_before_it_begins_is_refused(self, empty, opens, due, closes):
        publish_in(empty)
        at = [None if days is None else NOON + timedelta(days=days) for days in (opens, due, closes)]
        dates = Dates(opens_at=at[0], due_at=at[1], closes_at=at[2])

        with pytest.raises(InvalidRequest):
            offer("tiny", course="demo", stores=empty.stores, dates=dates)

        assert offering_of(empty) is None

    def test_another_course_may_offer_it_too(self, school):
        people.add_course("night", title="Night", stores=school.stores)

        other = offer("tiny", course="night", stores=school.stores)

        assert other.offering_id != offering_of(school).offering_id


class TestMovingOn:
    def test_a_course_stays_with_its_version_until_it_is_told(self, school):
        before = offering_of(school)
        school.clock.pass_s(1)

        publish_in(school, TinyLoaded(version=NEW))
        publish_in(school, files={"assignment.yaml": b"mended"})

        assert offering_of(school) == before

    def test_it_moves_to_the_newest_version_and_texts_and_keeps_its_dates(self, school):
        before = offering_of(school)
        school.clock.pass_s(1)
        publish_in(school, TinyLoaded(version=NEW))
        publish_in(school, TinyLoaded(version=NEW), files={"assignment.yaml": b"mended"})

        moved = update_offering("tiny", course="demo", stores=school.stores).offering

        assert moved == replace(before, version=NEW, revision=2)
        assert offering_of(school) == moved

    def test_it_moves_to_newer_texts_of_the_same_version(self, school):
        publish_in(school, files={"assignment.yaml": b"mended"})

        moved = update_offering("tiny", course="demo", stores=school.stores).offering

        assert (moved.version, moved.revision) == (OLD, 2)

    def test_nothing_newer_leaves_it_as_it_is(self, school):
        done = update_offering("tiny", course="demo", stores=school.stores)

        assert done == OfferingUpdate(offering=offering_of(school))

    def test_it_does_not_move_to_a_version_that_failed(self, school):
        school.clock.pass_s(1)
        publish_in(school, TinyLoaded(version=NEW))
        set_state(school, VersionState.FAILED, NEW)

        assert update_offering("tiny", course="demo", stores=school.stores).offering.version == OLD

    def test_what_was_handed_in_before_keeps_its_result(self, school):
        old = school.submit("ann", notebook_bytes(x=3, y=4))
        school.work_off()
        school.clock.pass_s(1)
        school.loaded = TinyLoaded(version=NEW)
        publish_in(school)
        update_offering("tiny", course="demo", stores=school.stores)

        new = school.submit("bob", notebook_bytes(x=3, y=4))

        with school.stores.storage.reading() as tx:
            assert tx.runs.find_counting(old.submission.submission_id).version == OLD
            assert len(tx.runs.list_of(old.submission.submission_id)) == 1
        assert new.run.version == NEW

    def test_dates_that_are_given_replace_those_that_were_set(self, school_with_dates):
        school = school_with_dates(opens_at=NOON, due_at=NOON + timedelta(days=7))

        moved = update_offering(
            "tiny", course="demo", stores=school.stores, dates=Dates(due_at=NOON + timedelta(days=9))
        ).offering

        assert moved.dates == Dates(opens_at=NOON, due_at=NOON + timedelta(days=9))
        assert offering_of(school).dates == moved.dates

    def test_dates_in_a_wrong_order_change_nothing(self, school_with_dates):
        school = school_with_dates(opens_at=NOON)
        before = offering_of(school)
        school.clock.pass_s(1)
        publish_in(school, TinyLoaded(version=NEW))

        with pytest.raises(InvalidRequest):
            update_offering(
                "tiny", course="demo", stores=school.stores, dates=Dates(closes_at=NOON - timedelta(seconds=1))
            )

        assert offering_of(school) == before

    @pytest.mark.parametrize(("slug", "course"), [("tiny", "none"), ("other", "demo")], ids=["course", "not offered"])
    def test_what_is_not_offered_is_not_found(self, school, slug, course):
        publish_in(school, TinyLoaded(version=NEW, slug="other"))

        with pytest.raises(NotFound):
            update_offering(slug, course=course, stores=school.stores)


@pytest.mark.parametrize("step", [offer, update_offering], ids=["offer", "update"])
class TestRoles:
    @pytest.fixture
    def ready(self, school):
        """What is offered can be updated, what is not can be offered, in the same course."""
        publish_in(school, TinyLoaded(version=NEW, slug="other"))
        return school

    def slug(self, step):
        return "other" if step is offer else "tiny"

    @pytest.mark.parametrize("login", ["ida", "eve"], ids=["instructor", "admin"])
    def test_instructors_and_admins_may(self, ready, step, login):
        step(self.slug(step), course="demo", stores=ready.stores, by=ready.caller(login))

    @pytest.mark.parametrize("login", ["ann", "tom"], ids=["student", "ta"])
    def test_students_and_tas_may_not(self, ready, step, login):
        before = offering_of(ready, self.slug(step))

        with pytest.raises(Forbidden):
            step(self.slug(step), course="demo", stores=ready.stores, by=ready.caller(login))

        assert offering_of(ready, self.slug(step)) == before

    def test_an_instructor_of_another_course_does_not_see_this_one(self, ready, step):
        people.add_course("night", title="Night", stores=ready.stores)
        new = people.NewMember(login="nina", name="Nina", role=Role.INSTRUCTOR)
        people.add_member(new, course="night", stores=ready.stores)

        with pytest.raises(NotFound) as caught:
            step(self.slug(step), course="demo", stores=ready.stores, by=ready.caller("nina"))

        assert caught.value.facts["what"] == "course"


def test_a_failed_version_tried_again_grades_what_waited_for_it(school):
    """The whole way: the environment was at fault, the author publishes anew, the upload that waited is graded."""
    right = school.loaded
    school.loaded = replace(right, first=replace(right.first, verdict=Verdict.FAILED))
    receipt = school.submit("ann", notebook_bytes(x=3, y=4))
    school.work_off()
    assert read_version(OLD, stores=school.stores).state is VersionState.FAILED
    school.loaded = right

    publish_in(school)
    school.work_off(school.bench(runner=FakeRunner(environment="f" * 64)))

    assert read_version(OLD, stores=school.stores).state is VersionState.PROVED
    with school.stores.storage.reading() as tx:
        assert tx.runs.load_result(receipt.run.run_id).score == 15
