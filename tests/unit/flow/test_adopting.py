"""A new version: everybody's points before and after are known before anything changes."""

from dataclasses import replace
from typing import ClassVar

import pytest
from doubles import FakeRunner
from school import TinyLoaded, notebook_bytes

from grader.domain.assignment import RubricItem
from grader.domain.ids import VersionHash
from grader.domain.regrading import RegradeState
from grader.domain.text import Text
from grader.errors import Conflict, Forbidden, NotFound
from grader.flow.adopting import ask_effect, move_to, read_effect
from grader.flow.manuscripts import publish_writing, read_writing, save
from grader.flow.progress import read_result
from grader.flow.publish import publish
from grader.flow.trial import apply_regrade

NEWER = TinyLoaded(version=VersionHash("b" * 64), reference_x=5)
"""It wants x = 5, where the version before wanted 3."""


@pytest.fixture
def publish_newer(school):
    """Publishes another version of what the course offers, and gives what its effect is asked by."""

    def publish_newer(loaded=NEWER):
        school.editions[b"newer"] = loaded
        facts = {"caller": school.caller("ida"), "stores": school.stores}
        save("demo", "tiny", {"assignment.yaml": b"newer"}, edition=0, **facts)
        publish_writing("demo", "tiny", edition=1, assignments=school.assignments, **facts)
        return ("demo", "tiny", loaded.version), facts

    return publish_newer


def scores(school):
    """Of ann and bob, as they stand."""
    found = {}
    for login in ("ann", "bob"):
        with school.stores.storage.reading() as tx:
            person = tx.people.find_by_login(login)
            course = tx.courses.find_by_slug("demo")
            offering = tx.offerings.find(course.course_id, slug="tiny")
            counting = tx.submissions.find_counting(offering.offering_id, person_id=person.person_id)
        found[login] = read_result(counting, caller=school.caller(login), stores=school.stores).result.score
    return found


@pytest.mark.parametrize(
    ("counts", "after"),
    [
        pytest.param(True, {"ann": 5, "bob": 15}, id="with the new points"),
        pytest.param(False, {"ann": 15, "bob": 5}, id="for what comes from now on"),
    ],
)
def test_who_gains_and_who_loses_is_known_before_anything_changes(school, publish_newer, counts, after):
    school.submit("ann", notebook_bytes(x=3, y=4))
    school.submit("bob", notebook_bytes(x=5, y=4))
    school.work_off()
    wanted, facts = publish_newer()

    ask_effect(*wanted, **facts)
    ask_effect(*wanted, **facts)  # a second click asks for nothing more
    assert not read_effect(*wanted, **facts).is_known
    with pytest.raises(Conflict):
        move_to(*wanted, counts=counts, **facts)
    school.work_off()

    effect = read_effect(*wanted, **facts)
    assert (effect.is_known, effect.is_offered) == (True, False)
    assert [line.login for line in effect.regrade.gaining] == ["bob"]
    assert [line.login for line in effect.regrade.losing] == ["ann"]
    assert scores(school) == {"ann": 15, "bob": 5}

    move_to(*wanted, counts=counts, **facts)

    assert read_effect(*wanted, **facts).is_offered
    assert scores(school) == after


def test_what_arrives_after_the_question_is_looked_at_too_or_graded_at_once(school, publish_newer):
    school.submit("ann", notebook_bytes(x=3, y=4))
    school.work_off()
    wanted, facts = publish_newer()
    ask_effect(*wanted, **facts)
    school.work_off()
    school.submit("bob", notebook_bytes(x=3, y=4))
    school.work_off()
    assert len(read_effect(*wanted, **facts).regrade.unseen) == 1

    ask_effect(*wanted, **facts)
    assert not read_effect(*wanted, **facts).is_known
    school.work_off()
    effect = read_effect(*wanted, **facts)
    assert ([line.login for line in effect.regrade.losing], list(effect.regrade.left_out)) == (["ann", "bob"], [])

    school.clock.pass_s(60)
    school.submit("bob", notebook_bytes(x=5, y=4))  # it waits in the queue for the version before
    move_to(*wanted, counts=True, **facts)
    school.work_off()
    assert scores(school) == {"ann": 5, "bob": 15}


def test_a_published_version_takes_effect_while_somebody_writes_the_next_one(school, publish_newer):
    school.submit("ann", notebook_bytes(x=3, y=4))
    school.submit("bob", notebook_bytes(x=5, y=4))
    school.work_off()
    wanted, facts = publish_newer()
    ask_effect(*wanted, **facts)
    school.work_off()
    save("demo", "tiny", {"assignment.yaml": b"half"}, edition=1, **facts)

    move_to(*wanted, counts=True, **facts)

    assert scores(school) == {"ann": 5, "bob": 15}
    writing = read_writing("demo", "tiny", **facts)
    assert (writing.is_changed, writing.manuscript.edition) == (True, 2)


def test_what_was_published_elsewhere_is_no_version_of_this_course(school):
    facts = {"caller": school.caller("ida"), "stores": school.stores}
    school.editions[b"newer"] = NEWER
    publish(NEWER, files={"assignment.yaml": b"newer"}, stores=school.stores)

    for step in (read_effect, ask_effect):
        with pytest.raises(NotFound):
            step("demo", "tiny", NEWER.version, **facts)
    with pytest.raises(NotFound):
        move_to("demo", "tiny", NEWER.version, counts=True, **facts)


def test_the_first_one_who_hands_in_is_looked_at_before_it_takes_effect(school, publish_newer):
    wanted, facts = publish_newer()
    ask_effect(*wanted, **facts)
    school.submit("ann", notebook_bytes(x=3, y=4))
    school.work_off()

    assert read_effect(*wanted, **facts).is_unasked
    with pytest.raises(Conflict):
        move_to(*wanted, counts=True, **facts)

    ask_effect(*wanted, **facts)
    school.work_off()
    assert [line.login for line in read_effect(*wanted, **facts).regrade.losing] == ["ann"]


def test_other_weights_of_words_show_before_the_version_takes_effect(school, publish_newer):
    items = (RubricItem(points=8, text=Text(ja="理由", en="A reason"), key="why"),)
    school.submit("ann", notebook_bytes(x=3, y=4))
    school.work_off()
    wanted, facts = publish_newer(replace(NEWER, rubric=items))
    ask_effect(*wanted, **facts)
    school.work_off()
    before = read_effect(*wanted, **facts).regrade.people[0].after.points
    heavier = replace(NEWER, rubric=(replace(items[0], points=9),))
    school.editions[b"heavier"] = heavier

    publish(heavier, files={"assignment.yaml": b"heavier"}, stores=school.stores)
    assert read_effect(*wanted, **facts).regrade.people[0].after.points == before, "another course's weights"

    save("demo", "tiny", {"assignment.yaml": b"heavier"}, edition=1, **facts)
    publish_writing("demo", "tiny", edition=2, assignments=school.assignments, **facts)
    assert read_effect(*wanted, **facts).regrade.people[0].after.points == before + 1


class Reweighed(TinyLoaded):
    """The same checks, of which the first one is worth more."""

    partial: ClassVar = {}

    @property
    def assignment(self):
        base = super().assignment
        first, *others = base.questions
        checks = tuple(replace(check, points=30, partial=self.partial) for check in first.checks)
        return replace(base, questions=(replace(first, checks=checks), *others))


class PartlyWorth(Reweighed):
    """It also gives points for some wrong answers."""

    partial: ClassVar = {"dtype": 5}


@pytest.mark.parametrize(
    ("kind", "reruns"),
    [
        pytest.param(Reweighed, False, id="stored verdicts say it all"),
        pytest.param(PartlyWorth, True, id="a kernel has to say how wrong it is"),
    ],
)
def test_other_points_alone_are_known_without_a_kernel(school, publish_newer, kind, reruns):
    school.submit("ann", notebook_bytes(x=3, y=4))
    school.submit("bob", notebook_bytes(x=77, y=4))
    school.work_off()
    wanted, facts = publish_newer(kind(version=NEWER.version))
    ask_effect(*wanted, **facts)
    runner = FakeRunner()

    school.work_off(school.bench(runner=runner))

    handed_in = [notebook for notebook in runner.notebooks if any(cell.source == "x = 77" for cell in notebook.cells)]
    assert bool(handed_in) is reruns
    move_to(*wanted, counts=True, **facts)
    assert scores(school) == {"ann": 35, "bob": 5}


def test_where_nothing_was_handed_in_it_takes_effect_once_it_is_proved(school, publish_newer):
    wanted, facts = publish_newer()
    ask_effect(*wanted, **facts)
    assert not read_effect(*wanted, **facts).is_known
    school.work_off()

    assert move_to(*wanted, counts=True, **facts) is None

    assert read_effect(*wanted, **facts).is_offered


def test_a_version_that_does_not_hold_takes_no_effect(school, publish_newer):
    wanted, facts = publish_newer(replace(NEWER, first=replace(NEWER.first, name="z")))
    ask_effect(*wanted, **facts)
    school.work_off()

    with pytest.raises(Conflict):
        move_to(*wanted, counts=True, **facts)


def test_nobody_waits_for_a_regrade_with_a_version_that_does_not_hold(school, publish_newer):
    school.submit("ann")
    school.work_off()
    wanted, facts = publish_newer(replace(NEWER, first=replace(NEWER.first, name="z")))
    ask_effect(*wanted, **facts)
    assert read_effect(*wanted, **facts).regrade.state is RegradeState.RUNNING
    school.work_off()

    effect = read_effect(*wanted, **facts)
    assert (effect.regrade.state, effect.is_known) == (RegradeState.REFUSED, False)
    with pytest.raises(Conflict):
        apply_regrade(effect.regrade.regrade.regrade_id, only_gains=False, **facts)


def test_only_instructors_see_and_decide(school, publish_newer):
    wanted, facts = publish_newer()
    for step in (read_effect, ask_effect):
        with pytest.raises(Forbidden):
            step(*wanted, **facts | {"caller": school.caller("tom")})
    with pytest.raises(NotFound):
        read_effect("demo", "tiny", VersionHash("f" * 64), **facts)
