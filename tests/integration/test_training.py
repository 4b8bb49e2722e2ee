"""Training loops of students' on real kernels: each way that is right passes, each mistake is told in its own words."""

import io
import textwrap

import numpy as np
import pytest
from documentation import notebook_of

from grader.catalog import Bundle, parse
from grader.domain.result import Verdict
from grader.flow.assess import assess
from grader.flow.prove import prove
from grader.notebook.read import read

_RNG = np.random.default_rng(8)
_X = _RNG.uniform(-2, 2, (60, 1)).astype(np.float32)
_SCORES = _RNG.normal(size=(90, 2)).astype(np.float32)


def packed(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


HIDDEN = {
    "hidden/line.npz": packed(x=_X, y=2 * _X + 1),
    "hidden/sides.npz": packed(x=_SCORES, y=(_SCORES.sum(axis=1) > 0).astype(np.int64)),
}


def bundle_of(checks, code):
    spec = f"title: T\nhidden: [{', '.join(HIDDEN)}]\nquestions:\n  q1:\n    prompt: P\n    points: 10\n"
    spec += textwrap.indent(textwrap.dedent(checks), "    ")
    notebook = notebook_of(f"# %% [markdown]\n# ## 問題1\n# %%\n{textwrap.dedent(code)}")
    return Bundle(slug="training", files={"assignment.yaml": spec.encode(), "reference.ipynb": notebook, **HIDDEN})


class Trained:
    """An assignment whose reference has run; `judge` gives the verdict and code of a student's loop."""

    def __init__(self, checks, code, runner):
        self._loaded = parse(bundle_of(checks, code))
        self._runner = runner
        self._expected = prove(self._loaded, runner=runner, secret=b"secret")

    def judge(self, code):
        notebook = read(notebook_of(f"# %% [markdown]\n# ## 問題1\n# %%\n{textwrap.dedent(code)}"))
        assignment = self._loaded.assignment
        graded = assess(notebook, assignment=assignment, expected=self._expected, runner=self._runner, key=b"key")
        (check,) = graded.result.questions[0].checks
        return check.verdict, check.code


DATA = """\
import torch
from torch import nn
torch.manual_seed(0)
x = torch.linspace(-2, 2, 40).reshape(-1, 1)
y = 2 * x + 1
"""

BY_HAND = (
    DATA
    + """\
w = torch.zeros(1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
losses = []
for step in range(60):
    loss = ((x * w + b - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
    w.grad.zero_()
    b.grad.zero_()
    losses.append(loss.item())
"""
)


def changed(code, *pairs):
    for old, new in pairs:
        assert old in code
        code = code.replace(old, new)
    return code


@pytest.fixture(scope="module")
def by_hand(sandbox_runner):
    checks = "training: {losses: losses, below: 0.05, parameters: [w, b], optimizer: by_hand}\n"
    return Trained(checks, BY_HAND, sandbox_runner)


FUNCTION_LOOP = (
    DATA
    + """\
def train(w, b, rate=0.1, steps=60):
    history = []
    for _ in range(steps):
        loss = ((x * w + b - y) ** 2).mean()
        gw, gb = torch.autograd.grad(loss, (w, b))
        w = (w - rate * gw).detach().requires_grad_()
        b = (b - rate * gb).detach().requires_grad_()
        history.append(loss.detach())
    return w, b, history

w, b, losses = train(torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True))
"""
)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(BY_HAND, id="as the reference"),
        pytest.param(
            changed(BY_HAND, ("    w.grad.zero_()\n    b.grad.zero_()\n", "    w.grad = b.grad = None\n")),
            id="grad = None",
        ),
        pytest.param(
            changed(
                BY_HAND,
                ("    with torch.no_grad():\n        w -= 0.1", "    w.data -= 0.1"),
                ("        b -= 0.1", "    b.data -= 0.1"),
            ),
            id="by way of .data",
        ),
        pytest.param(FUNCTION_LOOP, id="in a function, with autograd.grad and new leaves"),
        pytest.param(changed(BY_HAND, ("losses", "history"), (".item()", "")), id="another name, tensors with a graph"),
        pytest.param(changed(BY_HAND, ("torch.zeros(1,", "torch.zeros((1, 1),")), id="parameters of shape (1, 1)"),
    ],
)
def test_descent_by_hand_is_right_in_every_form(by_hand, code):
    assert by_hand.judge(code) == (Verdict.PASSED, "training.passed")


@pytest.mark.parametrize(
    ("code", "verdict", "said"),
    [
        pytest.param(
            changed(BY_HAND, ("        w -= 0.1 * w.grad\n        b -= 0.1 * b.grad\n", "        pass\n")),
            Verdict.FAILED,
            "loss_equal",
            id="no update",
        ),
        pytest.param(changed(BY_HAND, ("-= 0.1", "+= 0.01")), Verdict.FAILED, "loss_rose", id="uphill"),
        pytest.param(changed(BY_HAND, ("-= 0.1", "+= 0.1")), Verdict.FAILED, "exploded", id="steeply uphill"),
        pytest.param(changed(BY_HAND, ("-= 0.1", "-= 900.")), Verdict.FAILED, "diverged", id="far too fast"),
        pytest.param(changed(BY_HAND, ("-= 0.1", "-= 0.0001")), Verdict.FAILED, "loss_above", id="far too slow"),
        pytest.param(changed(BY_HAND, ("range(60)", "range(6)")), Verdict.FAILED, "loss_above", id="too few steps"),
        pytest.param(
            changed(BY_HAND, ("    w.grad.zero_()\n    b.grad.zero_()\n", "")),
            Verdict.FAILED,
            "not_zeroed",
            id="not zeroed",
        ),
        pytest.param(changed(BY_HAND, ("2 * x + 1", "2 * x + 2")), Verdict.FAILED, "parameter_far", id="another line"),
        pytest.param(changed(BY_HAND, ("range(60)", "range(0)")), Verdict.FAILED, "no_losses", id="no step"),
        pytest.param(
            changed(BY_HAND, ("    losses.append(loss.item())\n", "losses = loss.item()\n")),
            Verdict.MISSING,
            "no_history",
            id="the last loss alone",
        ),
        pytest.param(DATA + "losses = torch.lossy()\n", Verdict.MISSING, "missing_after_error", id="an error first"),
        pytest.param(
            DATA
            + """\
w, b = (torch.zeros(1, requires_grad=True) for _ in "wb")
losses = []
optimizer = torch.optim.SGD([w, b], lr=0.1)
for step in range(60):
    optimizer.zero_grad()
    loss = ((x * w + b - y) ** 2).mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
""",
            Verdict.FAILED,
            "optimizer_used",
            id="an optimizer of torch's",
        ),
    ],
)
def test_a_mistake_by_hand_is_told(by_hand, code, verdict, said):
    assert by_hand.judge(code) == (verdict, f"training.{said}")


BATCHES = (
    DATA
    + """\
from torch.utils.data import DataLoader, TensorDataset
model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loss_fn = nn.MSELoss()
losses = []
for epoch in range(8):
    for bx, by in DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True):
        optimizer.zero_grad()
        loss = loss_fn(model(bx), by)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
"""
)


@pytest.fixture(scope="module")
def batches(sandbox_runner):
    checks = """\
    training:
      losses: losses
      below: 0.3
      parameters: [model.weight, model.bias]
      predict: {name: model, inputs: "hidden/line.npz:x", labels: "hidden/line.npz:y", mse: 0.01}
      optimizer: SGD
      seconds: 20
    """
    return Trained(checks, BATCHES, sandbox_runner)


CLASS = """\
class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1))
        self.bias = nn.Parameter(torch.zeros(1))
    def forward(self, x):
        return x @ self.weight.T + self.bias

model = Line()
"""


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(BATCHES, id="as the reference"),
        pytest.param(changed(BATCHES, ("model", "net")), id="another name for the model"),
        pytest.param(changed(BATCHES, ("model = nn.Linear(1, 1)\n", CLASS)), id="a class of the student's"),
        pytest.param(
            changed(
                BATCHES,
                ("import torch\n", "import torch\nfrom torch.optim import SGD as Descent\n"),
                ("torch.optim.SGD", "Descent"),
            ),
            id="the optimizer under another name",
        ),
    ],
)
def test_mini_batches_are_right_in_every_form(batches, code):
    assert batches.judge(code) == (Verdict.PASSED, "training.passed")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param(changed(BATCHES, ("        optimizer.step()\n", "")), "never_stepped", id="no step"),
        pytest.param(changed(BATCHES, ("        optimizer.zero_grad()\n", "")), "not_zeroed", id="not zeroed"),
        pytest.param(
            changed(
                BATCHES,
                ("        optimizer.zero_grad()\n", ""),
                ("        loss.backward()\n", "        loss.backward()\n        optimizer.zero_grad()\n"),
            ),
            "zeroed_too_early",
            id="zeroed too early",
        ),
        pytest.param(
            changed(BATCHES, ("loss_fn = ", "model = nn.Linear(1, 1)\nloss_fn = ")),
            "other_parameters",
            id="a model made anew after its optimizer",
        ),
        pytest.param(
            changed(BATCHES, ("torch.optim.SGD", "torch.optim.Adam")), "other_optimizer", id="another optimizer"
        ),
        pytest.param(changed(BATCHES, ("lr=0.1", "lr=100.0")), "diverged", id="far too fast"),
        pytest.param(changed(BATCHES, ("        loss.backward()\n", "")), "no_backward", id="no backward"),
    ],
)
def test_a_mistake_with_mini_batches_is_told(batches, code, said):
    verdict, code = batches.judge(code)
    assert verdict is Verdict.FAILED
    assert code == f"training.{said}"


SIDES = """\
import torch
from torch import nn
torch.manual_seed(1)
x = torch.randn(200, 2)
y = (x.sum(1) > 0).long()
model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
losses = []
for epoch in range(60):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
"""


@pytest.fixture(scope="module")
def sides(sandbox_runner):
    checks = """\
    training:
      losses: losses
      predict: {name: model, inputs: "hidden/sides.npz:x", labels: "hidden/sides.npz:y", accuracy: 0.9}
      optimizer: Adam
    """
    return Trained(checks, SIDES, sandbox_runner)


@pytest.mark.parametrize(
    ("code", "verdict", "said"),
    [
        pytest.param(SIDES, Verdict.PASSED, "passed", id="as the reference"),
        pytest.param(
            changed(SIDES, ("nn.Linear(8, 2))", "nn.Linear(8, 2), nn.LogSoftmax(1))")),
            Verdict.PASSED,
            "passed",
            id="scores",
        ),
        pytest.param(
            SIDES + "net = model\ndef model(points):\n    net.eval()\n    return net(points).argmax(1)\n",
            Verdict.PASSED,
            "passed",
            id="a function that predicts classes",
        ),
        pytest.param(changed(SIDES, ("(x.sum(1) > 0)", "(x.sum(1) < 0)")), Verdict.FAILED, "inaccurate", id="reversed"),
        pytest.param(
            changed(SIDES, ("nn.Linear(8, 2))", "nn.Linear(8, 3))")), Verdict.PASSED, "passed", id="a class more"
        ),
        pytest.param(SIDES + "model = None\n", Verdict.MISSING, "predict_missing", id="no model in the end"),
        pytest.param(
            SIDES + "net = model\ndef model(points):\n    return 1 / 0\n",
            Verdict.FAILED,
            "predict_raised",
            id="it raises",
        ),
        pytest.param(
            SIDES + "net = model\ndef model(points):\n    return net(points)[:5]\n",
            Verdict.MALFORMED,
            "predict_shape",
            id="predictions for some",
        ),
    ],
)
def test_predictions_for_hidden_inputs(sides, code, verdict, said):
    assert sides.judge(code) == (verdict, f"training.{said}")


def test_hidden_files_never_reach_the_kernel_and_data_lies_beside_the_notebook(sandbox_runner):
    code = """\
    import os
    found = sorted(os.path.join(folder, name) for folder, _, names in os.walk(".") for name in names)
    """
    bundle = bundle_of("value: found\n", code)
    spec = bundle.files["assignment.yaml"].replace(b"questions:", b"data: [data/line.npz]\nquestions:")
    files = {**bundle.files, "assignment.yaml": spec, "data/line.npz": HIDDEN["hidden/line.npz"]}
    loaded = parse(Bundle(slug="training", files=files))
    expected = prove(loaded, runner=sandbox_runner, secret=b"secret")
    names = expected.evidence("q1", "value", draw=0).replies["names"].values["found"]
    assert [item.value for item in names.items] == ["./data/line.npz"]
