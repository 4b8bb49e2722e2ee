"""The command line as its users call it: real kernels and a real service."""

import json
import os
import re
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from command_line import Said, call
from documentation import CHECKOUT, notebook_of
from golden import load_golden

from grader.flow.report import CheckReport, QuestionReport, ResultReport

FULL = next(golden for golden in load_golden("torch-tensor") if golden.name == "colab_roll_call").path
NEAR = next(golden for golden in load_golden("torch-tensor") if golden.name == "float_tensor").path

SPEC = """\
title: {ja: 小さな課題, en: Tiny}
questions:
  q1: {prompt: {ja: "{{print(x)}}", en: "{{print(x)}}"}, value: x, points: 10}
"""
REFERENCE = "# %% [markdown]\n# ## 問題1\n# %%\nx = REFERENCE\n"


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    """For commands that must not need one."""
    return tmp_path_factory.mktemp("cli") / "data"


@pytest.fixture
def grader(capsys, monkeypatch, data_folder):
    """Calls a command in this process: a Python process for each would take most of the time."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("GRADER_DATA_FOLDER", str(data_folder))
    return partial(call, capsys=capsys, monkeypatch=monkeypatch)


@pytest.fixture
def process(tmp_path, data_folder):
    """Calls a command in a process of its own, from another folder."""

    def start(*arguments, **environment):
        done = subprocess.run(
            [sys.executable, "-m", "grader", *(str(argument) for argument in arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"LC_ALL": "C.UTF-8", "GRADER_DATA_FOLDER": str(data_folder)} | environment,
            timeout=180,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return start


@pytest.fixture
def operate(grader, service):
    """Commands for the operator, on the data folder of the service that runs."""
    return lambda *arguments: grader(*arguments, GRADER_DATA_FOLDER=str(service.data_folder))


@pytest.fixture(scope="module")
def student(service):
    """Signs in as a student: variables for `grader submit`."""
    client = service.add_member("cli-student")
    token = client.headers["authorization"].removeprefix("Bearer ")
    return {"GRADER_URL": service.url, "GRADER_TOKEN": token}


@pytest.fixture
def tiny(tmp_path):
    def write(reference="[1, 2]", *, name="tiny", spec=SPEC):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "assignment.yaml").write_text(spec)
        (folder / "reference.ipynb").write_bytes(notebook_of(REFERENCE.replace("REFERENCE", reference)))
        return folder

    return write


def test_a_pile_of_notebooks_is_graded_in_order_without_a_service(process, tmp_path, data_folder):
    broken = tmp_path / "broken.ipynb"
    broken.write_bytes(FULL.read_bytes()[:-40])

    done = process("grade", FULL, broken, NEAR, "--assignment", "torch-tensor", "--json", "--lang", "ja")

    assert (done.status, done.err) == (3, "")
    full, refused, near = (json.loads(line) for line in done.out.splitlines())
    assert [each["notebook"] for each in (full, refused, near)] == [str(FULL), str(broken), str(NEAR)]
    for report in (full, refused, near):
        assert list(report) == list(ResultReport.__annotations__)
        for question in report["questions"]:
            assert list(question) == list(QuestionReport.__annotations__)
            for check in question["checks"]:
                assert list(check) == list(CheckReport.__annotations__)
    assert (full["score"], full["pending"], full["points"]) == (75, 25, 100)
    assert (refused["refused"]["code"], refused["score"], refused["questions"]) == ("truncated", None, [])
    assert "ファイル" in refused["refused"]["message"]
    assert near["score"] < 75
    assert not data_folder.exists()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_readmes_example_is_what_is_printed(grader, monkeypatch, language):
    monkeypatch.chdir(CHECKOUT)
    shown = re.findall(
        r"^```\n(tests/golden/\S+)\n(.*?)^```", Path("README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (notebook, expected) = next((name, text) for name, text in shown if ("決" in text) == (language == "ja"))

    done = grader("grade", notebook, "--assignment", "torch-tensor", "--lang", language, COLUMNS="100")

    assert [line.rstrip() for line in done.out.rstrip().splitlines()] == [notebook, *expected.splitlines()]


def test_without_the_kernels_environment_grading_is_refused_in_one_sentence(grader, tmp_path):
    done = grader("grade", FULL, "--assignment", "torch-tensor", GRADER_KERNEL_PYTHON=str(tmp_path / "no-python"))

    assert (done.status, done.out) == (4, "")
    assert len(done.err.splitlines()) == 1
    assert str(tmp_path / "no-python") in done.err


class TestSubmitting:
    def hand_in(self, grader, student, file, *more, **environment):
        arguments = ("submit", file, "--course", "demo", "--assignment", "torch-tensor", *more)
        return grader(*arguments, **student | environment)

    def test_a_notebook_is_handed_in_and_its_result_shown(self, process, student):
        done = self.hand_in(process, student, FULL, "--json", "--lang", "en")

        report = json.loads(done.out)
        assert (done.status, done.err) == (0, "")
        assert list(report) == list(ResultReport.__annotations__)
        assert (report["score"], report["pending"]) == (75, 25)

    def test_the_table_is_readable_at_60_columns(self, grader, student):
        done = self.hand_in(grader, student, NEAR, "--lang", "en", COLUMNS="60")

        lines = done.out.splitlines()
        assert done.status == 0
        assert max(len(line) for line in lines) <= 60
        marks = {line.split()[1]: line.split()[0] for line in lines if re.search(r"\bq[1-6]\b", line[:8])}
        assert list(marks) == ["q1", "q2", "q3", "q4", "q5", "q6"]
        assert marks["q1"] == "△"

    def test_handing_in_alone_prints_the_submission(self, grader, student):
        done = self.hand_in(grader, student, FULL, "--wait", "0")

        assert done.status == 0
        assert json.loads(done.out)["id"]

    def test_a_refused_file_gives_3_and_says_what_to_do(self, grader, student, tmp_path):
        (tmp_path / "kadai.ipynb").write_bytes(b"%PDF-1.7 ...")

        done = self.hand_in(grader, student, tmp_path / "kadai.ipynb", "--lang", "ja")

        assert (done.status, done.out) == (3, "")
        assert ".ipynb" in done.err
        assert len(done.err.splitlines()) == 1

    @pytest.mark.parametrize("token", ["grd_" + "A" * 43, "トークン"], ids=["unknown", "not even letters"])
    def test_a_wrong_token_gives_2(self, grader, student, token):
        done = self.hand_in(grader, student, FULL, GRADER_TOKEN=token)

        assert (done.status, done.out) == (2, "")
        assert len(done.err.splitlines()) == 1
        assert token not in done.err

    def test_a_course_that_is_not_there_gives_2(self, grader, student):
        done = grader("submit", FULL, "--course", "none", "--assignment", "torch-tensor", **student)

        assert (done.status, done.out) == (2, "")

    def test_a_file_that_is_not_there_gives_2(self, grader, student):
        done = self.hand_in(grader, student, "missing.ipynb")

        assert (done.status, done.out) == (2, "")
        assert "missing.ipynb" in done.err

    @pytest.mark.parametrize(("url", "status"), [("free", 4), ("ftp://localhost", 4), ("http://[::1", 2)])
    def test_a_service_that_cannot_be_reached_is_told(self, grader, student, url, status):
        if url == "free":
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                url = f"http://127.0.0.1:{free.getsockname()[1]}"

        done = self.hand_in(grader, student, FULL, GRADER_URL=url)

        assert (done.status, done.out) == (status, "")
        assert len(done.err.splitlines()) == 1
        assert "Traceback" not in done.err


def test_an_operator_brings_a_course_of_an_own_assignment_into_being(operate, grader, service, tiny, tmp_path):
    """The tour of the README: publish, course, offer, member, token, hand in; then a new version."""
    folder = tiny("[1, 2]", name="lists")
    published = operate("assignment", "publish", folder, "--lang", "en")
    assert (published.status, published.err) == (0, "")
    assert "lists is published" in published.out
    assert operate("course", "add", "cli-course", "--title", "CLI").out == "cli-course\n"
    offered = operate("course", "offer", "cli-course", "lists").out
    assert re.fullmatch(r"cli-course/lists [0-9a-f]{12}\n", offered)
    assert operate("member", "add", "cli-course", "cli-ann").out == "cli-ann student\n"
    token = operate("token", "new", "cli-ann").out
    assert re.fullmatch(r"grd_\S+\n", token)
    (tmp_path / "hw.ipynb").write_bytes(notebook_of(REFERENCE.replace("REFERENCE", "[1, 2]")))
    hand_in = ("submit", tmp_path / "hw.ipynb", "-c", "cli-course", "-a", "lists", "--json")
    signed_in = {"GRADER_URL": service.url, "GRADER_TOKEN": token.strip()}
    assert json.loads(grader(*hand_in, **signed_in).out)["score"] == 10

    assert operate("assignment", "publish", tiny("[2, 1]", name="lists")).status == 0
    updated = operate("course", "update", "cli-course", "lists").out
    again = json.loads(grader(*hand_in, **signed_in).out)

    assert re.fullmatch(r"cli-course/lists [0-9a-f]{12}\n", updated)
    assert updated != offered
    assert again["version"].startswith(updated.split()[1])
    assert again["score"] == 0


def test_a_spec_that_does_not_hold_is_told_to_who_publishes_it(operate, tiny):
    done = operate("assignment", "publish", tiny("__import__('random').random()", name="dice"), "--lang", "en")

    assert (done.status, done.out) == (5, "")
    assert "random seed" in done.err
    assert operate("course", "offer", "demo", "dice").status == 2
