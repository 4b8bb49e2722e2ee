"""Points by rubric items follow the rubric when a course moves to newer texts; what was decided before is kept."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from doubles import NOON
from hypothesis import given
from hypothesis import strategies as st
from school import notebook_bytes

from grader.domain.assignment import RubricItem
from grader.domain.ids import QuestionId, VersionHash
from grader.domain.publishing import VersionState
from grader.domain.submission import DecisionKind
from grader.domain.text import Text
from grader.errors import Conflict, Forbidden, InvalidRequest, NotFound
from grader.flow.people import add_course
from grader.flow.progress import read_assignment, read_result, read_submission
from grader.flow.publish import offer, publish, update_offering
from grader.flow.review import Judgement, decide_points, history, override, read_rubrics
from grader.flow.rubrics import rubrics_of, worth
from grader.flow.table import TableQuery, read_table

WRONG, RIGHT = notebook_bytes(x=1, y=4), notebook_bytes(x=3, y=4)
Q2 = QuestionId("q2")


def items(**points):
    """A rubric by key; `_2` is the item in the second place."""
    return tuple(
        RubricItem(key=key.removeprefix("_"), points=each, text=Text(ja=key, en=key)) for key, each in points.items()
    )


FIRST = items(_1=3, because=2, _3=1)


class Desk:
    """A school whose words have a rubric, and one submission of ann's with 5 points by machine."""

    def __init__(self, school):
        self.school = school
        self.edit("first", FIRST)
        self.update()
        self.submission_id = self.hand_in("ann", WRONG)

    def hand_in(self, login, data):
        submission_id = self.school.submit(login, data).submission.submission_id
        self.school.work_off()
        return submission_id

    def edit(self, name, rubric=FIRST, **changes):
        """Publish new texts; returns their version."""
        loaded = replace(self.school.loaded, rubric=rubric, **changes)
        self.school.editions[name.encode()] = loaded
        return publish(loaded, files={"assignment.yaml": name.encode()}, stores=self.school.stores)

    def update(self):
        return update_offering("tiny", course="demo", stores=self.school.stores)

    def tick(self, *keys, points=None, by="tom", submission_id=None, question=Q2, assignments=None, **words):
        judgement = Judgement(
            submission_id=submission_id or self.submission_id,
            question_id=question,
            items=keys if points is None else None,
            points=points,
            **words,
        )
        return decide_points(judgement, **self.desk(by, assignments))

    def override(self, points, question="q2"):
        judgement = Judgement(
            submission_id=self.submission_id, question_id=QuestionId(question), points=points, reason="seen"
        )
        return override(judgement, **self.desk("tom"))

    def desk(self, login, assignments=None):
        return {
            "caller": self.school.caller(login),
            "stores": self.school.stores,
            "assignments": assignments or self.school.assignments,
        }

    def result(self, submission_id=None):
        who = self.school.caller("tom")
        return read_result(submission_id or self.submission_id, caller=who, stores=self.school.stores).result

    def totals(self, submission_id=None):
        result = self.result(submission_id)
        return result.score, result.decided, result.pending, result.points

    def told(self):
        return history(self.submission_id, caller=self.school.caller("tom"), stores=self.school.stores)


@pytest.fixture
def desk(school):
    return Desk(school)


class TestByItems:
    @pytest.mark.parametrize(
        ("keys", "score"),
        [((), 0), (("because",), 2), (("1", "3"), 4), (("3", "because", "1"), 6), (("1", "1"), 3)],
        ids=["none", "one", "some", "all", "twice is once"],
    )
    def test_points_follow_from_the_items_that_are_met(self, desk, keys, score):
        decision = desk.tick(*keys)

        assert decision.points == score
        assert desk.totals() == (5 + score, 21, 0, 21)

    def test_the_history_keeps_the_items_in_the_rubrics_order(self, desk):
        desk.tick("3", "1")
        desk.tick(points=2)

        assert [(each.items, each.points) for each in desk.told()] == [(("1", "3"), 4), (None, 2)]

    def test_an_item_that_the_rubric_lacks_is_refused(self, desk):
        with pytest.raises(InvalidRequest) as caught:
            desk.tick("1", "2")

        assert caught.value.facts["value"] == "2"
        assert desk.told() == ()

    def test_one_gives_items_or_points(self, desk):
        both = Judgement(submission_id=desk.submission_id, question_id=Q2, items=("1",), points=1)
        neither = replace(both, items=None, points=None)

        for judgement in (both, neither):
            with pytest.raises(InvalidRequest):
                decide_points(judgement, **desk.desk("tom"))
        with pytest.raises(InvalidRequest):
            override(replace(both, reason="seen"), **desk.desk("tom"))
        assert desk.told() == ()

    def test_staff_read_what_items_there_are(self, desk):
        ((question, check),) = read_rubrics(desk.submission_id, **desk.desk("tom"))

        assert (question.question_id, check.check_id) == ("q2", "words")
        assert [(item.key, item.points) for item in check.rubric] == [("1", 3), ("because", 2), ("3", 1)]

    @pytest.mark.parametrize(("login", "error"), [("ann", Forbidden), ("bob", NotFound)])
    def test_students_do_not(self, desk, login, error):
        with pytest.raises(error):
            read_rubrics(desk.submission_id, **desk.desk(login))


class TestAnotherRubric:
    def test_nothing_changes_before_the_course_moves(self, desk):
        desk.tick("1", "because")
        before = desk.result()

        desk.edit("second", items(_1=5, because=4))

        assert desk.result() == before
        assert len(desk.told()) == 1

    def test_points_by_items_are_recomputed_with_history(self, desk):
        desk.tick("1", "because", comment="Say why.", reason="second look")
        desk.edit("second", items(_1=5, because=4, _3=1))
        desk.school.clock.pass_s(60)

        done = desk.update()

        assert (done.recomputed, done.exceeding) == (1, ())
        assert desk.totals() == (14, 25, 0, 25)
        old, new = desk.told()
        assert (old.kind, old.points, old.reason, old.decided_at) == (DecisionKind.POINTS, 5, "second look", NOON)
        assert new == replace(
            old,
            decision_id=new.decision_id,
            kind=DecisionKind.RECOMPUTED,
            points=9,
            reason="revision 2 -> 3",
            decided_at=desk.school.clock.now(),
        )
        assert new.decision_id != old.decision_id
        assert desk.result().questions[1].checks[1].facts == {"points": 9, "of": 10, "comment": "Say why."}

    def test_an_item_that_moved_is_found_by_its_id_and_one_that_is_gone_loses_its_points(self, desk):
        desk.tick("because", "3")
        desk.edit("second", items(because=4, _2=3))

        desk.update()

        assert desk.told()[-1].points == 4
        assert desk.totals() == (9, 22, 0, 22)

    def test_an_item_may_be_given_an_id_before_it_is_moved(self, desk):
        desk.tick("1", "3")
        desk.edit("second", items(petals=3, because=2, _3=1))
        desk.update()
        desk.edit("third", items(because=2, petals=4, _3=1))

        desk.update()

        assert [(each.items, each.points) for each in desk.told()] == [
            (("1", "3"), 4),
            (("petals", "3"), 4),
            (("petals", "3"), 5),
        ]

    def test_an_item_that_comes_back_has_its_points_again(self, desk):
        desk.tick("because")
        desk.edit("second", items(_1=3))
        desk.update()
        assert desk.totals() == (5, 18, 0, 18)
        desk.edit("third", items(_1=3, because=1))

        assert desk.update().recomputed == 1

        assert [each.points for each in desk.told()] == [2, 0, 1]
        assert [each.reason for each in desk.told()] == ["", "revision 2 -> 3", "revision 3 -> 4"]

    def test_moving_again_recomputes_nothing(self, desk):
        desk.tick("1")
        desk.edit("second", items(_1=1))
        desk.update()

        assert desk.update().recomputed == 0
        assert len(desk.told()) == 2

    def test_other_words_recompute_nothing(self, desk):
        desk.tick("1")
        desk.edit("second", tuple(replace(item, text=Text(ja="訂", en="Mended")) for item in FIRST))

        assert desk.update().recomputed == 0
        assert len(desk.told()) == 1

    def test_only_the_valid_decision_is_recomputed(self, desk):
        desk.tick("1")
        desk.tick("because")
        desk.edit("second", items(_1=9, because=7))

        assert desk.update().recomputed == 1
        assert [each.points for each in desk.told()] == [3, 2, 7]

    def test_points_that_nobody_decided_wait_with_the_new_weight(self, desk):
        desk.edit("second", items(_1=8))
        desk.update()

        assert desk.totals() == (5, 15, 8, 23)

    def test_totals_and_the_assignments_points_say_the_same_as_the_result(self, desk):
        who = desk.school.caller("ann")
        desk.tick("because")
        desk.edit("second", items(because=8))
        desk.update()

        totals = read_submission(desk.submission_id, caller=who, stores=desk.school.stores).run.totals
        offered = read_assignment("demo", "tiny", caller=who, stores=desk.school.stores)

        assert (totals.score, totals.decided, totals.pending, totals.points) == desk.totals() == (13, 23, 0, 23)
        assert offered.revision.points == 23

    def test_another_submission_may_count_then(self, desk):
        desk.tick("1", "because", "3")
        other = desk.hand_in("ann", notebook_bytes(x=3, y=1))
        desk.tick(submission_id=other)

        def counts():
            with desk.school.stores.storage.reading() as tx:
                submission = tx.submissions.get(other)
                return tx.submissions.find_counting(submission.offering_id, person_id=submission.person_id)

        assert counts() == desk.submission_id
        desk.edit("second", items(_1=1, because=1))
        desk.update()

        assert (desk.totals()[0], desk.totals(other)[0]) == (7, 10)
        assert counts() == other

    def test_everybodys_decisions_are_recomputed(self, desk):
        bobs = desk.hand_in("bob", RIGHT)
        desk.tick("1")
        desk.tick("3", submission_id=bobs)
        desk.edit("second", items(_1=2, _2=2, _3=2))

        assert desk.update().recomputed == 2
        assert desk.totals(bobs) == (17, 21, 0, 21)

    def test_points_given_before_the_machine_is_done_are_recomputed_too(self, desk):
        waiting = desk.school.submit("bob", RIGHT).submission.submission_id
        desk.tick("1", submission_id=waiting)
        desk.edit("second", items(_1=7))

        assert desk.update().recomputed == 1

        desk.school.work_off()
        assert desk.totals(waiting) == (22, 22, 0, 22)

    def test_a_failure_on_the_way_moves_nothing(self, desk, monkeypatch):
        desk.tick("1")
        before = desk.result()
        desk.edit("second", items(_1=9))
        monkeypatch.setattr("grader.flow.rubrics.recount", lambda tx, submission: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            desk.update()

        assert desk.result() == before
        assert len(desk.told()) == 1

    def test_an_older_versions_results_stay(self, desk):
        desk.tick("1")
        desk.school.clock.pass_s(1)
        desk.edit("second", items(_1=9), version=VersionHash("b" * 64))

        assert desk.update().recomputed == 0
        assert desk.totals() == (8, 21, 0, 21)

    def test_who_decides_by_a_rubric_that_changes_meanwhile_is_told(self, desk):
        def load(version, *, revision):
            loaded = desk.school.assignments.load(version, revision=revision)
            desk.edit("second", items(_1=9))
            desk.update()
            return loaded

        with pytest.raises(Conflict):
            desk.tick("1", assignments=SimpleNamespace(load=load))

        assert desk.told() == ()


class TestBareNumbers:
    def test_they_stay_and_those_that_are_too_many_are_listed(self, desk):
        desk.tick(points=6)
        desk.edit("second", items(_1=3, because=1))

        done = desk.update()

        (one,) = done.exceeding
        assert (one.login, one.number, one.question_id, one.check_id) == ("ann", 1, "q2", "words")
        assert (one.points, one.most, done.recomputed) == (6, 4, 0)
        assert [each.points for each in desk.told()] == [6]
        assert desk.totals() == (9, 19, 0, 19)

    def test_those_that_fit_are_not_listed(self, desk):
        desk.tick(points=4)
        desk.edit("second", items(_1=3, because=1))

        assert desk.update().exceeding == ()

    def test_one_that_did_not_count_in_full_does_when_the_points_come_back(self, desk):
        desk.tick(points=6)
        desk.edit("second", items(_1=4))
        desk.update()
        desk.edit("third", items(_1=7))

        assert desk.update().exceeding == ()
        assert desk.totals() == (11, 22, 0, 22)

    def test_an_override_of_the_question_is_listed_too(self, desk):
        desk.override(11)
        desk.edit("second", items(_1=4))

        (one,) = desk.update().exceeding

        assert (one.check_id, one.points, one.most) == (None, 11, 9)
        assert desk.totals() == (9, 19, 0, 19)

    def test_an_override_of_another_question_is_not(self, desk):
        desk.override(10, question="q1")
        desk.edit("second", items(_1=1))

        assert desk.update().exceeding == ()


def test_a_revision_of_an_earlier_release_gets_its_weights_when_the_same_files_are_published(desk):
    with desk.school.stores.storage.writing() as tx:
        title = Text(ja="", en="")
        files = tx.versions.get_revision(desk.school.loaded.version).files
        tx.versions.add_revision(desk.school.loaded.version, title=title, points=0, rubrics={}, files=files, at=NOON)

    desk.edit("first")

    with desk.school.stores.storage.reading() as tx:
        revision = tx.versions.get_revision(desk.school.loaded.version)
    assert (revision.number, revision.points) == (2, 21)
    assert revision.rubrics == rubrics_of(replace(desk.school.loaded, rubric=FIRST).assignment)
    assert revision.rubrics == {"q2": {"words": {"1": 3, "because": 2, "3": 1}}}


def test_without_weights_the_points_of_the_run_stand(school):
    submission_id = school.submit("ann", WRONG).submission.submission_id
    school.work_off()

    found = read_result(submission_id, caller=school.caller("tom"), stores=school.stores).result

    assert (found.score, found.pending, found.points) == (5, 5, 20)


cents = st.integers(0, 1000).map(lambda number: number / 100)


@given(st.dictionaries(st.text("abc", max_size=3), cents), st.sets(st.text("abc", max_size=3)))
def test_items_are_worth_no_more_than_all_and_add_up(rubric, met):
    left = set(rubric) - met

    assert worth(met, rubric=rubric) + worth(left, rubric=rubric) == pytest.approx(worth(set(rubric), rubric=rubric))
    assert 0 <= worth(met, rubric=rubric) <= worth(set(rubric), rubric=rubric)
    assert round(worth(met, rubric=rubric), 2) == worth(met, rubric=rubric)


class TestOtherCourses:
    """A version belongs to whoever offers it; what one course publishes changes no points of another."""

    HEAVIER = items(_1=30, because=2, _3=1)

    @pytest.fixture
    def elsewhere(self, desk):
        """Another course that offers the same version."""
        stores = desk.school.stores
        add_course("other", title="Other", stores=stores)
        offer("tiny", course="other", stores=stores)
        return desk

    def read(self, desk):
        caller = desk.school.caller("tom")
        table = read_table("demo", query=TableQuery(search="ann"), caller=caller, stores=desk.school.stores)
        assert tuple(table.rows[0].cells[0].sums) == desk.totals()
        return desk.totals()

    def test_texts_that_another_course_offers_change_nothing_here(self, elsewhere):
        elsewhere.tick("1")
        before = self.read(elsewhere)

        elsewhere.edit("heavier", self.HEAVIER)
        update_offering("tiny", course="other", stores=elsewhere.school.stores)

        assert self.read(elsewhere) == before

    def test_nor_do_they_where_the_course_has_left_the_version(self, elsewhere):
        school = elsewhere.school
        elsewhere.tick("1")
        before = self.read(elsewhere)
        school.clock.pass_s(60)
        elsewhere.edit("next version", version=VersionHash("b" * 64))
        school.work_off()
        elsewhere.update()

        elsewhere.edit("heavier", self.HEAVIER)

        assert self.read(elsewhere) == before
        assert [each.kind for each in elsewhere.told()] == [DecisionKind.POINTS]

    def test_coming_back_to_a_version_with_other_texts_recomputes_what_people_gave(self, desk):
        school = desk.school
        desk.tick("1")
        school.clock.pass_s(60)
        desk.edit("next version", version=VersionHash("b" * 64))
        school.work_off()
        desk.update()
        school.clock.pass_s(60)
        desk.edit("heavier", self.HEAVIER)
        with school.stores.storage.writing() as tx:
            tx.versions.set_state(VersionHash("b" * 64), VersionState.FAILED)

        desk.update()

        assert desk.totals() == (5 + 30, 48, 0, 48)
