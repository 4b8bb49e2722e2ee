"""A draft from a solved notebook, in the real sandbox: what it proposes holds."""

import textwrap

import pytest
import yaml
from documentation import notebook_of

from grader.errors import NothingToDraft
from grader.flow.draft import draft
from grader.flow.prove import prove
from grader.notebook.read import read
from grader.wiring import loading

SOLVED = """
# %% [markdown]
# # Lecture
# %%
import torch
import urllib.request
# %%
urllib.request.urlopen("http://example.org")
# %% [markdown]
# ## Tensors
# Make two tensors.
# %%
t = torch.arange(6).reshape(2, 3)
noise = torch.rand(3)
print(t)
# %% [markdown]
# ## A function
# %%
def f(x):
    return x ** 3 - x
# %%
x = torch.tensor(2.0, requires_grad=True)
f(x).backward()
print(x.grad)
# %% [markdown]
# ## Only random
# %%
z = torch.randn(4)
z
"""


def test_a_draft_proposes_what_is_the_same_in_every_run_and_holds(sandbox_runner):
    made = draft(read(notebook_of(SOLVED)), slug="lecture", runner=sandbox_runner, read_assignment=loading.parse_files)

    spec = yaml.safe_load(made.files["assignment.yaml"])
    questions = list(spec["questions"].values())
    assert [question["title"] for question in questions] == ["Tensors", "A function"]
    assert questions[0]["value"] == "t"
    assert "noise" not in str(questions)
    assert questions[1]["function"] == {"name": "f", "inputs": [{"uniform": [-2, 2], "times": 5}], "gradient": True}
    assert questions[1]["gradient"] == {"of": "x"}
    told = {(note.code, note.facts.get("cell") or note.facts.get("title")) for note in made.notes}
    assert told == {("draft.cell_left_out", 3), ("draft.section_left_out", "Only random")}
    loaded = loading.parse_files(made.files, "lecture")
    assert prove(loaded, runner=sandbox_runner, secret=b"again").version == loaded.assignment.version


def test_a_cell_that_stops_keeps_what_stands_before(sandbox_runner):
    """Outputs pasted under the code that made them raise, and what builds on a cell that is left out goes with it."""
    pasted = """
    # %%
    import torch
    w = torch.tensor(4.0)
    tensor(4.)
    # %% [markdown]
    # ## Parameters
    # %%
    w = torch.ones(2, 2)
    tensor([[1., 1.], [1., 1.]])
    # %%
    y = torch.ones(2) @ w
    # %%
    raise ValueError
    z = 1
    # %%
    total = y.sum() + z
    """
    solved = read(notebook_of(textwrap.dedent(pasted)))

    made = draft(solved, slug="lecture", runner=sandbox_runner, read_assignment=loading.parse_files)

    told = [(note.code, note.facts["cell"], note.facts.get("line")) for note in made.notes]
    cut, left_out = "draft.cell_cut", "draft.cell_left_out"
    assert told == [(cut, 1, 3), (cut, 3, 2), (left_out, 5, None), (left_out, 6, None)]
    reference = read(made.files["reference.ipynb"])
    assert [cell.source for cell in reference.code_cells] == [
        "import torch\nw = torch.tensor(4.0)",
        "w = torch.ones(2, 2)",
        "y = torch.ones(2) @ w",
    ]


def test_a_notebook_with_nothing_to_check_is_no_draft(sandbox_runner):
    with pytest.raises(NothingToDraft):
        draft(
            read(notebook_of("\n# %% [markdown]\n# # Empty\n# %%\nimport torch\n")),
            slug="empty",
            runner=sandbox_runner,
            read_assignment=loading.parse_files,
        )
