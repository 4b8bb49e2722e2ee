"""Probes answered by a real kernel in the real sandbox: same answers as in-process, and no trace in the notebook."""

import struct

from grader.domain.execution import CellState, Execution
from grader.domain.probe import CallFunction, TakeNames
from grader.domain.values import ArrayValue, CallsReply, NamesReply

THREE = ArrayValue(type_name="Tensor", dtype="float32", shape=(), data=struct.pack("<f", 3.0))


def asked(*names: str, seconds: float = 5.0, count: int = 1) -> CallFunction:
    return CallFunction(key="calls", names=names, calls=((THREE,),) * count, gradients=True, seconds=seconds)


def outputs(execution: Execution, key: str = "calls") -> list[float | str | None]:
    reply = execution.replies[key]
    assert isinstance(reply, CallsReply)
    return [
        struct.unpack("<f", call.output.data)[0] if isinstance(call.output, ArrayValue) else call.error
        for call in reply.calls
    ]


def test_values_and_derivatives_come_out_with_the_cells_own_reply(run_cells) -> None:
    execution = run_cells(
        "import torch\ndef f(x): return 2*x**3 - 3*x**2 - 12*x + 1",
        "x = torch.tensor(1., requires_grad=True); f(x).backward()",
        questions={"q6": (0, 1)},
        probes={"q6": (TakeNames(key="names", names=("x", "y")), asked("f"))},
    )

    names, calls = execution.replies["names"], execution.replies["calls"]
    assert isinstance(names, NamesReply)
    assert isinstance(calls, CallsReply)
    assert names.values.keys() == {"x"}
    assert names.values["x"].grad.data == struct.pack("<f", -12.0)
    assert outputs(execution) == [-8.0]
    assert calls.calls[0].gradients[0].data == struct.pack("<f", 24.0)


def test_calls_in_a_fork_leave_the_kernel_as_it_was(run_cells, printed) -> None:
    execution = run_cells(
        "import torch\nw = torch.tensor(2., requires_grad=True)\nlog = []",
        "def f(x):\n    log.append(1)\n    y = w * x * len(log)\n    y.backward(retain_graph=True)\n    return y",
        "print(log, w.grad)",
        questions={"q": (1,)},
        probes={"q": (asked("f", count=2),)},
    )

    assert outputs(execution) == [6.0, 12.0]
    assert printed(execution, 2) == "[] None\n"


def test_what_a_call_shows_is_not_in_the_notebook(run_cells) -> None:
    shows = (
        "import matplotlib.pyplot as plt, sys, os\nfrom IPython.display import display, HTML\n"
        "def f(x):\n    print('hidden', x); display(HTML('hidden')); plt.plot([1, 2]); plt.show()\n"
        "    os.system('echo hidden'); os.write(1, b'hidden'); print('hidden', file=sys.stderr)\n    return x\n"
        "def g(x):\n    print('hidden', x)\n    return x"
    )
    execution = run_cells(
        shows,
        "1",
        questions={"q": (0,), "r": (1,)},
        probes={
            "q": (asked("f"),),
            "r": (CallFunction(key="g", names=("g",), calls=((THREE,),), gradients=False, seconds=5.0),),
        },
    )

    assert outputs(execution) == outputs(execution, "g") == [3.0]
    assert execution.cells[0].outputs == ()
    assert b"hidden" not in execution.executed_notebook.replace(b"'hidden'", b"").replace(b"echo hidden", b"")


def test_asking_leaves_no_name_no_history_and_no_number(run_cells, printed) -> None:
    cells = ("import torch\ndef f(x): return x", "print(sorted(globals()), len(In), len(Out), torch.rand(1).shape)\n1")
    plain = run_cells(*cells)
    probed = run_cells(
        *cells, questions={"q": (0,)}, probes={"q": (TakeNames(key="names", names=("f", "y")), asked("f"))}
    )

    assert printed(probed, 1) == printed(plain, 1)


def test_random_numbers_go_on_as_if_nothing_had_been_asked(run_cells, printed) -> None:
    cells = (
        "import torch, numpy, random\ntorch.manual_seed(0); numpy.random.seed(0); random.seed(0)\n"
        "def f(x): return x + torch.rand(())",
        "print(torch.rand(2), numpy.random.rand(2), random.random())",
    )
    plain = run_cells(*cells)
    probed = run_cells(*cells, questions={"q": (0,)}, probes={"q": (asked("f", count=3),)})

    assert printed(probed, 1) == printed(plain, 1)


def test_calls_that_never_end_or_end_their_process_cost_nobody_else(run_cells, printed) -> None:
    execution = run_cells(
        "def f(x):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
        "import os\ndef g(x): os._exit(1)",
        "def h(x):\n    while True: pass",
        "print('alive')",
        questions={"f": (0,), "g": (1,), "h": (2,)},
        probes={
            "f": (asked("f", seconds=0.3),),
            "g": (CallFunction(key="g", names=("g",), calls=((THREE,),), gradients=False, seconds=5.0),),
            "h": (CallFunction(key="h", names=("h",), calls=((THREE,),), gradients=False, seconds=0.3),),
        },
    )

    assert execution.replies["calls"] == execution.replies["calls"].__class__(name="f", timed_out=True)
    assert outputs(execution, "g") == ["ProcessDied"]
    assert execution.replies["h"].timed_out
    assert [cell.state for cell in execution.cells] == [CellState.OK] * 4
    assert printed(execution, 3) == "alive\n"


def test_large_tensors_cross_whole_and_too_large_ones_say_so(run_cells) -> None:
    execution = run_cells(
        "import torch\na = torch.arange(3_000_000.)\nb = torch.zeros(30_000_000)",
        questions={"q": (0,)},
        probes={"q": (TakeNames(key="names", names=("a", "b")),)},
    )

    values = execution.replies["names"].values
    assert values["a"].data[-4:] == struct.pack("<f", 2_999_999.0)
    assert (values["b"].reason, values["b"].shape) == ("too_large", (30_000_000,))


def test_a_student_who_replaces_parts_of_torch_is_answered(run_cells) -> None:
    execution = run_cells(
        "import torch, numpy\nt = torch.ones(2)\ndef f(x): return x * 2\n"
        "torch.Tensor.numpy = torch.Tensor.detach = torch.equal = torch.autograd.grad = None\n"
        "numpy.asarray = None\ntorch.Tensor.grad = torch.Tensor.shape = property(lambda self: 1 / 0)",
        questions={"q": (0,)},
        probes={"q": (TakeNames(key="names", names=("t",)), asked("f"))},
    )

    assert execution.replies["names"].values["t"].data == struct.pack("<ff", 1.0, 1.0)
    assert outputs(execution) == [6.0]
