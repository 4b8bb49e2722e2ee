"""`grader assignment selftest`: what an author reads, what a script gets, and what publishing adds."""

import json
import threading

import pytest
from doubles import FakeCanary

from grader.flow.grade import Bench
from grader.flow.proofs import Proofs, Prover
from grader.flow.watch import CageWatch
from grader.notebook.read import read
from grader.sandbox import wire
from grader.settings import Settings
from grader.wiring import data_folder
from grader.worker import Worker

STRICT = "value: x"
LOOSE = "value: {name: x, rtol: 0, atol: 1.5}"


@pytest.fixture
def spec(folder):
    """Writes the small assignment with another check of its first question, and more at its end."""

    def write(check, *, more="", reference=None):
        text = f"title: T\n{more}questions:\n  q1: {{prompt: P, {check}, points: 10}}\n"
        (folder / "assignment.yaml").write_text(text)
        return folder

    return write


def run(grader, folder, *options, language="en"):
    return grader("assignment", "selftest", folder, "--jobs", "1", "--lang", language, *options)


def survivors(grader, folder):
    told = json.loads(run(grader, folder, "--json").out)
    return [mutant for mutant in told["mutants"] if mutant["fate"] == "survived"]


def test_a_spec_that_notices_every_mistake_exits_0(grader, spec, runner):
    said = run(grader, spec(STRICT))

    assert said.status == 0
    assert "✓ Self-test of tiny: of 4 answers made wrong on purpose, 4 lost points" in said.out


def test_survivors_exit_6_and_are_sentences(grader, spec, runner):
    said = run(grader, spec(LOOSE))

    assert said.status == 6
    assert "q1 would also pass with the constant 4 in place of 3 (cell 2, line 1)." in said.out
    assert "+x = 4" not in said.out
    assert "accepted in assignment.yaml" in said.out


def test_the_code_behind_a_sentence_is_shown_on_request(grader, spec, runner):
    assert "+x = 4" in run(grader, spec(LOOSE), "--verbose").out


def test_sentences_come_in_japanese(grader, spec, runner):
    assert "定数 3 を 4 に変えても満点" in run(grader, spec(LOOSE), language="ja").out


def test_a_decision_written_down_is_one(grader, spec, runner):
    first, *others = survivors(grader, spec(LOOSE))

    told = json.loads(run(grader, spec(LOOSE, more=f"accepted: {{{first['id']}: any number}}\n"), "--json").out)

    (accepted,) = (mutant for mutant in told["mutants"] if mutant["fate"] == "accepted")
    assert (accepted["id"], accepted["reason"]) == (first["id"], "any number")
    assert told["counts"]["survived"] == len(others)


def test_a_script_gets_every_mutant(grader, spec, runner):
    said = run(grader, spec(LOOSE), "--json")

    told = json.loads(said.out)
    assert said.status == 6
    assert told["assignment"] == "tiny"
    assert sum(told["counts"].values()) == len(told["mutants"]) == 4
    for mutant in told["mutants"]:
        assert {"id", "question", "operator", "fate", "before", "after", "diff", "spilled"} <= mutant.keys()
        assert (mutant["message"] is not None) == (mutant["fate"] == "survived")


def test_an_author_limits_how_many_are_tried(grader, spec, runner):
    assert "of 2 answers" in run(grader, spec(STRICT), "--limit", "2").out


def test_a_right_answer_that_loses_points_exits_5(grader, spec, runner, notebook):
    folder = spec(STRICT)
    (folder / "equivalents").mkdir()
    (folder / "equivalents" / "other.ipynb").write_bytes(notebook("other.ipynb", x=9).read_bytes())

    said = run(grader, folder)

    assert said.status == 5
    assert "✗ equivalents/other.ipynb should be right, but loses points in q1." in said.out


def test_a_reference_that_does_not_hold_exits_5_before_anything_else(grader, spec, runner):
    said = run(grader, spec("value: z"))

    assert said.status == 5
    assert "q1" in said.err


class TestAfterPublishing:
    @pytest.fixture
    def worker(self, runner, tmp_path):
        """A worker beside the command, on the same data."""
        stop = threading.Event()
        with data_folder.open_stores(Settings(data_folder=tmp_path / "data")) as stores:
            assignments = data_folder.stored_assignments(stores)
            prover = Prover(stores=stores, assignments=assignments, runner=runner, codec=wire, secret=b"s")
            bench = Bench(
                stores=stores,
                assignments=assignments,
                proofs=Proofs(prover),
                runner=runner,
                codec=wire,
                read_notebook=read,
                secret=b"s",
            )
            watch = CageWatch(FakeCanary(), runner=runner, clock=stores.clock, every_s=3600)
            thread = threading.Thread(target=Worker("w", bench=bench, watch=watch).run, args=(stop,))
            thread.start()
            yield thread
            stop.set()
            thread.join()

    def test_survivors_are_told_and_stop_nothing(self, grader, spec, worker):
        said = grader("assignment", "publish", spec(LOOSE), "--lang", "en")

        assert said.status == 0
        assert "tiny is published" in said.out
        assert "would also pass" in said.out

    def test_nothing_is_said_where_nothing_survives(self, grader, spec, worker):
        said = grader("assignment", "publish", spec(STRICT), "--lang", "en")

        assert said.status == 0
        assert "tiny is published" in said.out
        assert "elf-test" not in said.out

    def test_a_test_that_is_still_to_come_is_announced(self, grader, spec):
        said = grader("assignment", "publish", spec(STRICT), "--wait", "0", "--lang", "en")

        assert said.status == 0
        assert "self-test is still to come" in said.out
