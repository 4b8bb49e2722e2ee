"""Files made of real submissions with a few things wrong: a sound notebook, or a refusal with a code."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from fuzzing import ODD_TREES, bounded, mutated
from golden import FOLDER
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.text import Language
from grader.errors import NotebookRefused
from grader.feedback.catalogue import sentence
from grader.notebook.locate import locate
from grader.notebook.read import read

PATHS = sorted(FOLDER.glob("*/*/*.ipynb"))[:: 1 + len(list(FOLDER.glob("*/*/*.ipynb"))) // 12]
WRAPPERS = [
    lambda tree: tree,
    lambda tree: [tree],
    lambda tree: {"cells": tree},
    lambda tree: {"nbformat": 3, "worksheets": [tree]},
    lambda tree: {"nbformat": 4, "metadata": tree, "cells": [{"cell_type": "code", "source": "x = 1"}]},
    lambda tree: {"nbformat": 4, "cells": [{"cell_type": "code", "source": "x = 1", "outputs": tree}]},
    lambda tree: {"nbformat": 4, "cells": [{"cell_type": "markdown", "source": tree, "attachments": tree}]},
]


@pytest.fixture(scope="module")
def wanted():
    from grader.catalog import bundled, parse, read_bundle

    return parse(read_bundle(bundled()["torch-tensor"])).wanted


def as_seed(path: Path) -> Any:
    content = json.loads(path.read_text("utf-8"))
    return {**content, "cells": content["cells"][:8]}


SEEDS = [as_seed(path) for path in PATHS]


def assert_keeps_its_promise(data: bytes, wanted: Any) -> None:
    """A notebook that locate can read and nbformat can write, or a refusal that has words in both languages."""
    try:
        notebook = read(data)
    except NotebookRefused as refused:
        notes = [refused.note]
    else:
        notes = [*notebook.repairs, *locate(notebook, wanted).notes]
        cells = [
            {"cell_type": cell.kind.value, "id": cell.cell_id, "metadata": {}, "source": cell.source}
            | ({"outputs": [], "execution_count": None} if cell.kind.value == "code" else {})
            for cell in notebook.cells
        ]
        content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
        nbformat.validate(nbformat.from_dict(content))
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    for note in notes:
        json.dumps(dict(note.facts), allow_nan=False).encode()
        assert all(sentence(note, language) for language in Language)


@given(mutated(st.sampled_from(SEEDS)))
@bounded(120)
def test_a_submission_with_a_few_things_wrong_is_read_or_refused(wanted, tree):
    assert_keeps_its_promise(json.dumps(tree).encode("ascii"), wanted)


@given(ODD_TREES, st.sampled_from(WRAPPERS))
@bounded(150)
def test_odd_json_anywhere_in_a_notebook_is_read_or_refused(wanted, tree, wrap):
    assert_keeps_its_promise(json.dumps(wrap(tree)).encode("ascii"), wanted)


@given(
    st.sampled_from(["[", '{"cells":[', '{"a":', '{"metadata":{"a":', '[{"cells":']),
    st.sampled_from([99, 101, 1_000, 30_000]),
    st.binary(max_size=4),
)
@bounded(25)
def test_deep_nesting_is_refused_by_name(wanted, opening, times, rest):
    assert_keeps_its_promise(opening.encode() * times + rest, wanted)


@given(st.sampled_from(SEEDS), st.sampled_from(["1" * 5_000, "-" + "9" * 400, "1e400", "1e-400", "0x10", "NaN", "-0"]))
@bounded(25)
def test_huge_and_strange_numbers_do_not_matter(wanted, seed, number):
    text = json.dumps(seed).replace('"nbformat_minor": 5', f'"nbformat_minor": {number}')

    assert_keeps_its_promise(text.encode("ascii").replace(b"null", number.encode()), wanted)
