"""Expressions of an author's, evaluated in a student's namespace: whatever they call, nothing stays behind."""

import os
import random

import numpy
import pytest
import torch

from grader.domain.probe import TakeNames
from grader.domain.values import ArrayValue, MappingValue, NamesReply, OpaqueValue, ScalarValue, SequenceValue, Value
from grader.sandbox.kernel import copies
from grader.sandbox.kernel.expressions import only_reads

from .asking import ask, elements, student, take

SETTING = """
import numpy as np
from torch import nn
t = torch.arange(6.).reshape(2, 3)
a = np.ones(3)
shared = torch.from_numpy(a)
w = torch.tensor([2.], requires_grad=True)
(w ** 2).sum().backward()
layer = nn.Linear(2, 1)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 1, bias=False)
        self.calls = 0
    def forward(self, x):
        self.calls += 1
        return self.fc(x)
torch.manual_seed(0)
model = Net()
model(torch.ones(1, 2)).sum().backward()
opt = torch.optim.SGD(model.parameters(), lr=0.1)
history, numbers, table = [3., 2., 1.], [1, 2], {'a': 1}
drawn = iter(numbers)
loader = torch.utils.data.DataLoader(torch.arange(4.), batch_size=2, shuffle=True)
count = 0
def f(x):
    global count
    count += 1
    return x * count
"""


def number(value: float) -> ScalarValue:
    return ScalarValue(type_name=type(value).__name__, value=value)


def evaluated(expression: str, source: str = "") -> Value | None:
    return take(student(SETTING + source), expression).get(expression)


class TestWhatTheyGive:
    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            pytest.param("w.grad", [4.0], id="grad"),
            pytest.param("t[0]", [0.0, 1.0, 2.0], id="row"),
            pytest.param("t[:, 1:] * 2", [[2.0, 4.0], [8.0, 10.0]], id="slice-and-arithmetic"),
            pytest.param("model.fc.weight.grad", [[1.0, 1.0]], id="parameter's-grad"),
            pytest.param("f(t)[1]", [3.0, 4.0, 5.0], id="student's-function"),
            pytest.param("model(torch.zeros(1, 2))", [[0.0]], id="student's-module"),
            pytest.param("t.sum(\n\tdim=0\n)\n", [3.0, 5.0, 7.0], id="of-several-lines"),
            pytest.param("  t.sum()  ", None, id="with-spaces-around"),
        ],
    )
    def test_tensors(self, expression: str, expected: object) -> None:
        value = evaluated(expression)

        assert isinstance(value, ArrayValue)
        assert expected is None or elements(value) == expected

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            pytest.param("np.shares_memory(a, shared.numpy())", True, id="shared-memory"),
            pytest.param("np.shares_memory(a, shared.clone().numpy())", False, id="copied-memory"),
            pytest.param("t.data_ptr() == t.view(-1).data_ptr()", True, id="same-storage"),
            pytest.param("type(opt).__name__", "SGD", id="name-of-a-class"),
            pytest.param("len(history)", 3, id="length"),
            pytest.param("history[-1] < history[0]", True, id="comparison"),
            pytest.param("sum(p.numel() for p in model.parameters())", 2, id="generator"),
            pytest.param("w.grad is None", False, id="identity"),
            pytest.param("[y := 3, y][1]", 3, id="walrus"),
            pytest.param("(lambda x: x + 1)(1)", 2, id="lambda"),
            pytest.param("max(map(abs, numbers))", 2, id="function-of-functions"),
        ],
    )
    def test_python_values(self, expression: str, expected: object) -> None:
        assert evaluated(expression) == ScalarValue(type_name=type(expected).__name__, value=expected)

    def test_functions_of_torch_and_numpy_are_what_they_were(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(numpy, "shares_memory", lambda *_: True)
        monkeypatch.setattr(torch, "equal", lambda *_: True)

        assert evaluated("np.shares_memory(a, np.ones(3))") == number(False)
        assert evaluated("torch.equal(t, t + 1)") == number(False)
        assert evaluated("numpy.shares_memory(a, a)") == number(True)

    def test_methods_of_tensors_are_what_they_were(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.Tensor, "data_ptr", lambda _: 0, raising=False)
        monkeypatch.setattr(torch.Tensor, "norm", lambda _: 0)
        monkeypatch.setattr(torch.Tensor, "twice", lambda tensor: tensor * 2, raising=False)

        assert evaluated("t.data_ptr() == t.clone().data_ptr()") == number(False)
        assert evaluated("float(t[0, :2].norm())") == number(1.0)
        assert elements(evaluated("t[0].twice()")) == [0.0, 2.0, 4.0]
        assert torch.ones(1).data_ptr() == torch.ones(1).norm() == 0, "the student's stand where they stood"

    def test_methods_are_put_back_after_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.Tensor, "data_ptr", lambda _: 0, raising=False)

        assert evaluated("t.data_ptr().missing") is None
        assert torch.ones(1).data_ptr() == 0

    def test_containers(self) -> None:
        gradients = evaluated("{n: p.grad for n, p in model.named_parameters()}")
        names = evaluated("[type(o).__name__ for o in [opt]]")
        shape = evaluated("t.shape")

        assert isinstance(gradients, MappingValue)
        assert [(key.value, elements(value)) for key, value in gradients.items] == [("fc.weight", [[1.0, 1.0]])]
        assert names == SequenceValue(type_name="list", items=(ScalarValue(type_name="str", value="SGD"),))
        assert shape == SequenceValue(type_name="Size", items=(number(2), number(3)))

    @pytest.mark.parametrize(
        "expression",
        [
            "t[9]",
            "missing + 1",
            "model.bias",
            "1 / 0",
            "t.",
            "[t",
            "",
            "w = 3",
            "exit()",
            "f.missing",
            "(" * 500,
        ],
    )
    def test_one_that_raises_is_absent_and_leaves_the_others(self, expression: str) -> None:
        values = take(student(SETTING), expression, "t", "len(history)")

        assert values.keys() == {"t", "len(history)"}

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("del np, torch", id="deleted"),
            pytest.param("np = torch = numpy = None", id="bound-to-nothing"),
            pytest.param("import types; np = torch = types.ModuleType('fake')", id="bound-to-something-else"),
        ],
    )
    def test_torch_and_numpy_are_at_hand_whatever_the_student_did(self, source: str) -> None:
        for name in ("np", "numpy"):
            value = evaluated(f"bool({name}.array_equal(a, a)) and torch.equal(t, t)", source)
            assert value == ScalarValue(type_name="bool", value=True)

    def test_a_variable_named_like_a_function_of_pythons_does_not_stand_in_its_way(self) -> None:
        assert evaluated("sum(numbers)", "sum = 7; len = None") == number(3)
        assert evaluated("sum + 0", "sum = 7") == number(7)
        assert evaluated("abs(-3)", "def abs(x): return 5") == number(5)

    def test_functions_of_pythons_that_were_replaced_are_pythons_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shell = student(SETTING)
        monkeypatch.setattr("builtins.sum", lambda _: 99)
        monkeypatch.setitem(shell.user_ns, "__builtins__", {})
        reply = take(shell, "sum(numbers)")
        monkeypatch.undo()

        assert reply["sum(numbers)"] == number(3)


class TestLeavingNoTrace:
    @pytest.mark.parametrize(
        ("expression", "witness"),
        [
            pytest.param("f(t)", "count", id="global"),
            pytest.param("model(t[:, :2])", "model.calls", id="attribute"),
            pytest.param("history.append(1.)", "history", id="list"),
            pytest.param("table.pop('a')", "table", id="dict"),
            pytest.param("t.add_(1)", "t", id="in-place"),
            pytest.param("t.zero_() + t", "t", id="in-place-within-another"),
            pytest.param("(t ** 2 * w).sum().backward()", "w.grad", id="backward"),
            pytest.param("opt.step()", "model.fc.weight", id="optimiser"),
            pytest.param("opt.zero_grad()", "model.fc.weight.grad", id="gradients"),
            pytest.param("next(drawn)", "list(drawn)", id="iterator"),
            pytest.param("list(drawn)", "list(drawn)", id="iterator-used-up"),
            pytest.param("[count := 5]", "count", id="walrus"),
            pytest.param("globals().update(count=5)", "count", id="globals"),
            pytest.param("[0 for t[0, 0] in [9]]", "t", id="target-of-a-loop"),
            pytest.param("setattr(model, 'calls', 9)", "model.calls", id="setattr"),
            pytest.param("np.add(a, 1, out=a)", "a", id="out"),
            pytest.param("list(map(f, numbers))", "count", id="map"),
            pytest.param("sorted(numbers, key=f)", "count", id="key"),
            pytest.param("np.random.seed(1)", "np.random.rand()", id="numpy's-seed"),
        ],
    )
    def test_what_an_expression_changes_is_not_changed_later(self, expression: str, witness: str) -> None:
        shell = student(SETTING)
        numpy.random.seed(7)
        (before,) = take(shell, witness).values()

        take(shell, expression)

        assert take(shell, witness)[witness] == before

    @pytest.mark.parametrize(
        "expression", ["torch.rand(3)", "np.random.rand()", "list(loader)", "layer.reset_parameters()"]
    )
    def test_random_numbers_go_on_as_before(self, expression: str) -> None:
        shell = student(SETTING)
        states = random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

        take(shell, expression)

        assert (random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == states

    def test_two_expressions_of_one_probe_do_not_see_each_other(self) -> None:
        values = take(student(SETTING), "f(1)", "f(1) + 0", "count")

        assert list(values.values()) == [number(1), number(1), number(0)]

    def test_the_grad_mode_stays(self) -> None:
        take(student(SETTING), "torch.set_grad_enabled(False)", "torch._C._set_grad_enabled(False)")

        assert torch.is_grad_enabled()

    def test_nothing_is_printed(self, capfd: pytest.CaptureFixture[str]) -> None:
        take(student(SETTING + "import os"), "print('x')", "os.system('echo y')", "os.write(1, b'z')")

        assert capfd.readouterr() == ("", "")

    def test_the_namespace_has_no_new_names(self) -> None:
        shell = student(SETTING)
        before = set(shell.user_ns)

        take(shell, "[z for z in numbers]", "np.pi", "f(1)")

        assert set(shell.user_ns) == before

    @pytest.mark.parametrize(
        "expression",
        ["os._exit(3)", "os.kill(os.getpid(), 9)", "[os.fork(), 1][1]", "exit()"],
    )
    def test_one_that_ends_its_process_ends_no_other(self, expression: str) -> None:
        values = take(student(SETTING + "import os"), expression, "t")

        assert "t" in values
        assert values.get(expression) in (None, number(1))

    def test_values_larger_than_a_reply_say_so_although_they_come_from_copies(self) -> None:
        names = [f"f(torch.zeros(2_000_000)) + {n}" for n in range(4)]

        values = take(student(SETTING), *names)

        assert [isinstance(value, ArrayValue) for value in values.values()] == [True, True, False, False]


class TestTime:
    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("def slow():\n    while True: pass", id="loop"),
            pytest.param(
                "def slow():\n    while True:\n        try:\n            while True: pass\n"
                "        except BaseException: pass",
                id="catches-everything",
            ),
        ],
    )
    def test_one_that_never_ends_is_unreadable_and_so_is_what_comes_after(
        self, source: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("grader.sandbox.wire.asking.NAMES_SECONDS", 0.3)

        reply = ask(student(SETTING + source), TakeNames(key="k", names=("t", "slow()", "history")))

        unreadable = OpaqueValue(type_name="object", reason="unreadable")
        assert isinstance(reply, NamesReply)
        assert isinstance(reply.values["t"], ArrayValue)
        assert reply.values["slow()"] == reply.values["history"] == unreadable

    def test_reading_that_never_ends_is_ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("grader.sandbox.wire.asking.NAMES_SECONDS", 0.3)

        reply = ask(student(SETTING), TakeNames(key="k", names=("[0 for x in range(10**12)]",)))

        assert isinstance(reply, NamesReply)
        assert {value.reason for value in reply.values.values()} == {"unreadable"}


class TestWhereTheyAreEvaluated:
    @pytest.mark.parametrize(
        "expression",
        [
            "w.grad",
            "t[0]",
            "t.shape",
            "t[:, 1:].sum(dim=0)",
            "np.shares_memory(a, shared.numpy())",
            "[type(o).__name__ for o in [opt]]",
            "{n: p.shape for n, p in layer.named_parameters()}",
            "layer.weight.grad is None and len(history) > 2",
            "torch.equal(t, t.clone())",
            "table['a'] + numbers[0]",
            "t.is_contiguous() or not t.requires_grad",
            "missing.shape",
            "t[",
        ],
    )
    def test_reading_needs_no_copy_of_the_process(self, expression: str) -> None:
        assert only_reads(expression, student(SETTING).user_ns)

    @pytest.mark.parametrize(
        "expression",
        ["model.fc.weight", "f(t)", "torch.rand(2)", "loader.batch_size", "history.append(1)", "opt.step()", "f"],
    )
    def test_whatever_runs_other_code_gets_one(self, expression: str) -> None:
        assert not only_reads(expression, student(SETTING).user_ns)

    @pytest.mark.parametrize("name", ["can_copy", "_fork"], ids=["cuda-is-in-use", "no-process-is-left"])
    def test_where_no_copy_can_be_made_it_is_evaluated_all_the_same(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if name == "can_copy":
            monkeypatch.setattr(copies, "_is_cuda_initialized", lambda: True)
        else:
            monkeypatch.setattr(copies, "_fork", fail_to_fork)

        assert evaluated("f(2)") == number(2)


def fail_to_fork() -> int:
    raise BlockingIOError(os.strerror(11))
