"""A spec tests itself: what it does not notice is told, what it punishes wrongly is a fault, nobody waits for it."""

from dataclasses import dataclass, replace

import pytest
from doubles import FakeRunner
from school import NameLogic, School, TinyLoaded, notebook_bytes

from grader.domain.jobs import JobKind
from grader.domain.publishing import VersionState
from grader.domain.result import Finding, Verdict
from grader.domain.selftest import Fate
from grader.domain.text import Language, Note
from grader.errors import SandboxFailed
from grader.feedback.catalogue import sentence
from grader.flow.grade import claim_next, work
from grader.flow.prove import prove
from grader.flow.publish import publish, read_self_test, read_version
from grader.flow.selftest import Interrupted, SelfTest

SECRET = b"secret"


@dataclass(frozen=True, kw_only=True)
class LooseLogic(NameLogic):
    """Whatever is there is right."""

    def evaluate(self, *, actual, expected):
        finding = super().evaluate(actual=actual, expected=expected)
        is_there = finding.verdict is not Verdict.MISSING
        return Finding(verdict=Verdict.PASSED, code="value.passed") if is_there else finding


@dataclass(frozen=True, kw_only=True)
class CautiousLogic(NameLogic):
    """Whatever is not right is left to a person."""

    def evaluate(self, *, actual, expected):
        finding = super().evaluate(actual=actual, expected=expected)
        is_wrong = finding.verdict is Verdict.FAILED
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="check.needs_review") if is_wrong else finding


@dataclass(frozen=True, kw_only=True)
class Loaded(TinyLoaded):
    """The tiny assignment whose second question asks for what it is told to."""

    second: str = "y"
    follows: bool = True

    @property
    def assignment(self):
        assignment = super().assignment
        first, second = assignment.questions
        checks = (replace(second.checks[0], logic=NameLogic(name=self.second)), *second.checks[1:])
        return replace(assignment, questions=(first, replace(second, checks=checks, follow_through=self.follows)))


def self_test(loaded=None, *, runner=None, files=None, **options):
    loaded = loaded or Loaded()
    runner = runner or FakeRunner()
    expected = prove(loaded, runner=runner, secret=SECRET)
    return SelfTest(loaded=loaded, files=files or {}, expected=expected, runner=runner, secret=SECRET, **options)


def fates(report, question="q1"):
    return {mutant.facts["after"]: mutant.fate for mutant in report.mutants if mutant.question_id == question}


def test_a_spec_that_notices_every_mistake_has_nothing_to_be_told():
    report = self_test().run()

    assert fates(report) == dict.fromkeys(("4", "2", "6", "0"), Fate.KILLED)
    assert fates(report, "q2") == dict.fromkeys(("5", "3", "8", "0"), Fate.KILLED)
    assert (report.faults, report.remarks, report.survivors, report.warns) == ((), (), (), False)
    assert report.version == Loaded().assignment.version
    assert report.environment == FakeRunner().environment


def test_a_mistake_that_keeps_its_points_survives_and_has_a_sentence_and_a_difference():
    report = self_test(Loaded(first=LooseLogic(name="x"))).run()

    assert set(fates(report).values()) == {Fate.SURVIVED}
    assert set(fates(report, "q2").values()) == {Fate.KILLED}
    assert report.warns
    for mutant in report.survivors:
        assert mutant.diff == f"@@ -1 +1 @@\n-x = 3\n+x = {mutant.facts['after']}"
        for language in Language:
            text = sentence(mutant.note, language)
            assert "q1" in text
            assert str(mutant.facts["after"]) in text


def test_a_mistake_that_a_person_has_to_judge_is_caught_but_counted_apart():
    report = self_test(Loaded(first=CautiousLogic(name="x"))).run()

    assert set(fates(report).values()) == {Fate.REVIEWED}
    assert not report.warns


@pytest.mark.parametrize(
    ("second", "reached"),
    [
        pytest.param("y", ["q1"], id="nothing behind it has to do with it"),
        pytest.param("x", ["q1", "q2"], id="a later check asks for its variable"),
    ],
)
def test_only_questions_that_can_feel_a_mistake_are_graded_again(second, reached):
    test = self_test(Loaded(second=second, follows=False))
    by_question = {mutant.question_id: mutant for mutant in test._mutants}

    asked = {key: test._felt.questions_behind(mutant) for key, mutant in by_question.items()}

    assert [question.question_id for question in asked["q1"]] == reached
    assert [question.question_id for question in asked["q2"]] == ["q2"]


def test_code_that_no_graded_question_can_feel_is_not_run_again():
    test = self_test()
    first, second = test.assignment.questions
    by_question = {mutant.question_id: mutant for mutant in test._mutants}

    def sources(question_id, *, questions):
        shortened = test._felt.shorten(by_question[question_id], questions=questions)
        return [cell.source for cell in shortened.code_cells]

    assert sources("q1", questions=[first]) == [by_question["q1"].source]
    assert sources("q2", questions=[second]) == ["", by_question["q2"].source]
    assert sources("q2", questions=[first, second]) == ["x = 3", by_question["q2"].source]


def test_what_only_the_mistake_itself_needs_is_kept():
    test = self_test()
    _, second = test.assignment.questions
    mutant = next(mutant for mutant in test._mutants if mutant.question_id == "q2")

    shortened = test._felt.shorten(replace(mutant, source="y = x"), questions=[second])

    assert [cell.source for cell in shortened.code_cells] == ["x = 3", "y = x"]


class TestDecisions:
    @pytest.fixture
    def loose(self):
        return Loaded(first=LooseLogic(name="x"))

    def test_a_survivor_with_a_reason_is_accepted_and_the_others_still_warn(self, loose):
        one, *others = self_test(loose).run().survivors

        report = self_test(replace(loose, accepted={one.mutant_id: "any number will do"})).run()

        (accepted,) = (mutant for mutant in report.mutants if mutant.fate is Fate.ACCEPTED)
        assert (accepted.mutant_id, accepted.reason) == (one.mutant_id, "any number will do")
        assert [mutant.mutant_id for mutant in report.survivors] == [mutant.mutant_id for mutant in others]

    def test_when_all_are_accepted_nothing_warns(self, loose):
        decided = {mutant.mutant_id: "fine" for mutant in self_test(loose).run().survivors}

        report = self_test(replace(loose, accepted=decided)).run()

        assert (report.warns, report.count(Fate.ACCEPTED), report.remarks) == (False, 4, ())

    def test_a_decision_about_no_mutant_and_one_that_is_not_needed_are_told(self):
        killed = self_test().run().mutants[0]

        report = self_test(Loaded(accepted={"m0000000": "?", killed.mutant_id: "?"})).run()

        assert [(note.code, note.facts["id"]) for note in report.remarks] == [
            ("selftest.accepted_unknown", "m0000000"),
            ("selftest.accepted_needless", killed.mutant_id),
        ]
        assert not report.warns

    def test_a_limit_does_not_hide_what_was_decided(self, loose):
        survivors = self_test(loose).run().survivors

        report = self_test(replace(loose, accepted={one.mutant_id: "fine" for one in survivors}), limit=1).run()

        assert report.count(Fate.ACCEPTED) == len(survivors)


class TestOneMistakeCostsOnce:
    def test_what_costs_points_elsewhere_is_told(self):
        report = self_test(Loaded(second="x", follows=False), limit=10).run()

        assert {mutant.spilled for mutant in report.mutants if mutant.question_id == "q1"} == {("q2",)}
        assert {mutant.spilled for mutant in report.mutants if mutant.question_id == "q2"} == {()}
        assert len(report.spilling) == 4
        assert report.warns

    def test_two_mistakes_of_a_question_tell_it_unless_more_are_asked_for(self):
        report = self_test(Loaded(second="x", follows=False)).run()

        assert [mutant.question_id for mutant in report.spilling] == ["q1", "q1"]
        assert len(report.mutants) == 8


class TestRightNotebooks:
    def test_answers_in_another_order_are_tried(self):
        report = self_test().run()

        assert report.tried == ("reordered",)

    def test_where_a_check_ties_the_answers_together_no_other_order_is_tried_and_that_is_told(self):
        report = self_test(Loaded(second="x")).run()

        assert report.tried == ("renamed",)
        assert report.remarks == (Note(code="selftest.not_reordered"),)
        assert not any(note.code == "selftest.not_reordered" for note in self_test().run().remarks)

    def test_equivalents_must_keep_their_points(self):
        files = {"equivalents/other.ipynb": notebook_bytes(x=3, y=4), "equivalents/notes.txt": b"?"}

        report = self_test(files=files).run()

        assert "equivalents/other.ipynb" in report.tried
        assert report.faults == ()

    def test_an_equivalent_that_loses_points_is_a_fault_with_the_check_s_own_words(self):
        report = self_test(files={"equivalents/other.ipynb": notebook_bytes(x=5, y=4)}).run()

        where, why = report.faults
        assert (where.code, where.facts) == (
            "selftest.right_loses",
            {"notebook": "equivalents/other.ipynb", "question": "q1"},
        )
        assert why.code == "value.differs"

    def test_an_equivalent_that_a_person_has_to_judge_is_remarked(self):
        loaded = Loaded(first=CautiousLogic(name="x"))

        report = self_test(loaded, files={"equivalents/other.ipynb": notebook_bytes(x=5, y=4)}).run()

        assert report.faults == ()
        assert [note.code for note in report.remarks] == ["selftest.right_waits", "check.needs_review"]

    def test_a_file_that_is_no_notebook_is_a_fault(self):
        report = self_test(files={"equivalents/other.ipynb": b"x = 3"}).run()

        assert [note.code for note in report.faults] == ["selftest.unreadable", "refused.python_script"]

    def test_a_template_must_earn_nothing(self):
        files = {"template.ja.ipynb": notebook_bytes(z=0), "template.en.ipynb": notebook_bytes(x=3)}

        report = self_test(files=files).run()

        assert [(note.code, note.facts) for note in report.faults] == [
            ("selftest.empty_earns", {"notebook": "template.en.ipynb", "question": "q1", "score": 10})
        ]

    def test_every_fault_has_a_sentence_in_both_languages(self):
        files = {"equivalents/a.ipynb": notebook_bytes(x=5, y=4), "template.ja.ipynb": notebook_bytes(x=3)}

        for note in self_test(files=files).run().faults:
            assert all(sentence(note, language) for language in Language if note.code.startswith("selftest"))


class TestInterruption:
    def test_it_makes_way_and_goes_on_where_it_was_left(self):
        known = {}
        moments = iter([False] * 4 + [True])

        with pytest.raises(Interrupted):
            self_test(known=known, should_stop=lambda: next(moments)).run()
        done = set(known)
        runner = FakeRunner()
        test = self_test(runner=runner, known=known)
        runs_before = runner.runs
        report = test.run()

        assert 0 < len(done) < len(report.mutants)
        assert {mutant.mutant_id for mutant in report.mutants} == set(known)
        graded = runner.runs - runs_before
        fresh = self_test(runner=(other := FakeRunner()))
        runs_before = other.runs
        fresh.run()
        assert other.runs - runs_before == graded + len(done)

    def test_a_failure_of_ours_is_no_mutant_s_fate(self):
        runner = FakeRunner()
        test = self_test(runner=runner)
        runner.trouble = [None] * 5 + [SandboxFailed(what="gone")]

        with pytest.raises(SandboxFailed):
            test.run()


def test_mutants_have_no_more_time_than_they_need():
    seen = []

    class Watching(FakeRunner):
        def run(self, notebook, *, limits, **others):
            seen.append(limits.total_s)
            return super().run(notebook, limits=limits, **others)

    self_test(runner=Watching()).run()

    assert max(seen) == 120
    assert seen[-1] == 15


# --- as a job -----------------------------------------------------------------------------------------------------


@pytest.fixture
def empty(tmp_path):
    school = School.open(tmp_path)
    school.loaded = Loaded(first=LooseLogic(name="x"))
    yield school
    school.stores.storage.close()


def publish_in(school, **options):
    files = {"assignment.yaml": b"tiny", "equivalents/same.ipynb": notebook_bytes(x=3, y=4)}
    return publish(school.loaded, files=files, stores=school.stores, **options).version


def depth(school):
    with school.stores.storage.reading() as tx:
        return school.stores.queue.depth(tx).waiting


class TestJob:
    def test_the_report_is_stored_beside_the_version(self, empty):
        version = publish_in(empty, self_test=True)
        assert read_self_test(version, stores=empty.stores) is None

        assert empty.work_off() == 2

        report = read_self_test(version, stores=empty.stores)
        expected = prove(empty.loaded, runner=FakeRunner(), secret=SECRET)
        files = {"equivalents/same.ipynb": notebook_bytes(x=3, y=4)}
        again = SelfTest(loaded=empty.loaded, files=files, expected=expected, runner=FakeRunner(), secret=SECRET).run()
        assert report == again
        assert len(report.survivors) == 4
        assert read_version(version, stores=empty.stores).state is VersionState.PROVED

    def test_nobody_asks_for_one_unasked(self, empty):
        version = publish_in(empty)

        assert empty.work_off() == 1
        assert read_self_test(version, stores=empty.stores) is None

    def test_a_new_one_replaces_the_old_one_and_can_be_waited_for(self, empty):
        version = publish_in(empty, self_test=True)
        empty.work_off()
        one, *_ = read_self_test(version, stores=empty.stores).survivors
        empty.clock.pass_s(60)
        asked_at = empty.clock.now()
        empty.loaded = replace(empty.loaded, accepted={one.mutant_id: "fine"})
        publish(empty.loaded, files={"assignment.yaml": b"decided"}, stores=empty.stores, self_test=True)

        assert read_self_test(version, stores=empty.stores, since=asked_at) is None
        empty.work_off()

        assert len(read_self_test(version, stores=empty.stores, since=asked_at).survivors) == 3

    def test_a_version_that_failed_gets_no_report(self, empty):
        empty.loaded = Loaded(first=NameLogic(name="x", verdict=Verdict.FAILED))
        version = publish_in(empty, self_test=True)

        empty.work_off()

        assert read_version(version, stores=empty.stores).state is VersionState.FAILED
        assert read_self_test(version, stores=empty.stores) is None
        assert depth(empty) == 0

    def test_a_student_s_work_comes_first_even_when_the_test_has_begun(self, empty):
        publish_in(empty, self_test=True)
        bench = empty.bench()
        work(claim_next(worker="w", kinds=[JobKind.PUBLISH], bench=bench), bench=bench)
        testing = claim_next(worker="w", kinds=[JobKind.SELF_TEST], bench=bench)
        with empty.stores.storage.writing() as tx:
            empty.stores.queue.enqueue(tx, kind=JobKind.PUBLISH, subject=Loaded().version)

        work(testing, bench=bench)

        assert depth(empty) == 2
        first = claim_next(worker="w", kinds=tuple(JobKind), bench=bench)
        assert first.kind is JobKind.PUBLISH
        work(first, bench=bench)
        second = claim_next(worker="w", kinds=tuple(JobKind), bench=bench)
        assert (second.kind, second.attempt) == (JobKind.SELF_TEST, 1)
        work(second, bench=bench)
        assert read_self_test(Loaded().version, stores=empty.stores) is not None

    def test_one_that_keeps_failing_is_given_up_and_the_version_stays(self, empty):
        version = publish_in(empty, self_test=True)
        empty.work_off(empty.bench())
        with empty.stores.storage.writing() as tx:
            empty.stores.queue.enqueue(tx, kind=JobKind.SELF_TEST, subject=version)
        bench = empty.bench(max_attempts=1)
        claim_next(worker="died", kinds=[JobKind.SELF_TEST], bench=bench)
        empty.clock.pass_s(60)

        assert claim_next(worker="w", kinds=[JobKind.SELF_TEST], bench=bench) is None

        assert depth(empty) == 0
        assert read_version(version, stores=empty.stores).state is VersionState.PROVED
