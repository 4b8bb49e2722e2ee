"""The read side: everyone sees what is theirs to see, and no more."""

from dataclasses import replace
from datetime import timedelta

import pytest
from doubles import NOON, FakeRunner
from school import notebook_bytes

from grader.domain.ids import EnvironmentHash, SubmissionId
from grader.domain.jobs import SandboxState, WorkerHealth
from grader.domain.people import Role
from grader.domain.submission import RunState
from grader.domain.text import Note
from grader.errors import Forbidden, NotFound
from grader.flow import people, progress
from grader.flow.regrade import regrade

A, B = notebook_bytes(x=3, y=4), notebook_bytes(x=1)


def ask(school, function, *args, login="ann", **facts):
    return getattr(progress, function)(*args, caller=school.caller(login), stores=school.stores, **facts)


def test_a_course_is_listed_for_its_members(school):
    people.add_course("other", title="Other", stores=school.stores)
    assert [(view.course.slug, view.role) for view in ask(school, "list_courses")] == [("demo", Role.STUDENT)]
    everything = ask(school, "list_courses", login="eve")
    assert [(view.course.slug, view.role) for view in everything] == [("demo", None), ("other", None)]


def test_a_course_is_hidden_from_others(school):
    people.add_course("other", title="Other", stores=school.stores)
    assert ask(school, "read_course", "demo").course.slug == "demo"
    for slug in ("other", "none"):
        with pytest.raises(NotFound):
            ask(school, "read_course", slug)


def test_a_roster_is_for_staff(school):
    with pytest.raises(Forbidden):
        ask(school, "list_members", "demo")
    page = ask(school, "list_members", "demo", login="tom")
    assert [member.person.login for member in page.items] == ["ann", "bob", "ida", "tom"]
    assert page.next_after is None


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_pages_of_a_roster_join_to_the_whole(school, limit):
    seen, after = [], None
    while True:
        page = ask(school, "list_members", "demo", login="ida", after=after, limit=limit)
        assert len(page.items) <= limit
        seen += [member.person.login for member in page.items]
        after = page.next_after
        if after is None:
            break
    assert seen == ["ann", "bob", "ida", "tom"]


def test_an_assignment_shows_its_version_and_texts(school):
    view = ask(school, "read_assignment", "demo", "tiny")
    assert (view.version.points, view.revision.title.en, view.offering.slug) == (20, "Tiny", "tiny")
    assert ask(school, "list_assignments", "demo") == (view,)
    with pytest.raises(NotFound):
        ask(school, "read_assignment", "demo", "other")


def test_what_has_not_opened_is_for_staff_alone(school_with_dates):
    school = school_with_dates(opens_at=NOON + timedelta(hours=1))
    assert ask(school, "list_assignments", "demo") == ()
    with pytest.raises(NotFound):
        ask(school, "read_assignment", "demo", "tiny")
    with pytest.raises(NotFound):
        ask(school, "list_submissions", "demo", "tiny")
    assert len(ask(school, "list_assignments", "demo", login="tom")) == 1
    school.clock.pass_s(3600)
    assert len(ask(school, "list_assignments", "demo")) == 1


def test_a_submission_is_its_students_and_the_staffs(school):
    submission_id = school.submit("ann", A).submission.submission_id
    school.work_off()
    for login in ("ann", "tom", "ida", "eve"):
        view = ask(school, "read_submission", submission_id, login=login)
        assert (view.person.login, view.submission.number, view.counts) == ("ann", 1, True)
        assert ask(school, "read_notebook", submission_id, login=login) == A
        assert ask(school, "read_executed", submission_id, login=login) == b'{"cells": []}'
        assert ask(school, "read_result", submission_id, login=login).result.score == 15


@pytest.mark.parametrize("function", ["read_submission", "read_result", "read_notebook", "read_executed"])
def test_another_students_submission_does_not_exist(school, function):
    submission_id = school.submit("ann", A).submission.submission_id
    school.work_off()
    for asked in (submission_id, SubmissionId("none")):
        with pytest.raises(NotFound):
            ask(school, function, asked, login="bob")


def test_staff_of_another_course_are_strangers(school):
    people.add_course("other", title="Other", stores=school.stores)
    people.add_member(
        people.NewMember(login="sam", name="", role=Role.INSTRUCTOR), course="other", stores=school.stores
    )
    submission_id = school.submit("ann", A).submission.submission_id
    with pytest.raises(NotFound):
        ask(school, "read_submission", submission_id, login="sam")
    with pytest.raises(NotFound):
        ask(school, "list_submissions", "demo", "tiny", login="sam")


def test_while_it_waits_there_is_a_run_and_no_result(school):
    submission_id = school.submit("ann", A).submission.submission_id
    view = ask(school, "read_result", submission_id)
    assert (view.submission.run.state, view.result, view.decisions) == (RunState.QUEUED, None, ())
    with pytest.raises(NotFound):
        ask(school, "read_executed", submission_id)


def test_while_it_is_regraded_the_old_result_stands(school):
    submission_id = school.submit("ann", A).submission.submission_id
    school.work_off()
    regrade(submission_id, stores=school.stores)
    view = ask(school, "read_result", submission_id)
    assert (view.submission.run.state, view.result.score) == (RunState.FINISHED, 15)


def test_feedback_is_held_back_until_its_date(school_with_dates):
    school = school_with_dates(feedback_at=NOON + timedelta(hours=1))
    submission_id = school.submit("ann", A).submission.submission_id
    school.work_off()
    held = ask(school, "read_result", submission_id)
    assert (held.result, held.submission.is_released, held.submission.run.totals) == (None, False, None)
    assert held.submission.run.state is RunState.FINISHED
    with pytest.raises(NotFound):
        ask(school, "read_executed", submission_id)
    assert ask(school, "read_notebook", submission_id) == A
    assert ask(school, "read_result", submission_id, login="tom").result.score == 15
    school.clock.pass_s(3600)
    assert ask(school, "read_result", submission_id).result.score == 15


def test_students_list_their_own_and_staff_list_all(school):
    for number, login in enumerate(("ann", "bob", "ann")):
        school.submit(login, notebook_bytes(x=number), seconds=number)

    def listed(login, **facts):
        page = ask(school, "list_submissions", "demo", "tiny", login=login, **facts)
        return [(view.person.login, view.submission.number) for view in page.items]

    assert listed("ann") == [("ann", 2), ("ann", 1)]
    assert listed("bob") == [("bob", 1)]
    assert listed("tom") == [("ann", 2), ("bob", 1), ("ann", 1)]


def test_staff_may_ask_for_one_person_and_students_for_themselves(school):
    school.submit("ann", A)
    school.submit("bob", A)

    def listed(asker, whose):
        page = progress.list_submissions("demo", "tiny", caller=school.caller(asker), stores=school.stores, login=whose)
        return [view.person.login for view in page.items]

    assert listed("tom", "bob") == ["bob"]
    assert listed("ann", "ann") == ["ann"]
    for asker, whose in (("ann", "bob"), ("ann", "nobody"), ("tom", "nobody")):
        with pytest.raises(NotFound):
            listed(asker, whose)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_of_submissions_join_to_the_whole_even_when_new_ones_arrive(school, limit):
    for number in range(5):
        school.submit("ann", notebook_bytes(x=number), seconds=number // 2)  # some in the same moment
    seen, after = [], None
    while True:
        page = ask(school, "list_submissions", "demo", "tiny", after=after, limit=limit)
        seen += [view.submission.number for view in page.items]
        after = page.next_after
        if after is None:
            break
        school.submit("bob", notebook_bytes(y=len(seen)), seconds=100)
    assert sorted(seen) == [1, 2, 3, 4, 5]


def test_only_one_submission_counts(school):
    school.submit("ann", A)
    school.submit("ann", B)
    school.work_off()
    page = ask(school, "list_submissions", "demo", "tiny")
    assert [(view.submission.number, view.counts) for view in page.items if view.counts] == [(1, True)]


def health(school, **facts):
    seen = WorkerHealth(worker="w1", seen_at=school.clock.now(), sandbox=SandboxState.READY)
    with school.stores.storage.writing() as tx:
        tx.workers.report(replace(seen, **facts))


def test_readiness_names_what_is_missing(school):
    told = progress.read_readiness(stores=school.stores)
    assert (told.can_grade, told.workers, told.reasons) == (False, (), (Note(code="ready.no_worker"),))
    assert [version.version for version in told.ungradable] == [school.loaded.version]
    assert told.queue.waiting == 1
    reason = Note(code="ready.sandbox_unavailable", facts={"what": "bubblewrap is missing"})
    health(school, sandbox=SandboxState.UNAVAILABLE, reason=reason)
    health(school, worker="w2", sandbox=SandboxState.UNAVAILABLE, reason=reason)
    told = progress.read_readiness(stores=school.stores)
    assert (told.can_grade, told.reasons) == (False, (reason,))
    school.work_off(school.bench(runner=FakeRunner()))
    health(school, environment=EnvironmentHash("e" * 64))
    told = progress.read_readiness(stores=school.stores)
    assert (told.can_grade, told.ungradable, told.queue.waiting) == (True, (), 0)


def test_a_worker_that_is_silent_for_long_is_not_counted(school):
    health(school)
    school.clock.pass_s(progress.WORKER_SILENT_S)
    assert progress.read_readiness(stores=school.stores).can_grade
    school.clock.pass_s(1)
    assert not progress.read_readiness(stores=school.stores).can_grade
