"""Hidden calls beyond output and gradient: second derivatives, arguments changed in place, a time for each call."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given

from grader.domain.probe import CallFunction
from grader.domain.values import (
    ArrayValue,
    CallReply,
    CallsReply,
    MappingValue,
    OpaqueValue,
    ScalarValue,
    SequenceValue,
    Value,
)
from grader.sandbox.kernel import copies

from .asking import ask, elements, student, tensor
from .wire_values import buildable

ONE, TWO = (ScalarValue(type_name="int", value=number) for number in (1, 2))


def called(
    source: str,
    *calls: tuple[Value, ...],
    second: bool = False,
    gradients: bool = True,
    seconds: float = 20.0,
    call_s: float | None = None,
) -> CallsReply:
    probe = CallFunction(
        key="q6.f/calls",
        names=("f",),
        calls=calls or ((tensor(3.0),),),
        gradients=gradients,
        seconds=seconds,
        second=second,
        call_s=call_s,
    )
    reply = ask(student(source), probe)
    assert isinstance(reply, CallsReply)
    return reply


def one(source: str, *arguments: Value, **options: object) -> CallReply:
    (only,) = called(source, arguments or (tensor(3.0),), **options).calls
    return only


def array(data: list[float]) -> ArrayValue:
    made = tensor(data)
    return ArrayValue(type_name="ndarray", dtype="float32", shape=made.shape, data=made.data)


class TestSecondDerivatives:
    @pytest.mark.parametrize(
        ("source", "gradient", "second"),
        [
            pytest.param("def f(x): return 3*x**3 + x", 82.0, 54.0, id="cubic"),
            pytest.param("f = torch.exp", None, None, id="torch's-own"),
            pytest.param("def f(x): return 5 * x", 5.0, 0.0, id="linear"),
            pytest.param("def f(x): return x + 1", 1.0, 0.0, id="sum"),
            pytest.param("def f(x): return torch.relu(x)", 1.0, 0.0, id="piecewise-linear"),
            pytest.param("def f(x): return 2 * x ** 2, x ** 3", 39.0, 22.0, id="tuple"),
        ],
    )
    def test_of_one_argument(self, source: str, gradient: float | None, second: float | None) -> None:
        reply = one(source, second=True)

        assert gradient is None or elements(reply.gradients[0]) == gradient
        assert second is None or elements(reply.second[0]) == second
        assert reply.second[0] is not None

    def test_each_gradient_is_derived_by_its_own_argument(self) -> None:
        reply = one("def f(x, n, y): return x**2 * y**3 * n", tensor(3.0), TWO, tensor(2.0), second=True)

        assert [value if value is None else elements(value) for value in reply.gradients] == [96.0, None, 216.0]
        assert [value if value is None else elements(value) for value in reply.second] == [32.0, None, 216.0]

    def test_of_a_vector_the_sum_of_its_gradient_is_derived(self) -> None:
        reply = one("def f(x): return (x ** 2).sum() * x", tensor([1.0, 2.0]), second=True)

        x = torch.tensor([1.0, 2.0], requires_grad=True)
        (gradient,) = torch.autograd.grad(((x**2).sum() * x).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(gradient.sum(), x)
        assert elements(reply.gradients[0]) == gradient.tolist()
        assert elements(reply.second[0]) == second.tolist()

    def test_what_was_derived_does_not_look_derived(self) -> None:
        reply = one("def f(x): return x ** 3", second=True)

        for value in (*reply.gradients, *reply.second):
            assert isinstance(value, ArrayValue)
            assert (value.requires_grad, value.grad_fn) == (False, None)

    def test_a_step_that_can_be_derived_once_only_has_none(self) -> None:
        source = (
            "from torch.autograd.function import once_differentiable\n"
            "class Square(torch.autograd.Function):\n"
            "    @staticmethod\n    def forward(ctx, x):\n        ctx.save_for_backward(x); return x ** 2\n"
            "    @staticmethod\n    @once_differentiable\n"
            "    def backward(ctx, g): return 2 * ctx.saved_tensors[0] * g\n"
            "def f(x): return Square.apply(x)"
        )

        reply = one(source, second=True)

        assert elements(reply.gradients[0]) == 6.0
        assert reply.second == (None,)

    def test_a_gradient_that_left_torch_on_the_way_has_none(self) -> None:
        source = (
            "class Square(torch.autograd.Function):\n"
            "    @staticmethod\n    def forward(ctx, x):\n        ctx.x = x.item(); return x ** 2\n"
            "    @staticmethod\n    def backward(ctx, g): return torch.tensor(2 * ctx.x * g.item())\n"
            "def f(x): return Square.apply(x)"
        )

        reply = one(source, second=True)

        assert elements(reply.gradients[0]) == 6.0
        assert reply.second == (None,)

    def test_a_dtype_without_sums_has_no_derivative(self) -> None:
        for second in (True, False):
            reply = one("def f(x): return x.to(torch.float8_e5m2)", second=second)

            assert reply.error is None
            assert reply.gradients == (None,)

    def test_an_output_that_raises_when_it_is_added_up_has_no_derivative(self) -> None:
        source = (
            "class Mine(torch.Tensor):\n    @classmethod\n"
            "    def __torch_function__(cls, f, types, args=(), kwargs=None):\n"
            "        if getattr(f, '__name__', '') == 'sum': raise SystemExit\n"
            "        return super().__torch_function__(f, types, args, kwargs or {})\n"
            "def f(x): return (x * 2).as_subclass(Mine)"
        )

        reply = one(source, second=True)

        assert (reply.error, reply.gradients, reply.second) == (None, (None,), (None,))

    def test_without_a_gradient_there_is_no_second_one(self) -> None:
        reply = one("def f(x): return x.detach()", second=True)

        assert (reply.gradients, reply.second) == ((None,), (None,))

    def test_they_are_left_out_where_nobody_asks(self) -> None:
        assert one("def f(x): return x ** 3").second == ()

    def test_a_function_that_changes_its_argument_is_derived_twice(self) -> None:
        reply = one("def f(x):\n    x *= 2\n    return x ** 3", second=True)

        assert elements(reply.second[0]) == 48.0 * 3.0


class TestChangedArguments:
    @pytest.mark.parametrize(
        ("body", "argument"),
        [
            pytest.param("x.add_(1)", tensor([1.0, 2.0]), id="tensor-in-place"),
            pytest.param("x *= 2", tensor([1.0, 2.0]), id="augmented-assignment"),
            pytest.param("x[0] = 9", tensor([1.0, 2.0]), id="tensor-item"),
            pytest.param("x.data += 1", tensor([1.0, 2.0]), id="tensor-data"),
            pytest.param("with torch.no_grad(): x.zero_()", tensor([1.0, 2.0]), id="no-grad"),
            pytest.param("x.detach().numpy()[0] = 5", tensor([1.0, 2.0]), id="through-numpy"),
            pytest.param("x.t_()", tensor([[1.0, 2.0]]), id="tensor-shape"),
            pytest.param("x.data = x.data.double()", tensor([1.0, 2.0]), id="tensor-dtype"),
            pytest.param("x += 1", array([1.0, 2.0]), id="array-in-place"),
            pytest.param("x.shape = (2, 1)", array([1.0, 2.0]), id="array-shape"),
            pytest.param("x.append(3)", SequenceValue(type_name="list", items=(ONE,)), id="list-grows"),
            pytest.param("x[0] = 1.", SequenceValue(type_name="list", items=(ONE,)), id="list-item-of-another-type"),
            pytest.param("x[0] = x", SequenceValue(type_name="list", items=(ONE,)), id="list-inside-itself"),
            pytest.param("x.sort()", SequenceValue(type_name="list", items=(TWO, ONE)), id="list-order"),
            pytest.param(
                "x[0].mul_(2)", SequenceValue(type_name="tuple", items=(tensor([1.0]),)), id="tensor-in-a-tuple"
            ),
            pytest.param("x[1] = 2", MappingValue(items=((ONE, ONE),)), id="dict-item"),
            pytest.param("x.clear()", MappingValue(items=((ONE, ONE),)), id="dict-emptied"),
            pytest.param("x[2] = x.pop(1)", MappingValue(items=((ONE, ONE),)), id="dict-key"),
        ],
    )
    def test_each_kind_of_change_is_seen(self, body: str, argument: Value) -> None:
        reply = one(f"def f(a, x):\n    {body}\n    return a", tensor(1.0), argument)

        assert reply.error is None
        assert reply.changed == (1,)

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param("return x", id="gives-it-back"),
            pytest.param("x = x + 1\n    return x", id="bound-anew"),
            pytest.param("y = x * x\n    y.sum().backward()\n    return x.grad", id="grad-is-no-change"),
            pytest.param("x.requires_grad_(); return x * 2", id="requires-grad-is-no-change"),
            pytest.param("x.add_(1); x.sub_(1); return x", id="put-back"),
        ],
    )
    @pytest.mark.parametrize("gradients", [True, False], ids=["gradients", "plain"])
    def test_what_only_looks_like_one_is_none(self, body: str, gradients: bool) -> None:
        body = f"x.requires_grad_()\n    {body}" if "backward" in body else body
        assert one(f"def f(x):\n    {body}", tensor([1.0, 2.0]), gradients=gradients).changed == ()

    @given(value=buildable)
    def test_a_function_that_only_looks_changes_no_input_whatever_it_is(self, value: Value) -> None:
        assert one("def f(x): return None", value, gradients=False).changed == ()

    def test_changes_are_seen_in_each_call_alone(self) -> None:
        source = "def f(x):\n    if x.sum() > 2: x.zero_()\n    return x"

        reply = called(source, (tensor([1.0]),), (tensor([5.0]),), (tensor([2.0]),), gradients=False)

        assert [call.changed for call in reply.calls] == [(), (0,), ()]

    def test_what_a_student_puts_into_a_list_is_not_asked_whether_it_is_the_same(self) -> None:
        source = (
            "class Liar:\n    def __eq__(self, other): raise SystemExit\n"
            "    __class__ = int\n"
            "def f(x):\n    x[0] = Liar()\n    return 1"
        )

        reply = one(source, SequenceValue(type_name="list", items=(ONE,)))

        assert (reply.output, reply.changed) == (ONE, (0,))


SLOW = "import time\ndef f(x):\n    if x == 1:\n        time.sleep(60)\n    return x"
STUBBORN = (
    "def f(x):\n    while x == 1:\n        try:\n            while True: pass\n"
    "        except BaseException: pass\n    return x"
)
LOOP = "def f(x):\n    while x == 1: pass\n    return x"
NUMBERS = tuple((tensor(float(number)),) for number in (0, 1, 2, 1, 3))


class TestTimeForEachCall:
    @pytest.mark.parametrize(
        "source",
        [
            pytest.param(LOOP, id="loop"),
            pytest.param(SLOW, id="sleep"),
            pytest.param(STUBBORN, id="catches-everything"),
            pytest.param(LOOP.replace("pass", "torch.ones(3)"), id="in-torch"),
            pytest.param(SLOW.replace("time.sleep(60)", "7 ** 7 ** 77"), id="one-endless-instruction"),
            pytest.param(SLOW.replace("time.sleep(60)", "__import__('os').kill(0, 19)"), id="stops-itself"),
        ],
    )
    def test_a_call_that_takes_too_long_leaves_the_others(self, source: str) -> None:
        reply = called(source, *NUMBERS, call_s=0.5)

        assert [call.error for call in reply.calls] == [None, "TimeoutError", None, "TimeoutError", None]
        assert [elements(reply.calls[place].output) for place in (0, 2, 4)] == [0.0, 2.0, 3.0]
        assert not reply.timed_out

    @pytest.mark.parametrize("source", [LOOP, STUBBORN], ids=["in-the-kernel", "in-a-copy"])
    def test_the_time_for_all_calls_still_holds(self, source: str) -> None:
        calls = ((tensor(0.0),), *[(tensor(1.0),)] * 50)

        reply = called(source, *calls, seconds=1.0, call_s=0.3)

        assert reply.timed_out
        assert reply.calls[0].error is None
        assert 1 <= len(reply.calls) < 10
        assert {call.error for call in reply.calls[1:]} == {"TimeoutError"}

    def test_the_last_call_may_be_the_one(self) -> None:
        reply = called(STUBBORN, (tensor(1.0),), call_s=0.3)

        assert reply == CallsReply(name="f", calls=(CallReply(error="TimeoutError"),))

    def test_calls_after_it_begin_where_the_first_ones_began(self) -> None:
        """The copy of the process that was lost took its changes with it."""
        source = "seen = []\n" + STUBBORN.replace("return x", "seen.append(1); return x * len(seen)")

        reply = called(source, *[(tensor(float(number)),) for number in (2, 2, 1, 2)], call_s=0.3)

        outputs = [call.output if call.output is None else elements(call.output) for call in reply.calls]
        assert outputs == [2.0, 4.0, None, 2.0]

    def test_a_call_that_dies_after_one_that_was_late_says_so(self) -> None:
        source = STUBBORN.replace("return x", "return x if x < 3 else __import__('os')._exit(1)")

        reply = called(source, *NUMBERS, call_s=0.5)

        assert [call.error for call in reply.calls] == [None, "TimeoutError", None, "TimeoutError", "ProcessDied"]

    def test_outputs_of_several_copies_share_one_replys_room(self) -> None:
        source = STUBBORN.replace("return x", "return torch.zeros(2_000_000)")

        reply = called(source, *[(tensor(float(number)),) for number in (0, 1, 0, 1, 0, 0)], call_s=1.0)

        kinds = [type(call.output) for call in reply.calls if call.error is None]
        assert kinds == [ArrayValue, ArrayValue, OpaqueValue, OpaqueValue]

    def test_when_no_further_copy_can_be_made_the_calls_are_made_in_the_kernel(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forks = iter([copies._fork])

        def fork() -> int:
            for real in forks:
                return real()
            raise BlockingIOError

        monkeypatch.setattr(copies, "_fork", fork)

        reply = called("seen = []\n" + LOOP.replace("return", "seen.append(1); return"), *NUMBERS, call_s=0.3)

        assert [call.error for call in reply.calls] == [None, "TimeoutError", None, "TimeoutError", None]


class TestInputs:
    def test_two_calls_of_one_probe_never_share_an_argument(self) -> None:
        source = "def f(x, rows):\n    x[0] += 1; rows.append(1)\n    return x, len(rows)"
        inputs = (array([1.0]), SequenceValue(type_name="list", items=(tensor([2.0]), tensor([3.0]))))

        reply = called(source, inputs, inputs, gradients=False)

        assert reply.calls[0].output == reply.calls[1].output

    def test_buffers_of_nested_inputs_are_counted(self) -> None:
        nested = MappingValue(
            items=((ONE, SequenceValue(type_name="list", items=(tensor([2.0]), array([3.0])))), (TWO, tensor([4.0])))
        )

        reply = called("def f(d, y): return d[1][0] + d[2] + y", (nested, tensor(5.0)), (nested, tensor(6.0)))

        assert [elements(call.output) for call in reply.calls] == [[11.0], [12.0]]
        assert [call.gradients[0] for call in reply.calls] == [None, None]

    def test_an_input_may_require_grad_by_itself(self) -> None:
        x = ArrayValue(
            type_name="Tensor", dtype="float32", shape=(), data=tensor(3.0).data, requires_grad=True, is_leaf=True
        )

        reply = one("def f(x):\n    (x ** 2).backward()\n    return x.grad", x, gradients=False)

        assert elements(reply.output) == 6.0

    @pytest.fixture(autouse=True)
    def _grad_mode_is_left_alone(self) -> Iterator[None]:
        yield
        assert torch.is_grad_enabled()
