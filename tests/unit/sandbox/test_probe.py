"""The probe against real torch: what comes out is what torch holds, and asking leaves no trace."""

import json
import random
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy
import psutil
import pytest
import torch
from hypothesis import given

from grader.domain.probe import CallFunction, TakeNames
from grader.domain.values import (
    ArrayValue,
    CallReply,
    CallsReply,
    MappingValue,
    NamesReply,
    OpaqueValue,
    ScalarValue,
    SequenceValue,
    Value,
)
from grader.sandbox import wire
from grader.sandbox.kernel import live_values, probe

from .asking import as_torch, ask, call, called, elements, holding, student, take, taken, tensor
from .wire_values import NUMPY_DTYPES, buildable, exact

TORCH_DTYPES = sorted(set(wire.DTYPE_BYTES))


def open_files() -> list[str]:
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())


class TestTakingTensors:
    @pytest.mark.parametrize("name", TORCH_DTYPES)
    @pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 3)], ids=str)
    def test_every_dtype_comes_out_byte_for_byte(self, name: str, shape: tuple[int, ...]) -> None:
        raw = torch.arange(1, 1 + torch.Size(shape).numel() * wire.DTYPE_BYTES[name], dtype=torch.uint8)
        if name == "bool":
            raw = raw % 2
        original = raw.view(getattr(torch, name)).reshape(shape)

        value = taken(original)

        assert value == ArrayValue(type_name="Tensor", dtype=name, shape=shape, data=bytes(raw.tolist()))

    @pytest.mark.parametrize(
        "make",
        [
            pytest.param(lambda t: t.T, id="transposed"),
            pytest.param(lambda t: t[:, ::2], id="strided"),
            pytest.param(lambda t: t[1:, 1:], id="offset"),
            pytest.param(lambda t: t[:, :1].expand(3, 5), id="expanded"),
            pytest.param(lambda t: t[1, 1], id="0-dim-view"),
            pytest.param(lambda t: t.flip(0), id="flipped"),
            pytest.param(lambda t: t[0, ::3][:1], id="one-element-with-a-stride"),
            pytest.param(lambda t: t[0, 1].expand([1] * 64), id="one-element-with-64-dimensions"),
            pytest.param(lambda t: torch.complex(t, -t).conj(), id="conj-view"),
            pytest.param(lambda t: torch.complex(t, -t).conj().imag, id="neg-view"),
            pytest.param(lambda t: t.as_strided((2, 2), (1, 1)), id="overlapping"),
            pytest.param(lambda t: t.to(memory_format=torch.contiguous_format).half().T, id="half-transposed"),
        ],
    )
    def test_views_come_out_as_their_elements_in_c_order(self, make) -> None:
        view = make(torch.arange(12.0).reshape(3, 4))

        assert torch.equal(as_torch(taken(view)), view.resolve_conj().resolve_neg())

    def test_a_leaf_comes_with_its_grad(self) -> None:
        value = take(student("x = torch.tensor([1., 2.], requires_grad=True); (x**2).sum().backward()"), "x")["x"]

        assert isinstance(value, ArrayValue)
        assert (value.requires_grad, value.is_leaf, value.grad_fn) == (True, True, None)
        assert elements(value.grad) == [2.0, 4.0]

    def test_a_result_names_its_grad_fn_and_warns_nobody_about_grad(self) -> None:
        value = take(student("x = torch.ones(2, requires_grad=True); y = x * 3"), "y")["y"]

        assert isinstance(value, ArrayValue)
        assert (value.requires_grad, value.is_leaf, value.grad_fn, value.grad) == (True, False, "MulBackward0", None)

    def test_a_retained_grad_comes_out_too(self) -> None:
        source = "x = torch.ones(2, requires_grad=True); y = x * 3; y.retain_grad(); y.sum().backward()"

        value = take(student(source), "y")["y"]

        assert isinstance(value, ArrayValue)
        assert elements(value.grad) == [1.0, 1.0]

    def test_a_sparse_grad_is_not_taken_for_none(self) -> None:
        source = "e = torch.nn.Embedding(3, 2, sparse=True); e(torch.tensor([1])).sum().backward(); w = e.weight"

        value = take(student(source), "w")["w"]

        assert isinstance(value, ArrayValue)
        assert value.type_name == "Parameter"
        assert isinstance(value.grad, ArrayValue)
        assert value.grad.layout == "sparse_coo"
        assert elements(value.grad) == [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]

    @pytest.mark.parametrize(
        ("make", "layout"),
        [
            pytest.param(lambda t: t.to_sparse(), "sparse_coo", id="coo"),
            pytest.param(lambda t: t.to_sparse(1), "sparse_coo", id="coo-with-dense-rows"),
            pytest.param(lambda t: t.to_sparse_csr(), "sparse_csr", id="csr"),
            pytest.param(lambda t: t.to_sparse_csc(), "sparse_csc", id="csc"),
            pytest.param(lambda t: t.to_sparse_bsr((2, 2)), "sparse_bsr", id="bsr"),
            pytest.param(lambda t: t.to_sparse_bsc((2, 2)), "sparse_bsc", id="bsc"),
        ],
    )
    @pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.complex64, torch.bool], ids=str)
    def test_sparse_tensors_come_out_densely_and_say_their_layout(self, make, layout: str, dtype: torch.dtype) -> None:
        dense = torch.tensor([[0, 1, 0, 0], [0, 0, 1, 0]]).to(dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sparse = make(dense)

        value = taken(sparse)

        assert isinstance(value, ArrayValue)
        assert (value.layout, value.dtype, value.type_name) == (layout, str(dtype).removeprefix("torch."), "Tensor")
        assert torch.equal(as_torch(value), dense)

    def test_entries_of_a_sparse_tensor_that_fall_on_one_place_are_added(self) -> None:
        value = taken(torch.sparse_coo_tensor([[1, 1]], [2.0, 3.0], (3,), check_invariants=True))

        assert elements(value) == [0.0, 5.0, 0.0]

    def test_a_sparse_leaf_says_what_autograd_knows_of_it(self) -> None:
        source = "s = torch.eye(2).to_sparse().requires_grad_(); (s.to_dense() * 3).sum().backward()"

        value = take(student(source), "s")["s"]

        assert isinstance(value, ArrayValue)
        assert (value.requires_grad, value.is_leaf, value.layout) == (True, True, "sparse_coo")
        assert value.grad is not None

    @pytest.mark.parametrize("name", ["complex64", "complex128"])
    def test_complex_numbers_keep_both_parts(self, name: str) -> None:
        value = taken(torch.tensor([1 - 2j, complex("nan+infj")], dtype=getattr(torch, name)))

        assert isinstance(value, ArrayValue)
        assert value.dtype == name
        assert str(elements(value)) == str([1 - 2j, complex("nan+infj")])

    def test_subclasses_say_so(self) -> None:
        values = take(
            student(
                "class Mine(torch.Tensor): pass\n"
                "p = torch.nn.Parameter(torch.ones(2)); m = torch.ones(2).as_subclass(Mine)"
            ),
            "p",
            "m",
        )

        assert {name: value.type_name for name, value in values.items()} == {"p": "Parameter", "m": "Mine"}
        assert elements(values["m"]) == [1.0, 1.0]

    def test_bools_made_of_other_bytes_are_true(self) -> None:
        value = taken(torch.tensor([0, 1, 2, 255], dtype=torch.uint8).view(torch.bool))

        assert isinstance(value, ArrayValue)
        assert value.data == b"\0\1\1\1"

    @pytest.mark.parametrize(
        ("device", "named"),
        [
            pytest.param(torch.device("cuda", 1), "cuda:1", id="one of several"),
            pytest.param(torch.device("cuda"), "cuda", id="without a number"),
        ],
    )
    def test_a_tensor_on_a_gpu_comes_out_with_the_name_of_its_device(self, monkeypatch, device, named) -> None:
        """There is no GPU here: torch's descriptor says so of a tensor on the CPU. tests/gpu has the real ones."""
        monkeypatch.setattr(live_values, "_device", lambda tensor: device)
        leaf = torch.ones(2, requires_grad=True)
        (leaf * 3).sum().backward()

        value = taken(leaf)

        assert isinstance(value, ArrayValue)
        assert isinstance(value.grad, ArrayValue)
        assert (value.device, elements(value)) == (named, [1.0, 1.0])
        assert (value.grad.device, elements(value.grad)) == (named, [3.0, 3.0])

    def test_memory_of_other_devices_is_not_read(self, monkeypatch) -> None:
        monkeypatch.setattr(live_values, "_device", lambda tensor: torch.device("xla", 0))

        value = taken(torch.ones(2))

        assert isinstance(value, OpaqueValue)
        assert value.reason == "device"

    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            pytest.param(lambda: torch.zeros(3, 3).to_mkldnn(), "layout", id="mkldnn"),
            pytest.param(
                lambda: torch.quantize_per_tensor(torch.ones(3, 3), 0.1, 0, torch.qint8), "quantized", id="quantised"
            ),
            pytest.param(
                lambda: torch.quantize_per_channel(
                    torch.ones(10_000, 3000), torch.ones(3000), torch.zeros(3000), 1, torch.quint8
                ),
                "quantized",
                id="large-and-quantised",
            ),
            pytest.param(lambda: torch.zeros(3, 3, dtype=torch.complex32), "layout", id="complex-of-halves"),
            pytest.param(lambda: torch.empty(3, 3, device="meta"), "meta", id="meta"),
            pytest.param(lambda: torch.empty(10**5, 10**5, device="meta"), "meta", id="large-and-meta"),
            pytest.param(
                lambda: torch.sparse_coo_tensor([[0], [0]], [1.0], (10**5, 10**5)), "too_large", id="large-sparse"
            ),
            pytest.param(lambda: torch.zeros(1).expand(3000, 1000, 1000), "too_large", id="expanded-without-memory"),
            pytest.param(lambda: torch.zeros(30 * 2**20, dtype=torch.uint8), "too_large", id="large"),
        ],
    )
    def test_what_cannot_be_taken_says_why_with_dtype_and_shape(self, make, reason: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            original = make()

        value = taken(original)

        assert value == OpaqueValue(
            type_name="Tensor",
            reason=reason,
            dtype=str(original.dtype).removeprefix("torch."),
            shape=tuple(original.shape),
        )

    def test_more_dimensions_than_arrays_have_are_refused(self) -> None:
        value = taken(torch.zeros([1] * 70))

        assert value == OpaqueValue(type_name="Tensor", reason="too_deep", dtype="float32")

    def test_large_tensors_leave_room_for_the_others(self) -> None:
        large = torch.zeros(5 * 2**20)
        values = take(holding(a=large, b=large, c=torch.ones(2)), "a", "b", "c")

        assert [type(value) for value in values.values()] == [ArrayValue, OpaqueValue, ArrayValue]


class TestTakingOtherThings:
    @pytest.mark.parametrize(
        "dtype",
        NUMPY_DTYPES,
    )
    def test_arrays_and_their_scalars(self, dtype: str) -> None:
        array = numpy.array([[1, 0], [2, 3]]).astype(dtype)

        value, scalar = taken(array.T), taken(array[0, 0])

        assert value == ArrayValue(type_name="ndarray", dtype=dtype, shape=(2, 2), data=array.T.tobytes())
        assert scalar == ArrayValue(type_name="numpy scalar", dtype=dtype, shape=(), data=array[0, 0].tobytes())

    def test_big_endian_arrays_are_turned_round(self) -> None:
        value = taken(numpy.array([1, 2], dtype=">i4"))

        assert value == ArrayValue(type_name="ndarray", dtype="int32", shape=(2,), data=b"\1\0\0\0\2\0\0\0")

    @pytest.mark.parametrize(
        ("value", "type_name"),
        [
            pytest.param(numpy.array(["a"]), "ndarray", id="strings"),
            pytest.param(numpy.array([object()]), "ndarray", id="objects"),
            pytest.param(numpy.array(["2026-01-01"], dtype="datetime64[D]"), "ndarray", id="dates"),
            pytest.param(numpy.zeros(2, dtype=numpy.longdouble), "ndarray", id="long-doubles"),
            pytest.param(numpy.ma.masked_array([1, 2], [True, False]), "MaskedArray", id="masked"),
            pytest.param({1, 2}, "set", id="set"),
            pytest.param(b"bytes", "bytes", id="bytes"),
            pytest.param(range(3), "range", id="range"),
            pytest.param(torch.nn.Linear(1, 1), "Linear", id="module"),
            pytest.param({(1, 2): 3}, "dict", id="dict-with-a-tuple-as-key"),
        ],
    )
    def test_other_types_are_named_and_stay(self, value: object, type_name: str) -> None:
        described = taken(value)

        assert isinstance(described, OpaqueValue)
        assert (described.type_name, described.reason) == (type_name, "type")

    @pytest.mark.parametrize(
        "value",
        [None, True, 0, -1, 10**300, 1.5, -0.0, float("inf"), 1 - 2j, "課題8", ""],
        ids=repr,
    )
    def test_python_values(self, value: object) -> None:
        assert exact(taken(value)) == exact(ScalarValue(type_name=type(value).__name__, value=value))

    def test_half_a_surrogate_pair_is_replaced(self) -> None:
        assert taken("a\ud800") == ScalarValue(type_name="str", value="a?")

    @pytest.mark.parametrize(
        "value", [1 << 10_000, "a" * 100_000, [0] * 30_000, dict.fromkeys(range(15_000))], ids=type
    )
    def test_what_is_too_long_stays(self, value: object) -> None:
        assert taken(value) == OpaqueValue(type_name=type(value).__name__, reason="too_large")

    def test_containers_nest(self) -> None:
        value = taken({"shape": torch.Size([2, 3]), "rows": [(1, None)], 4: torch.tensor(5)})

        one, two, three, four = (ScalarValue(type_name="int", value=number) for number in (1, 2, 3, 4))
        none = ScalarValue(type_name="NoneType", value=None)
        assert value == MappingValue(
            items=(
                (
                    ScalarValue(type_name="str", value="shape"),
                    SequenceValue(type_name="Size", items=(two, three)),
                ),
                (
                    ScalarValue(type_name="str", value="rows"),
                    SequenceValue(type_name="list", items=(SequenceValue(type_name="tuple", items=(one, none)),)),
                ),
                (four, tensor(5, torch.int64)),
            )
        )

    def test_the_result_of_max_is_a_tuple(self) -> None:
        value = taken(torch.tensor([[1, 5], [7, 2]]).max(dim=1))

        assert isinstance(value, SequenceValue)
        assert [elements(item) for item in value.items] == [[5, 7], [1, 0]]

    def test_a_list_inside_itself_ends_at_the_depth_limit(self) -> None:
        endless: list[object] = []
        endless.append(endless)

        value: Value = taken(endless)

        while isinstance(value, SequenceValue):
            (value,) = value.items
        assert value == OpaqueValue(type_name="list", reason="too_deep")

    def test_a_list_that_doubles_at_every_level_ends_at_the_node_limit(self) -> None:
        doubling: list[object] = []
        for _ in range(100):
            doubling = [doubling] * 10

        assert isinstance(taken(doubling), SequenceValue)

    def test_many_long_strings_give_one_opaque_value(self) -> None:
        assert taken(["あ" * 60_000] * 100) == OpaqueValue(type_name="object", reason="too_large")

    def test_names_that_do_not_exist_are_absent(self) -> None:
        assert take(holding(x=1), "x", "y", "print").keys() == {"x"}

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("class A:\n @property\n def __class__(self): raise SystemExit\nx = A()", id="class-property"),
            pytest.param("class A:\n __class__ = torch.Tensor\nx = A()", id="claims-to-be-a-tensor"),
            pytest.param("class A:\n def __getattribute__(self, n): raise KeyboardInterrupt\nx = A()", id="attributes"),
            pytest.param(
                "class A(torch.Tensor):\n @classmethod\n def __torch_function__(*a, **k): raise SystemExit\n"
                "x = torch.ones(2).as_subclass(A)",
                id="torch-function",
            ),
            pytest.param(
                "class A(list):\n def __iter__(self): raise SystemExit\n def __len__(self): return 10**9\nx = A([1])",
                id="list-methods",
            ),
            pytest.param("class A(dict):\n def items(self): return 1/0\nx = A(a=1)", id="dict-methods"),
            pytest.param(
                "class A(int):\n def __format__(self, s): return 'zz'\n def bit_length(self): return -1\nx = A(3)",
                id="int-methods",
            ),
            pytest.param("class A(str):\n def encode(self, *a): return 3\nx = A('s')", id="str-methods"),
            pytest.param(
                "class M(type):\n def __eq__(self, o): return True\n def __hash__(self): return 0\n"
                " def __instancecheck__(self, o): return True\nclass A(metaclass=M): pass\nx = A()",
                id="metaclass-equal-to-anything",
            ),
            pytest.param("x = type('\\x1b[2J' + 'a' * 1000, (), {})()", id="class-name"),
            pytest.param("x = torch.nn.parameter.UninitializedParameter()", id="parameter-without-data"),
            pytest.param("x = torch.ones(2); x.set_(torch.UntypedStorage(0), 0, (0,))", id="without-storage"),
        ],
    )
    def test_objects_that_lie_or_raise_do_not_reach_us(self, source: str) -> None:
        assert take(student(source), "x").keys() == {"x"}

    def test_subclasses_of_python_types_count_as_these(self) -> None:
        source = (
            "class I(int): pass\nclass S(str): pass\nimport collections\n"
            "i, s, o = I(3), S('a'), collections.OrderedDict(a=1)"
        )

        values = take(student(source), "i", "s", "o")

        assert values["i"] == ScalarValue(type_name="int", value=3)
        assert values["s"] == ScalarValue(type_name="str", value="a")
        assert isinstance(values["o"], MappingValue)

    def test_torchs_modes_do_not_reach_us(self) -> None:
        source = "torch.set_default_device('meta')"
        shell = holding(x=torch.ones(2))
        try:
            exec(source)  # noqa: S102
            value = take(shell, "x")["x"]
            reply = call(
                holding(f=lambda x: x * 2), (ArrayValue(type_name="Tensor", dtype="float32", shape=(0,), data=b""),)
            )
        finally:
            torch.set_default_device(None)

        assert elements(value) == [1.0, 1.0]
        assert elements(reply.calls[0].output) == []


class TestCalling:
    def test_outputs_and_derivatives(self) -> None:
        shell = student("def f(x): return 2*x**3 - 3*x**2 - 12*x + 1")

        reply = call(shell, (tensor(2.0),), (tensor(3.0),), (tensor([0.0, 1.0]),))

        assert (reply.name, reply.timed_out) == ("f", False)
        assert [elements(one.output) for one in reply.calls] == [-19.0, -8.0, [1.0, -12.0]]
        assert [elements(one.gradients[0]) for one in reply.calls] == [0.0, 24.0, [-12.0, -12.0]]

    def test_derivatives_are_given_for_each_float_tensor_among_the_arguments(self) -> None:
        reply = called(
            "def f(x, n, y): return x * n * y",
            (tensor(3.0), ScalarValue(type_name="int", value=2), tensor(5.0, torch.float64)),
        )

        assert [one if one is None else elements(one) for one in reply.gradients] == [10.0, None, 6.0]

    def test_without_gradients_arguments_require_none(self) -> None:
        reply = called("def f(x): return x.numpy()", gradients=False)

        assert reply.output == ArrayValue(type_name="ndarray", dtype="float32", shape=(), data=tensor(3.0).data)
        assert reply.gradients == (None,)

    @given(value=buildable)
    def test_a_function_that_returns_its_argument_gives_back_any_input_exactly(self, value: Value) -> None:
        (reply,) = call(student("def f(x): return x"), (value,), gradients=False).calls

        assert exact(reply.output) == exact(value)

    def test_the_first_candidate_that_can_be_called_is_called(self) -> None:
        shell = student("f = 3\ndef g(x): return x\ndef h(x): return -x")

        reply = call(shell, (tensor(3.0),), names=("missing", "f", "g", "h"))

        assert reply.name == "g"

    def test_no_candidate_gives_no_name(self) -> None:
        assert call(student("f = 3"), (tensor(3.0),), names=("f", "g")) == CallsReply(name=None)

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            pytest.param("return 1.5", ScalarValue(type_name="float", value=1.5), id="float"),
            pytest.param("print(x)", ScalarValue(type_name="NoneType", value=None), id="nothing"),
            pytest.param("return x.detach()", tensor(3.0), id="detached"),
            pytest.param("return torch.tensor(-12.)", tensor(-12.0), id="constant"),
            pytest.param("return (x > 1)", tensor(True, torch.bool), id="bool"),
            pytest.param("return x.detach().numpy()[()]", None, id="numpy-scalar"),
            pytest.param("return torch.polar(x, x)", None, id="complex"),
            pytest.param("y = x * x; y.backward(); return y", None, id="graph-already-freed"),
        ],
    )
    def test_outputs_without_a_way_back_have_no_derivative(self, body: str, expected: Value | None) -> None:
        reply = called(f"def f(x):\n    {body}")

        assert reply.error is None
        assert reply.gradients == (None,)
        assert expected is None or reply.output == expected

    def test_a_tuple_is_summed_over_all_its_tensors(self) -> None:
        reply = called("def f(x): return x * 2, 7, x ** 2")

        assert elements(reply.gradients[0]) == 8.0

    def test_a_function_that_differentiates_by_itself_finds_a_leaf(self) -> None:
        reply = called("def f(x):\n    y = x ** 2\n    y.backward()\n    return x.grad")

        assert elements(reply.output) == 6.0

    def test_a_function_may_change_its_argument_and_is_still_differentiated(self) -> None:
        shell = student("def f(x):\n    x *= 2\n    return x * x")

        reply = call(shell, (tensor(3.0),), (tensor(3.0),))

        assert [elements(one.output) for one in reply.calls] == [36.0, 36.0]
        assert [elements(one.gradients[0]) for one in reply.calls] == [24.0, 24.0]

    def test_a_function_that_leaves_torch_is_called_with_plain_inputs_and_has_no_derivative(self) -> None:
        reply = called("def f(x): return torch.tensor(x.numpy() * 2)")

        assert elements(reply.output) == 6.0
        assert reply.gradients == (None,)

    @pytest.mark.parametrize(
        ("source", "error", "line"),
        [
            pytest.param("def f(x):\n    y = x\n    return y / undefined", "NameError", 3, id="own-line"),
            pytest.param("def g(x):\n    raise KeyError(x)\ndef f(x):\n    return g(x)", "KeyError", 2, id="in-helper"),
            pytest.param("def f(x):\n    return torch.ones(2) @ torch.ones(3)", "RuntimeError", 2, id="in-torch"),
            pytest.param("def f(x): return f(x)", "RecursionError", 1, id="recursion"),
            pytest.param("def f(): return 1", "TypeError", None, id="wrong-number-of-arguments"),
            pytest.param("def f(x):\n    raise SystemExit", "SystemExit", 2, id="exit"),
            pytest.param("def f(x):\n    raise KeyboardInterrupt", "KeyboardInterrupt", 2, id="interrupt"),
            pytest.param(
                "def f(x):\n    raise type(f'E{x.item()}', (ValueError,), {})", "ValueError", 2, id="input-in-type-name"
            ),
            pytest.param("f = lambda x: [1][2]", "IndexError", 1, id="lambda"),
            pytest.param("def f(x):\n    return max([1 / 0 for _ in [x]])", "ZeroDivisionError", 2, id="comprehension"),
        ],
    )
    def test_an_error_is_told_by_type_and_line_only(self, source: str, error: str, line: int | None) -> None:
        assert called(source) == CallReply(error=error, error_line=line)

    def test_one_call_that_fails_leaves_the_others(self) -> None:
        shell = student("def f(x): return [10, 20][int(x)]")

        reply = call(shell, (tensor(0.0),), (tensor(5.0),), (tensor(1.0),))

        assert [one.error for one in reply.calls] == [None, "IndexError", None]

    def test_helpers_and_constants_of_other_cells_are_there(self) -> None:
        assert elements(called("k = 4\ndef g(x): return x + k\ndef f(x): return g(x) * k").output) == 28.0

    def test_builtin_functions_and_modules_can_be_called(self) -> None:
        assert elements(called("f = torch.square").output) == 9.0
        assert called("f = torch.nn.Linear(1, 1)", (tensor([3.0]),)).error is None

    def test_an_output_that_is_too_large_stays(self) -> None:
        (first, second) = call(
            student("def f(x): return torch.zeros(10**int(x))"), (tensor(8.0),), (tensor(1.0),)
        ).calls

        assert isinstance(first.output, OpaqueValue)
        assert first.output.shape == (10**8,)
        assert isinstance(second.output, ArrayValue)


class TestTime:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param("    while True: pass", id="loop"),
            pytest.param(
                "    while True:\n     try:\n      while True: pass\n     except BaseException: pass", id="catches"
            ),
            pytest.param("    import time; time.sleep(100)", id="sleep"),
            pytest.param("    import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", id="stops-itself"),
            pytest.param("    return 7 ** 7 ** 77 if f else log", id="one-endless-instruction"),
        ],
    )
    def test_calls_end_at_the_deadline_and_those_done_are_kept(self, body: str) -> None:
        shell = student(f"log = []\ndef f(x):\n    if x < 1: return x\n{body}")
        asked = CallFunction(
            key="k", names=("f",), calls=((tensor(0.0),), (tensor(1.0),)), gradients=False, seconds=0.4
        )

        reply = ask(shell, asked)

        assert reply == CallsReply(name="f", calls=(CallReply(output=tensor(0.0), gradients=(None,)),), timed_out=True)

    def test_an_interrupt_that_comes_late_costs_no_answer(self) -> None:
        source = "import signal\ndef f(x):\n    signal.raise_signal(signal.SIGINT)\n    return x"

        assert call(student(source), (tensor(1.0),)).calls[0].output is not None

    def test_handlers_and_timer_are_the_students_again(self) -> None:
        def handler(number: int, frame: object) -> None: ...

        kept = {number: signal.signal(number, handler) for number in (signal.SIGALRM, signal.SIGINT)}
        signal.setitimer(signal.ITIMER_REAL, 1000.0)
        try:
            call(student("def f(x): return x"), (tensor(1.0),))

            assert signal.getsignal(signal.SIGALRM) is handler
            assert signal.getsignal(signal.SIGINT) is handler
            assert 900.0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 1000.0
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            for number, before in kept.items():
                signal.signal(number, before)


class TestLeavingNoTrace:
    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("state = 0\ndef f(x):\n    global state\n    state += 1\n    return x * state", id="global"),
            pytest.param("state = []\ndef f(x):\n    state.append(x)\n    return x * len(state)", id="list"),
            pytest.param(
                "state = torch.ones((), requires_grad=True)\n"
                "def f(x):\n    y = x * state\n    y.backward()\n    return y",
                id="leaf",
            ),
            pytest.param("def f(x, state=[]):\n    state.append(1)\n    return x * len(state)", id="default"),
            pytest.param("def f(x):\n    f.state = getattr(f, 'state', 0) + 1\n    return x * f.state", id="attribute"),
            pytest.param(
                "def make():\n    state = [0]\n    def f(x):\n        state[0] += 1\n        return x * state[0]\n"
                "    return f\nf = make()",
                id="closure",
            ),
        ],
    )
    def test_a_call_changes_nothing_that_a_later_question_sees(self, source: str) -> None:
        shell = student(source)

        first, second = call(shell, (tensor(3.0),)), call(shell, (tensor(3.0),))

        assert [elements(one.calls[0].output) for one in (first, second)] == [3.0, 3.0]
        state = shell.user_ns.get("state")
        assert state in (None, 0, []) or state.grad is None

    def test_the_calls_of_one_probe_see_each_other(self) -> None:
        shell = student("state = 0\ndef f(x):\n    global state\n    state += 1\n    return x * state")

        assert [elements(one.output) for one in call(shell, (tensor(3.0),), (tensor(3.0),)).calls] == [3.0, 6.0]

    def test_a_call_that_ends_its_process_leaves_the_kernel_and_the_calls_before(self) -> None:
        shell = student("import os\ndef f(x):\n    if x > 1: os._exit(3)\n    return x")

        reply = call(shell, (tensor(1.0),), (tensor(2.0),), (tensor(1.0),))

        assert [one.error for one in reply.calls] == [None, "ProcessDied"]

    def test_large_products_in_a_fork_do_not_wait_for_threads_that_are_not_there(self) -> None:
        source = "big = torch.ones(700, 700)\nbig @ big; big.sum()\ndef f(x): return (big @ big).sum() * x"

        assert elements(called(source).output) == pytest.approx(700.0**3 * 3)

    def test_nothing_is_printed_or_shown(self, capfd: pytest.CaptureFixture[str]) -> None:
        shown: list[object] = []
        shell = student(
            "import os, sys\n"
            "def f(x):\n"
            "    print('x'); print('y', file=sys.stderr); os.system('echo z'); os.write(1, b'raw')\n"
            "    sys.stdout.buffer.write(b'raw'); shell.display_pub.publish(data={})\n"
            "    return x\n"
            "def g(x):\n    print('pure')\n    return x"
        )
        shell.display_pub = SimpleNamespace(publish=lambda **data: shown.append(data))
        shell.user_ns["shell"] = shell
        publisher, stdout = shell.display_pub, sys.stdout

        f, g = call(shell, (tensor(1.0),)), call(shell, (tensor(1.0),), names=("g",))

        assert [one.calls[0].error for one in (f, g)] == [None, None]
        assert capfd.readouterr() == ("", "")
        assert shown == []
        assert shell.display_pub is publisher
        assert sys.stdout is stdout

    def test_random_state_is_as_before(self) -> None:
        states = random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
        shell = student(
            "import random, numpy\n"
            "def f(x):\n    numpy.random.seed(1); return x * torch.rand(()) + numpy.random.rand()\n"
            "def g(x): return random.random()"
        )

        call(shell, (tensor(1.0),))
        call(shell, (tensor(1.0),), names=("g",))

        assert (random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == states

    @pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
    def test_a_grad_mode_left_switched_hinders_no_derivative_and_stays(self, mode) -> None:
        with mode():
            before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
            reply = called("def f(x): return x * 2")
            after = torch.is_grad_enabled(), torch.is_inference_mode_enabled()

        assert elements(reply.gradients[0]) == 2.0
        assert after == before

    def test_grad_mode_changed_by_the_function_is_put_back(self) -> None:
        assert called("def f(x):\n    torch._C._set_grad_enabled(False)\n    return x").error is None

        assert torch.is_grad_enabled()

    def test_warnings_of_a_call_reach_nobody(self) -> None:
        source = "import warnings\ndef f(x):\n    warnings.warn('x')\n    return x\ndef g(x): return torch.tensor(x)"

        assert called(source).error is None
        assert call(student(source), (tensor(1.0),), names=("g",)).calls[0].error is None

    def test_the_namespace_is_as_before(self) -> None:
        shell = student("def f(x): return x")
        before = dict(shell.user_ns)

        call(shell, (tensor(1.0),))
        take(shell, "f", "y")

        assert shell.user_ns == before

    def test_no_file_and_no_child_is_left(self) -> None:
        shell = student("log = []\ndef f(x):\n    log.append(x)\n    return x")
        call(shell, (tensor(1.0),))
        files, children = open_files(), psutil.Process().children()

        call(shell, (tensor(1.0),))

        assert open_files() == files
        assert psutil.Process().children() == children


class TestWhenTheStudentBrokePython:
    @pytest.mark.parametrize(
        "breaking",
        [
            pytest.param("builtins.isinstance = lambda *_: True", id="isinstance-says-yes"),
            pytest.param("for name in NAMES: setattr(builtins, name, None)", id="none-can-be-called"),
        ],
    )
    def test_values_and_calls_come_out_although_builtins_lie(self, breaking: str) -> None:
        """In a process of its own, because Python cannot even exit properly afterwards."""
        asked = [
            TakeNames(key="k", names=("x",)),
            CallFunction(key="k", names=("f",), calls=((tensor(3.0),),), gradients=False, seconds=5.0),
        ]
        script = (
            "import builtins, json, os, sys, torch\nfrom types import SimpleNamespace\n"
            "from grader.sandbox.kernel import probe\n"
            "NAMES = 'len list dict type any int id tuple vars isinstance issubclass getattr next iter'.split()\n"
            "shell = SimpleNamespace(user_ns={'x': [torch.tensor([1., 2.]), {'a': 1.5}, 's'], 'f': lambda x: x * 2})\n"
            f"requests = json.loads({json.dumps([wire.request(one)[0] for one in asked])!r})\n"
            f"buffers = {wire.request(asked[1])[1]!r}\n{breaking}\n"
            "for request in requests: os.write(1, probe.answer(shell, request, buffers).hex().encode() + b'\\n')\n"
            "os._exit(0)\n"
        )

        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

        names, calls = (wire.read_reply(bytes.fromhex(line))[1] for line in done.stdout.split())
        assert elements(names.values["x"].items[0]) == [1.0, 2.0]
        assert elements(calls.calls[0].output) == 6.0

    def test_values_come_out_although_torch_and_numpy_lie(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def lie(*_: object, **__: object) -> torch.Tensor:
            raise AssertionError("the student's own version was called")

        for name in ("numpy", "detach", "contiguous", "reshape", "view", "tolist", "cpu", "__eq__", "numel", "clone"):
            monkeypatch.setattr(torch.Tensor, name, lie)
        for name in ("requires_grad", "grad", "dtype", "shape", "is_leaf", "grad_fn", "device"):
            monkeypatch.setattr(torch.Tensor, name, property(lie), raising=False)
        for module, name in ((torch, "equal"), (torch, "frombuffer"), (torch.autograd, "grad"), (numpy, "array")):
            monkeypatch.setattr(module, name, lie)
        shell = holding(x=torch.full((2,), 3.0))
        value = take(shell, "x")["x"]
        monkeypatch.undo()

        assert elements(value) == [3.0, 3.0]

    @pytest.mark.parametrize(
        "request_",
        [
            pytest.param({"is": "names", "key": "k", "names": ["x"]}, id="without-limits"),
            pytest.param({"is": "names", "key": "k", "names": ["x"], "seconds": 1, "limits": {}}, id="empty-limits"),
        ],
    )
    def test_a_request_it_cannot_follow_is_answered_unreadable(self, request_: dict[str, object]) -> None:
        _, reply = wire.read_reply(probe.answer(holding(x=1), request_, []))

        assert reply == NamesReply(values={"x": OpaqueValue(type_name="object", reason="unreadable")})

    def test_a_shell_without_a_namespace_is_answered(self) -> None:
        request, buffers = wire.request(
            CallFunction(key="k", names=("f",), calls=((tensor(1.0),),), gradients=True, seconds=1.0)
        )

        _, reply = wire.read_reply(probe.answer(None, request, buffers))

        assert reply == CallsReply(name="f", timed_out=True)


def test_outside_the_main_thread_the_deadline_holds_too() -> None:
    """There are no signals there, so the calls run in a process that can be ended."""
    script = (
        "import threading\nfrom types import SimpleNamespace\n"
        "from grader.sandbox import wire\nfrom grader.sandbox.kernel import probe\n"
        "from grader.domain.probe import CallFunction\n"
        "def f():\n    while True: pass\n"
        "one = CallFunction(key='k', names=('f',), calls=((),), gradients=False, seconds=0.3)\n"
        "asked, buffers = wire.request(one)\n"
        "def work(): print(wire.read_reply(probe.answer(SimpleNamespace(user_ns={'f': f}), asked, buffers)))\n"
        "thread = threading.Thread(target=work)\nthread.start()\nthread.join()\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "timed_out=True" in done.stdout
