"""The module kind: parameters, outputs under hidden weights, gradients, and the slips that have words of their own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from grader.domain.execution import Evidence
from grader.domain.result import Finding, Verdict
from grader.domain.values import ModuleReply
from grader.grading.checks.module import ModuleCheck

SPEC = {"name": "Net", "arguments": [4, 3], "inputs": [{"normal": [0, 1], "shape": [5, 4]}]}
NET = """
class Net(nn.Module):
    def __init__(self, n, m):
        super().__init__()
        self.fc1 = nn.Linear(n, 6)
        self.fc2 = nn.Linear(6, m)
    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))
"""
TWINS = """
class Net(nn.Module):
    def __init__(self, n, m):
        super().__init__()
        self.a = nn.Linear(n, n)
        self.b = nn.Linear(n, n)
    def forward(self, x):
        return self.b(torch.relu(self.a(x)))
"""
DROPS = NET.replace("        self.fc2", "        self.drop = nn.Dropout(0.5)\n        self.fc2").replace(
    "self.fc2(torch.tanh(self.fc1(x)))", "self.fc2(self.drop(torch.tanh(self.fc1(x))))"
)
NORMS = NET.replace("        self.fc2", "        self.norm = nn.BatchNorm1d(6)\n        self.fc2").replace(
    "torch.tanh(self.fc1(x))", "self.norm(self.fc1(x))"
)
PROBABLE = NET.replace(
    "return self.fc2(torch.tanh(self.fc1(x)))", "return self.fc2(torch.tanh(self.fc1(x))).softmax(-1)"
)


def check(**more: Any) -> ModuleCheck:
    return ModuleCheck.model_validate({**SPEC, **more})


@pytest.fixture(scope="module")
def known() -> dict[Any, Evidence]:
    """Answers of before: a kernel's copy for each would take most of the time."""
    return {}


@pytest.fixture
def asked(play: Callable[..., Any], known: dict[Any, Evidence]) -> Callable[..., Evidence]:
    def answered(check: ModuleCheck, source: str, *, before: str = "", seed: int = 5) -> Evidence:
        key = (check.model_dump_json(), source, before, seed)
        if key not in known:
            head = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n" + before
            known[key] = play([source], before=[head]).asked(check, check.draw_inputs(seed))
        return known[key]

    return answered


@pytest.fixture
def judge(asked: Callable[..., Evidence]) -> Callable[..., Finding]:
    def judged(source: str, *, reference: str = NET, before: str = "", seed: int = 5, **more: Any) -> Finding:
        given = check(**more)
        actual = asked(given, source, before=before, seed=seed)
        return given.evaluate(actual=actual, expected=asked(given, reference, seed=seed))

    return judged


RIGHT = {
    "the reference": NET,
    "other names": NET.replace("fc1", "hidden").replace("fc2", "out"),
    "other layers first": NET.replace(
        "self.fc1 = nn.Linear(n, 6)\n        self.fc2 = nn.Linear(6, m)",
        "self.fc2 = nn.Linear(6, m)\n        self.fc1 = nn.Linear(n, 6)",
    ),
    "nn.Sequential": "class Net(nn.Module):\n    def __init__(self, n, m):\n        super().__init__()\n"
    "        self.layers = nn.Sequential(nn.Linear(n, 6), nn.Tanh(), nn.Linear(6, m))\n"
    "    def forward(self, x):\n        return self.layers(x)",
    "a subclass of nn.Sequential": "class Net(nn.Sequential):\n    def __init__(self, n, m):\n"
    "        super().__init__(nn.Linear(n, 6), nn.Tanh(), nn.Linear(6, m))",
    "a ModuleList": "class Net(nn.Module):\n    def __init__(self, n, m):\n        super(Net, self).__init__()\n"
    "        self.layers = nn.ModuleList([nn.Linear(n, 6), nn.Linear(6, m)])\n"
    "    def forward(self, x):\n        return self.layers[1](self.layers[0](x).tanh())",
    "parameters by hand": "class Net(nn.Module):\n    def __init__(self, n, m):\n        super().__init__()\n"
    "        self.w, self.b = nn.Parameter(torch.randn(6, n)), nn.Parameter(torch.zeros(6))\n"
    "        self.v, self.c = nn.Parameter(torch.randn(m, 6)), nn.Parameter(torch.zeros(m))\n"
    "    def forward(self, x):\n        return torch.tanh(x @ self.w.T + self.b) @ self.v.T + self.c",
    "in double precision": NET + "\n    def __new__(cls, *a):\n        return super().__new__(cls)\n"
    "_f = Net.forward\nNet.forward = lambda self, x: _f(self.double(), x.double())",
    "an intermediate base of its own": "class Base(nn.Module):\n    pass\n" + NET.replace("nn.Module", "Base"),
}


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in RIGHT.items()])
@pytest.mark.parametrize("seed", [0, 63])
def test_every_way_to_write_the_same_module_passes(source: str, seed: int, judge: Callable[..., Finding]) -> None:
    finding = judge(source, seed=seed)
    assert (finding.verdict, finding.code) == (Verdict.PASSED, "module.passed")


NAMES = {
    "another class name": (NET.replace("class Net", "class MLP"), "", "passed_other_name"),
    "another class name beside a stale Net": (NET.replace("class Net", "class MLP"), TWINS, "passed_other_name"),
    "defined before and used here": ("net = Net(4, 3)", NET, "passed"),
    "a dataset beside it": (NET.replace("class Net", "class MLP") + "\nclass Data:\n    pass", "", "passed_other_name"),
    "two modules, none with the name": (
        NET.replace("class Net", "class A") + NET.replace("class Net", "class B"),
        "",
        "several",
    ),
    "no class": ("net = 3", "", "missing_name"),
    "an error before it": ("oops\n" + NET, "", "missing_after_error"),
    "no module": ("class Net:\n    def __init__(self, n, m):\n        pass", "", "not_a_module"),
    "a function that makes one": (
        "def Net(n, m):\n    return nn.Sequential(nn.Linear(n, 6), nn.Tanh(), nn.Linear(6, m))",
        "",
        "passed",
    ),
}


@pytest.mark.parametrize(("source", "before", "code"), [pytest.param(*case, id=name) for name, case in NAMES.items()])
def test_the_class_meant_is_found(source: str, before: str, code: str, judge: Callable[..., Finding]) -> None:
    assert judge(source, before=before).code == f"module.{code}"


CONSTRUCTION = {
    "super().__init__() forgotten": (NET.replace("        super().__init__()\n", ""), "no_super_init"),
    "an argument too few": (NET.replace("(self, n, m)", "(self, n)").replace("6, m", "6, 3"), "constructor_somewhere"),
    "an exception of its own": (
        NET.replace("super().__init__()", "super().__init__()\n        raise ValueError"),
        "constructor",
    ),
}
PARAMETERS = {
    "a bias left out": (NET.replace("(n, 6)", "(n, 6, bias=False)"), "bias_missing"),
    "both biases left out": (
        NET.replace("(n, 6)", "(n, 6, bias=False)").replace("(6, m)", "(6, m, False)"),
        "bias_missing",
    ),
    "another width": (NET.replace("6", "7"), "shapes"),
    "the sizes the wrong way round": (NET.replace("(n, 6)", "(6, n)"), "sizes_swapped"),
    "a layer too many": (
        NET.replace("self.fc2 =", "self.fc3 = nn.Linear(6, 6)\n        self.fc2 ="),
        "parameters_extra",
    ),
    "layers in a plain list": (
        NET.replace("self.fc1 = nn.Linear(n, 6)", "self.layers = [nn.Linear(n, 6)]").replace(
            "self.fc1", "self.layers[0]"
        ),
        "plain_list",
    ),
    "layers from a comprehension": (
        "class Net(nn.Module):\n    def __init__(self, n, m):\n        super().__init__()\n"
        "        self.layers = [nn.Linear(a, b) for a, b in ((n, 6), (6, m))]\n"
        "    def forward(self, x):\n        return self.layers[1](self.layers[0](x).tanh())",
        "plain_list",
    ),
    "layers made in forward": (
        "class Net(nn.Module):\n    def __init__(self, n, m):\n        super().__init__()\n"
        "        self.n, self.m = n, m\n"
        "    def forward(self, x):\n        return nn.Linear(6, self.m)(nn.Linear(self.n, 6)(x).tanh())",
        "no_parameters",
    ),
    "a layer that is not there": (
        NET.replace("        self.fc1 = nn.Linear(n, 6)\n", "").replace("self.fc1(x)", "x[:, :1].repeat(1, 6)"),
        "parameters_missing",
    ),
    "a frozen layer": (
        NET.replace("        self.fc2", "        self.fc1.requires_grad_(False)\n        self.fc2", 1),
        "frozen",
    ),
}
CALLS = {
    "no forward": (NET.replace("def forward", "def predict"), "no_forward"),
    "a misspelt forward": (NET.replace("def forward", "def foward"), "no_forward_near"),
    "forward returns nothing": (NET.replace("return self.fc2", "self.fc2"), "returns_none"),
    "forward prints": (
        NET.replace("return self.fc2(torch.tanh(self.fc1(x)))", "print(self.fc2(torch.tanh(self.fc1(x))))"),
        "returns_none",
    ),
    "an exception": (NET.replace("torch.tanh(self.fc1(x))", "x"), "raised"),
    "another activation": (NET.replace("tanh", "sigmoid"), "activation"),
    "no activation": (NET.replace("torch.tanh(self.fc1(x))", "self.fc1(x)"), "no_activation"),
    "an activation too many": (
        NET.replace("return self.fc2(torch.tanh(self.fc1(x)))", "return torch.relu(self.fc2(torch.tanh(self.fc1(x))))"),
        "extra_activation",
    ),
    "softmax where none is asked": (PROBABLE, "extra_activation"),
    "a sign": (NET.replace("return ", "return -"), "all_wrong"),
    "the activation before the layer": (NET.replace("torch.tanh(self.fc1(x))", "self.fc1(torch.tanh(x))"), "all_wrong"),
    "a tuple": (
        NET.replace("return self.fc2(torch.tanh(self.fc1(x)))", "return self.fc2(torch.tanh(self.fc1(x))), x"),
        "type",
    ),
    "an array": (NET.replace("(torch.tanh(self.fc1(x)))", "(torch.tanh(self.fc1(x))).detach().numpy()"), "not_tensor"),
    "summed": (NET.replace("(torch.tanh(self.fc1(x)))", "(torch.tanh(self.fc1(x))).sum(-1)"), "shape"),
    "it is right in no mode": (
        NET.replace("(self.fc1(x))", "(self.fc1(x * 2 if self.training else x * 3))"),
        "all_wrong",
    ),
}


@pytest.mark.parametrize(
    ("source", "code"),
    [pytest.param(*case, id=name) for cases in (CONSTRUCTION, PARAMETERS, CALLS) for name, case in cases.items()],
)
def test_each_slip_is_told_in_words_of_its_own(source: str, code: str, judge: Callable[..., Finding]) -> None:
    finding = judge(source)
    assert finding.code == f"module.{code}"
    assert finding.verdict is Verdict.FAILED
    assert finding.rung == ("parameters" if (source, code) in CALLS.values() and "forward" not in code else None)


PROBABILITIES = {
    "softmax twice": (PROBABLE.replace(".softmax(-1)", ".softmax(-1).softmax(-1)"), "extra_activation", "softmax"),
    "no softmax": (NET, "missing_activation", "softmax"),
    "softmax along the wrong axis": (PROBABLE.replace("softmax(-1)", "softmax(0)"), "softmax_axis", "softmax"),
    "log_softmax for softmax": (PROBABLE.replace("softmax(-1)", "log_softmax(-1)"), "log_extra", "log"),
}


@pytest.mark.parametrize(
    ("source", "code", "name"), [pytest.param(*case, id=name) for name, case in PROBABILITIES.items()]
)
def test_slips_at_the_last_activation_are_recognised_by_the_numbers(
    source: str, code: str, name: str | None, judge: Callable[..., Finding]
) -> None:
    finding = judge(source, reference=PROBABLE)
    assert finding.code == f"module.{code}"
    assert name is None or finding.facts["activation"] == name


def test_probabilities_in_place_of_their_logarithms_are_told(judge: Callable[..., Finding]) -> None:
    reference = PROBABLE.replace("softmax(-1)", "log_softmax(-1)")
    assert judge(PROBABLE, reference=reference).code == "module.log_missing"


MODES = {
    "the same": (DROPS, DROPS, "passed"),
    "F.dropout that knows the mode": (
        DROPS,
        NET.replace("torch.tanh(self.fc1(x))", "F.dropout(torch.tanh(self.fc1(x)), 0.5, self.training)"),
        "passed",
    ),
    "dropout left out": (DROPS, NET, "same_in_train"),
    "dropout that stays active": (
        DROPS,
        NET.replace("torch.tanh(self.fc1(x))", "F.dropout(torch.tanh(self.fc1(x)), 0.5)"),
        "active_in_eval",
    ),
    "dropout that nobody asked for": (NET, DROPS, "mode_unasked"),
    "another rate": (DROPS, DROPS.replace("0.5", "0.2"), "train_unclear"),
    "normalised": (NORMS, NORMS, "passed"),
    "normalised by the running numbers always": (
        NORMS,
        NORMS.replace("return self.fc2(self.norm(", "self.norm.eval()\n        return self.fc2(self.norm("),
        "same_in_train",
    ),
    "normalised by the batch always": (
        NORMS,
        NORMS.replace("BatchNorm1d(6)", "BatchNorm1d(6, track_running_stats=False)"),
        "active_in_eval",
    ),
}


@pytest.mark.parametrize(
    ("reference", "source", "code"), [pytest.param(*case, id=name) for name, case in MODES.items()]
)
def test_what_differs_between_the_modes_is_told(
    reference: str, source: str, code: str, judge: Callable[..., Finding]
) -> None:
    finding = judge(source, reference=reference)
    assert finding.code == f"module.{code}"
    pending = {"passed": Verdict.PASSED, "train_unclear": Verdict.NEEDS_REVIEW}
    assert finding.verdict is pending.get(code, Verdict.FAILED)


def test_a_mode_that_is_not_asked_for_does_not_count(judge: Callable[..., Finding]) -> None:
    assert judge(NET, reference=DROPS, modes=["eval"]).code == "module.passed"


SWAPPED = TWINS.replace("self.b(torch.relu(self.a(x)))", "self.a(torch.relu(self.b(x)))")
REGISTERED_OTHERWISE = SWAPPED.replace("self.a", "self.c").replace("self.b", "self.d")
ORDERS = {
    "the same": (TWINS, "shapes", "passed"),
    "other names": (TWINS.replace("self.a", "self.one").replace("self.b", "self.two"), "shapes", "passed"),
    "defined the other way round": (
        TWINS.replace("self.a = nn.Linear(n, n)\n        self.b =", "self.b = nn.Linear(n, n)\n        self.a ="),
        "names",
        "passed",
    ),
    "defined the other way round, names free": (REGISTERED_OTHERWISE, "shapes", "layer_order"),
    "used the other way round": (SWAPPED, "names", "all_wrong"),
    "used the other way round, names free": (SWAPPED, "shapes", "layer_order"),
    "one used twice": (TWINS.replace("self.b(torch", "self.a(torch"), "names", "all_wrong"),
    "another activation": (TWINS.replace("relu", "tanh"), "shapes", "activation"),
    "other names where they are asked for": (TWINS.replace("self.a", "self.one"), "names", "names"),
}


@pytest.mark.parametrize(("source", "by", "code"), [pytest.param(*case, id=name) for name, case in ORDERS.items()])
def test_layers_of_one_size_may_be_defined_in_any_order(
    source: str, by: str, code: str, judge: Callable[..., Finding]
) -> None:
    finding = judge(source, reference=TWINS, arguments=[4, 4], parameters=by)
    assert finding.code == f"module.{code}"
    if code == "layer_order":
        assert finding.verdict is Verdict.NEEDS_REVIEW


def test_a_name_with_another_shape_is_told(judge: Callable[..., Finding]) -> None:
    reference = NET.replace("6", "m")
    source = reference.replace("fc1 =", "x =").replace("fc2 =", "fc1 =").replace("self.x =", "self.fc2 =")
    finding = judge(source, reference=reference.replace("nn.Linear(m, m)", "nn.Linear(m, m)"), parameters="names")
    assert (finding.code, finding.facts["parameter"]) == ("module.named_shape", "fc1.weight")


COUNTS = {
    "the same number of numbers": ("nn.Linear(n, 6)", "nn.Linear(n, 6)", "passed"),
    "another number of numbers": ("nn.Linear(n, 6)", "nn.Linear(n, 7)", "count"),
}


@pytest.mark.parametrize(("there", "here", "code"), [pytest.param(*case, id=name) for name, case in COUNTS.items()])
def test_the_number_of_parameters_may_be_all_that_counts(
    there: str, here: str, code: str, judge: Callable[..., Finding]
) -> None:
    source = NET.replace(there, here).replace("(6, m)", "(7, m)" if "7" in here else "(6, m)")
    assert judge(source, parameters="count").code == f"module.{code}"


def test_other_shapes_of_the_same_count_are_compared_in_form_only(judge: Callable[..., Finding]) -> None:
    reference = "class Net(nn.Module):\n    def __init__(self, n, m):\n        super().__init__()\n" + (
        "        self.w = nn.Parameter(torch.zeros(n, m))\n    def forward(self, x):\n        return x @ self.w"
    )
    flipped = reference.replace("zeros(n, m)", "zeros(m, n)").replace("x @ self.w", "(x @ self.w.T)")
    assert judge(flipped, reference=reference, parameters="count").code == "module.passed"
    assert judge(flipped + ".sum()", reference=reference, parameters="count").code == "module.shape"
    assert judge(flipped, reference=reference).code == "module.sizes_swapped"


GRADIENTS = {
    "the output detached": (
        NET.replace("(torch.tanh(self.fc1(x)))", "(torch.tanh(self.fc1(x))).detach()"),
        "no_gradient",
        None,
    ),
    "no_grad": (NET.replace("return ", "with torch.no_grad(): return "), "no_gradient", None),
    "a layer detached": (
        NET.replace("torch.tanh(self.fc1(x))", "torch.tanh(self.fc1(x)).detach()"),
        "parameter_without_gradient",
        "fc1.weight, fc1.bias",
    ),
    "a weight's data": (
        NET.replace("self.fc1(x)", "(x @ self.fc1.weight.data.T + self.fc1.bias)"),
        "parameter_without_gradient",
        "fc1.weight",
    ),
    "the input's data": (NET.replace("self.fc1(x)", "self.fc1(x.data)"), "input_without_gradient", None),
    "half of it detached": (
        NET.replace("torch.tanh(self.fc1(x))", "(torch.tanh(self.fc1(x)) + torch.tanh(self.fc1(x)).detach()) / 2"),
        "gradient_wrong",
        None,
    ),
}


@pytest.mark.parametrize(
    ("source", "code", "parameters"), [pytest.param(*case, id=name) for name, case in GRADIENTS.items()]
)
def test_gradients_that_do_not_arrive_are_told(
    source: str, code: str, parameters: str | None, judge: Callable[..., Finding]
) -> None:
    finding = judge(source)
    assert (finding.code, finding.rung) == (f"module.{code}", "outputs")
    assert finding.facts.get("parameters") == parameters
    assert judge(source, gradients=False).verdict is Verdict.PASSED


def test_an_argument_changed_in_place_is_told(judge: Callable[..., Finding]) -> None:
    source = NET.replace("return ", "x = x.clone()\n        return ")
    assert judge(source).code == "module.passed"
    finding = judge(
        NET.replace(
            "return self.fc2(torch.tanh(self.fc1(x)))",
            "y = self.fc2(torch.tanh(self.fc1(x)))\n        x.data.zero_()\n        return y",
        )
    )
    assert (finding.code, finding.facts["argument"]) == ("module.changes_input", 1)


INSTANCES = {
    "the same": ("model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))", "passed"),
    "of an own class": (NET + "\nmodel = Net(4, 3)", "passed"),
    "another name": (NET + "\nnet = Net(4, 3)\nloss = nn.MSELoss()", "passed_other_name"),
    "no module": ("model = 3", "not_a_module"),
    "nothing": ("x = torch.ones(3)", "missing_instance"),
    "two": ("a, b = 1, 2\nn = nn.Linear(4, 6)\nm = nn.Linear(6, 3)", "several"),
    "another activation": ("model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))", "all_wrong"),
}


@pytest.mark.parametrize(("source", "code"), [pytest.param(*case, id=name) for name, case in INSTANCES.items()])
def test_a_module_that_exists_is_put_under_hidden_weights(
    source: str, code: str, asked: Callable[..., Evidence]
) -> None:
    made = ModuleCheck.model_validate({"instance": "model", "inputs": SPEC["inputs"]})
    expected = asked(made, NET + "\nmodel = Net(4, 3)")
    assert made.evaluate(actual=asked(made, source), expected=expected).code == f"module.{code}"


def test_weights_and_inputs_are_drawn_anew_by_the_seed() -> None:
    assert check().draw_inputs(1) == check().draw_inputs(1)
    (one,), (two,) = check().draw_inputs(1)[0], check().draw_inputs(2)[0]
    assert one != two
    assert check().draw_inputs(1)[1] != check().draw_inputs(2)[1]


def test_no_expected_value_stands_in_the_facts(judge: Callable[..., Finding]) -> None:
    for source, _ in (*CALLS.values(), *PARAMETERS.values()):
        assert not any(isinstance(fact, float) for fact in judge(source).facts.values())


def test_calls_that_ran_out_of_time_are_told(asked: Callable[..., Evidence]) -> None:
    expected = asked(check(), NET)
    reply = expected.replies["module"]
    late = replace(reply, calls={"train": reply.calls["train"]}, timed_out=True)
    finding = check().evaluate(actual=replace(expected, replies={"module": late}), expected=expected)
    assert (finding.code, finding.facts["done"], finding.facts["total"]) == ("module.timed_out", 1, 2)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": None}, id="no module"),
        pytest.param({"error": "ValueError"}, id="it cannot be made"),
        pytest.param({"calls": {}}, id="no calls"),
        pytest.param({"calls": {"train": (), "eval": ()}}, id="too few calls"),
    ],
)
def test_a_reference_that_gives_nothing_decides_nothing(change: Any, asked: Callable[..., Evidence]) -> None:
    expected = asked(check(), NET)
    reply = expected.replies["module"]
    assert isinstance(reply, ModuleReply)
    broken = replace(expected, replies={"module": replace(reply, **change)})
    finding = check().evaluate(actual=expected, expected=broken)
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "module.no_expected")


def test_the_noise_of_two_runs_is_told_in_units_of_the_tolerance(asked: Callable[..., Evidence]) -> None:
    exact = asked(check(), NET)
    noisy = asked(check(), NET.replace("return ", "return 1e-3 + "))
    assert check().overshoot(actual=exact, expected=exact) == 0
    assert 1 < check().overshoot(actual=noisy, expected=exact) < 10.1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": None}, id="neither a class nor an instance"),
        pytest.param({"instance": "model"}, id="both"),
        pytest.param({"name": None, "instance": "model", "arguments": [1]}, id="an instance with arguments"),
        pytest.param({"modes": []}, id="no mode"),
        pytest.param({"modes": ["test"]}, id="no such mode"),
        pytest.param({"inputs": []}, id="no inputs"),
        pytest.param({"parameters": "values"}, id="no such comparison"),
        pytest.param({"arguments": [float("nan")]}, id="nan"),
    ],
)
def test_settings_that_mean_nothing_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check(**change)
