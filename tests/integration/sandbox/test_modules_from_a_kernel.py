"""Modules, expressions and timed calls answered by a real kernel in the real sandbox, which is then as it was."""

import struct

import pytest

from grader.domain.execution import CellState, Execution, Limits, Outcome
from grader.domain.probe import CallFunction, CallModule, TakeNames
from grader.domain.values import ArrayValue, CallReply, CallsReply, ModuleReply, OpaqueValue, ScalarValue, Value

ROWS = ArrayValue(type_name="Tensor", dtype="float32", shape=(2, 4), data=struct.pack("<8f", *range(8)))
SIZES: tuple[Value, ...] = (ScalarValue(type_name="int", value=4), ScalarValue(type_name="int", value=3))
NET = (
    "import torch\nfrom torch import nn\n"
    "class Net(nn.Module):\n"
    "    def __init__(self, inputs, hidden):\n"
    "        super().__init__()\n"
    "        self.first, self.norm = nn.Linear(inputs, hidden), nn.BatchNorm1d(hidden)\n"
    "        self.drop, self.last = nn.Dropout(0.5), nn.Linear(hidden, 2)\n"
    "    def forward(self, x): return self.last(self.drop(torch.relu(self.norm(self.first(x)))))\n"
)


def module(
    *names: str, arguments: tuple[Value, ...] | None = SIZES, key: str = "module", **options: float
) -> CallModule:
    return CallModule(
        key=key,
        names=names,
        arguments=arguments,
        weights_seed=11,
        calls=((ROWS,), (ROWS,)),
        gradients=True,
        modes=("train", "eval"),
        seconds=options.get("seconds", 10.0),
    )


def called(execution: Execution, key: str = "module") -> ModuleReply:
    reply = execution.replies[key]
    assert isinstance(reply, ModuleReply)
    return reply


def test_a_class_and_an_instance_give_the_same_in_two_kernels(run_cells) -> None:
    constructed = run_cells(NET, questions={"q": (0,)}, probes={"q": (module("Net"),)})
    existing = run_cells(
        NET,
        "net = Net(4, 3)\nfor _ in range(3): net(torch.randn(8, 4)).sum().backward()",
        questions={"q": (1,)},
        probes={"q": (module("net", arguments=None),)},
    )

    assert called(constructed).calls == called(existing).calls
    assert called(constructed).parameters == called(existing).parameters
    train, evaluated = called(constructed).calls["train"], called(constructed).calls["eval"]
    assert train[0] == train[1] != evaluated[0] == evaluated[1]
    assert all(gradient is not None for gradient in train[0].parameter_gradients.values())


def test_asking_leaves_the_module_the_random_numbers_and_the_notebook_as_they_were(run_cells, printed) -> None:
    cells = (
        NET + "torch.manual_seed(0)\nnet = Net(4, 3)\nprint = print",
        "print(net.training, net.norm.running_mean, net.first.weight.grad, torch.rand(2), sorted(globals()), len(Out))",
    )
    plain = run_cells(*cells)
    probed = run_cells(
        *cells,
        questions={"q": (0,)},
        probes={
            "q": (module("Net"), module("net", arguments=None, key="instance"), TakeNames(key="n", names=("net(1)",)))
        },
    )

    assert printed(probed, 1) == printed(plain, 1)
    assert called(probed, "instance").calls == called(probed).calls


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            "raise ValueError(inputs)", ModuleReply(name="Net", error="ValueError", error_line=2), id="raises"
        ),
        pytest.param("import os; os._exit(0)", ModuleReply(name="Net", error="ProcessDied"), id="exits"),
        pytest.param("import os; os.kill(os.getpid(), 9)", ModuleReply(name="Net", error="ProcessDied"), id="killed"),
        pytest.param("exit()", None, id="ipython's-exit"),
        pytest.param("while True: pass", ModuleReply(name="Net", timed_out=True), id="loops"),
        pytest.param("raise SystemExit", ModuleReply(name="Net", error="SystemExit", error_line=2), id="system-exit"),
        pytest.param("bytearray(1 << 40)", ModuleReply(name="Net", error="MemoryError", error_line=2), id="memory"),
        pytest.param(
            "nn.Linear(10**6, 10**6)", ModuleReply(name="Net", error="RuntimeError", error_line=2), id="torch"
        ),
    ],
)
def test_a_constructor_that_fails_costs_nobody_else(
    run_cells, printed, body: str, expected: ModuleReply | None
) -> None:
    source = (
        "import torch\nfrom torch import nn\nclass Net(nn.Module):\n    def __init__(self, inputs, hidden):\n        "
    )

    execution = run_cells(
        source + body, "print('alive')", questions={"q": (0,)}, probes={"q": (module("Net", seconds=1.0),)}
    )

    assert expected is None or called(execution) == expected
    assert [cell.state for cell in execution.cells] == [CellState.OK] * 2
    assert printed(execution, 1) == "alive\n"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param("import os\n        while True: os.fork()", None, id="fork-bomb"),
        pytest.param("import os; os.fork(); return x", None, id="forks-once"),
        pytest.param("import os, signal; os.kill(0, 9)", "ProcessDied", id="kills-its-group"),
        pytest.param("import os; os.kill(-1, 9)", None, id="kills-everyone"),
        pytest.param("import os; os.closerange(0, 100); return x", None, id="closes-every-file"),
        pytest.param("raise KeyboardInterrupt", "KeyboardInterrupt", id="interrupts"),
        pytest.param(
            "import gc\n        for o in gc.get_objects():\n            del o\n        return x", None, id="gc"
        ),
        pytest.param("import ctypes; ctypes.string_at(0)", "ProcessDied", id="segmentation-fault"),
    ],
)
def test_a_hostile_forward_is_answered_and_ends_at_most_its_own_kernel(run_cells, body: str, error: str | None) -> None:
    source = NET.split("class")[0] + "class Net(nn.Linear):\n    def forward(self, x):\n        " + body

    execution = run_cells(
        source,
        "'alive'",
        questions={"q": (0,)},
        probes={"q": (module("Net", seconds=2.0),)},
        limits=Limits(total_s=20.0),
    )

    assert execution.outcome in (Outcome.COMPLETED, Outcome.DIED)
    if error is not None:
        assert called(execution).calls["train"][0] == CallReply(error=error, error_line=_line_of(error))


def _line_of(error: str) -> int | None:
    return 2 if error == "KeyboardInterrupt" else None


def test_a_huge_module_is_described_and_costs_no_memory(run_cells, printed) -> None:
    execution = run_cells(
        "import torch\nnet = torch.nn.Linear(16_000, 20_000)",
        "print(net.weight.shape)",
        questions={"q": (0,)},
        probes={"q": (module("net", arguments=None),)},
    )

    assert called(execution).parameters["weight"].shape == (20_000, 16_000)
    assert [call.output for call in called(execution).calls["eval"]] == [
        OpaqueValue(type_name="Linear", reason="too_large")
    ] * 2
    assert printed(execution, 1) == "torch.Size([20000, 16000])\n"


def test_expressions_see_what_the_notebook_left_and_leave_nothing(run_cells, printed) -> None:
    execution = run_cells(
        "import numpy, torch\na = numpy.ones(3)\nt = torch.from_numpy(a)\ncount = 0\nsum = 5\n"
        "def f(x):\n    global count\n    count += 1\n    print('hidden')\n    return x * count\n"
        "model = torch.nn.Linear(2, 1)\nmodel(torch.ones(1, 2)).backward()",
        "print(count, sum, 'np' in globals())",
        questions={"q": (0,)},
        probes={
            "q": (
                TakeNames(
                    key="names",
                    names=(
                        "np.shares_memory(a, t.numpy())",
                        "f(2)",
                        "f(3)",
                        "sum([1, 2])",
                        "{n: p.grad for n, p in model.named_parameters()}",
                        "t[7]",
                        "count",
                        "exit()",
                        "__import__('os')._exit(1)",
                    ),
                ),
            )
        },
    )

    values = execution.replies["names"].values
    scalars = {name: value.value for name, value in values.items() if isinstance(value, ScalarValue)}
    assert scalars.pop("exit()", None) is None
    assert scalars == {"np.shares_memory(a, t.numpy())": True, "f(2)": 2, "f(3)": 3, "sum([1, 2])": 3, "count": 0}
    ((weight, bias),) = (values["{n: p.grad for n, p in model.named_parameters()}"].items,)
    assert weight[1].data == struct.pack("<2f", 1.0, 1.0)
    assert bias[1].data == struct.pack("<f", 1.0)
    assert printed(execution, 1) == "0 5 False\n"
    assert execution.cells[0].outputs == ()


def test_a_call_over_its_own_time_leaves_the_others_and_the_kernel(run_cells, printed) -> None:
    one = ArrayValue(type_name="Tensor", dtype="float32", shape=(), data=struct.pack("<f", 1.0))
    two = ArrayValue(type_name="Tensor", dtype="float32", shape=(), data=struct.pack("<f", 2.0))
    calls = CallFunction(
        key="calls", names=("f",), calls=((two,), (one,), (two,)), gradients=True, seconds=20.0, second=True, call_s=1.0
    )

    execution = run_cells(
        "def f(x):\n    while x == 1:\n        try: 7 ** 7 ** 77\n        except BaseException: pass\n"
        "    return x ** 3",
        "print('alive')",
        questions={"q": (0,)},
        probes={"q": (calls,)},
    )

    reply = execution.replies["calls"]
    assert isinstance(reply, CallsReply)
    assert [call.error for call in reply.calls] == [None, "TimeoutError", None]
    assert [call.second[0].data for call in reply.calls[::2]] == [struct.pack("<f", 12.0)] * 2
    assert printed(execution, 1) == "alive\n"


def test_a_student_who_replaces_parts_of_torch_still_gets_weights_and_gradients(run_cells) -> None:
    breaking = (
        "torch.nn.Module.named_parameters = torch.Tensor.copy_ = torch.autograd.grad = torch.from_numpy = None\n"
        "import copy, numpy, random\ncopy.deepcopy = numpy.random.Philox = random.seed = None"
    )

    plain, broken = (
        run_cells(NET, source, questions={"q": (1,)}, probes={"q": (module("Net"),)}) for source in ("1", breaking)
    )

    assert called(broken) == called(plain)


def test_deriving_from_given_numbers_waits_for_no_import(run_cells, printed) -> None:
    """Autograd loads sympy for `y.backward(v)`, more than a second in each kernel that has to do it by itself."""
    execution = run_cells(
        "import sys, torch\nbefore = set(sys.modules)\nx = torch.ones(3, requires_grad=True)\n"
        "(x ** 2).backward(torch.ones(3))\nprint(sorted(set(sys.modules) - before))"
    )

    assert printed(execution, 0) == "[]\n"
