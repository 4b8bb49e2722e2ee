"""The command line in this process: its real arguments and output, with a fake sandbox where one is needed."""

import json
from contextlib import contextmanager
from functools import partial

import pytest
from command_line import call
from doubles import FakeRunner

from grader.domain.device import Device
from grader.wiring import kernels

SPEC = """\
title: {ja: 小さな課題, en: Tiny}
questions:
  q1: {prompt: P, value: x, points: 10}
  q2: {prompt: P, value: y, points: 5, written: [{points: 5, text: W}]}
"""


def make_notebook(**values):
    """A notebook that answers question n with its n-th variable."""

    cells = []
    for number, (name, value) in enumerate(values.items(), start=1):
        heading = {"cell_type": "markdown", "metadata": {}, "id": f"h{number}", "source": f"## 問題{number}"}
        answer = {"cell_type": "code", "metadata": {}, "id": f"c{number}", "source": f"{name} = {value!r}"}
        cells += [heading, answer | {"outputs": [], "execution_count": None}]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


@pytest.fixture
def grader(monkeypatch, capsys, tmp_path):
    """Calls a command on a data folder of its own; gives its exit status and what it printed."""
    monkeypatch.setenv("GRADER_DATA_FOLDER", str(tmp_path / "data"))
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    return partial(call, capsys=capsys, monkeypatch=monkeypatch)


@pytest.fixture
def runner(monkeypatch):
    """What stands for the sandbox."""
    runner = FakeRunner()

    @contextmanager
    def open_runner(settings, *, slots=1, device=Device.CPU):
        yield runner

    monkeypatch.setattr(kernels, "open_runner", open_runner)
    return runner


@pytest.fixture
def folder(tmp_path):
    """A small assignment's folder."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "assignment.yaml").write_text(SPEC)
    (folder / "reference.ipynb").write_bytes(make_notebook(x=3, y=4))
    return folder


@pytest.fixture
def notebook(tmp_path):
    """Writes a notebook file with these answers."""

    def write(name, **values):
        path = tmp_path / name
        path.write_bytes(make_notebook(**values))
        return path

    return write
