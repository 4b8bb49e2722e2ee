"""Modules under hidden weights: the same numbers for the same network, however it is written, and no trace."""

import json
import os
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from grader.domain.probe import CallModule
from grader.domain.values import (
    ArrayValue,
    CallReply,
    MappingValue,
    ModuleReply,
    OpaqueValue,
    ParameterShape,
    ScalarValue,
    SequenceValue,
    Value,
)
from grader.sandbox import wire
from grader.sandbox.kernel import copies, probe
from grader.sandbox.kernel.modules import fill_weights

from .asking import as_torch, ask, elements, student, tensor

NET = """
from torch import nn
import torch.nn.functional as F
class Net(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(hidden, 2)
    def forward(self, x):
        return self.last(self.drop(torch.relu(self.norm(self.first(x)))))
"""
"""Four inputs, a normalisation and a dropout: train and eval differ, and both draw or keep something."""
SAME_NET = """
import torch
class Classifier(torch.nn.Module):
    def __init__(self, d, h):
        super(Classifier, self).__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(d, h), torch.nn.BatchNorm1d(h), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(h, 2)
        )
    def forward(self, x): return self.layers(x)
"""
EMPTY = "class Net(torch.nn.Module):\n    def __init__(self, *a): super().__init__()\n"
BATCH = tensor([[1.0, -2.0, 3.0, 0.5], [0.0, 1.0, 0.0, -1.0], [2.0, 2.0, -1.0, 0.0]])
SIZES: tuple[Value, ...] = tuple(ScalarValue(type_name="int", value=size) for size in (4, 3))


def asked(
    source: str,
    *calls: tuple[Value, ...],
    names: tuple[str, ...] = ("Net",),
    arguments: tuple[Value, ...] | None = SIZES,
    seed: int | None = 7,
    gradients: bool = True,
    modes: tuple[str, ...] = ("train", "eval"),
    seconds: float = 20.0,
    weights: str = "ordered",
) -> ModuleReply:
    probe_ = CallModule(
        key="q7.net/module",
        names=names,
        arguments=arguments,
        weights_seed=seed,
        calls=calls or ((BATCH,),),
        gradients=gradients,
        modes=modes,
        seconds=seconds,
        weights=weights,
    )
    reply = ask(student(source), probe_)
    assert isinstance(reply, ModuleReply)
    return reply


def asked_instance(source: str, *calls: tuple[Value, ...], seed: int | None = 7, **options: object) -> ModuleReply:
    return asked(source, *calls, names=("net",), arguments=None, seed=seed, **options)


def outputs(reply: ModuleReply, mode: str) -> list[object]:
    assert reply.error is None
    return [elements(call.output) for call in reply.calls[mode]]


class TestWhatAModuleIs:
    def test_parameters_and_buffers_come_in_the_order_of_registration(self) -> None:
        reply = asked(NET)

        shapes = [(name, one.shape, one.requires_grad) for name, one in reply.parameters.items()]
        assert shapes == [
            ("first.weight", (3, 4), True),
            ("first.bias", (3,), True),
            ("norm.weight", (3,), True),
            ("norm.bias", (3,), True),
            ("last.weight", (2, 3), True),
            ("last.bias", (2,), True),
        ]
        assert list(reply.buffers) == ["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"]
        assert reply.buffers["norm.num_batches_tracked"] == ParameterShape(shape=(), dtype="int64", requires_grad=False)

    def test_frozen_half_and_tied_parameters_say_so(self) -> None:
        source = (
            "net = torch.nn.Linear(2, 2).half()\nnet.bias.requires_grad_(False)\n"
            "net.again = torch.nn.Linear(2, 2)\nnet.again.weight = net.weight"
        )

        reply = asked_instance(source, modes=())

        assert {name: (one.dtype, one.requires_grad) for name, one in reply.parameters.items()} == {
            "weight": ("float16", True),
            "bias": ("float16", False),
            "again.bias": ("float32", True),
        }
        assert reply.calls == {}

    def test_a_layer_that_waits_for_its_first_input_gets_one(self) -> None:
        source = "net = torch.nn.Sequential(torch.nn.LazyLinear(3), torch.nn.ReLU(), torch.nn.Linear(3, 1))"

        reply = asked_instance(source)

        assert reply.parameters["0.weight"].shape == (3, 4)
        assert reply.calls["eval"][0].error is None

    def test_arguments_of_every_kind_reach_the_constructor(self) -> None:
        source = (
            "class Net(torch.nn.Module):\n"
            "    def __init__(self, sizes, scale, options):\n"
            "        super().__init__()\n"
            "        self.w = torch.nn.Parameter(scale.new_ones(sizes) * options['k'])\n"
            "    def forward(self, x): return self.w + x"
        )
        sizes = SequenceValue(type_name="list", items=SIZES)
        options = tensor([5.0], torch.float64)
        mapping = MappingValue(
            items=((ScalarValue(type_name="str", value="k"), ScalarValue(type_name="int", value=2)),)
        )

        reply = asked(source, (tensor(1.0),), arguments=(sizes, options, mapping), seed=None)

        assert reply.parameters["w"] == ParameterShape(shape=(4, 3), dtype="float64", requires_grad=True)
        assert outputs(reply, "eval") == [[[3.0] * 3] * 4]


class TestCandidates:
    def test_the_first_class_is_constructed_and_instances_are_passed_over(self) -> None:
        reply = asked(NET + SAME_NET + "net = Net(4, 3)", names=("missing", "net", "Classifier", "Net"))

        assert reply.name == "Classifier"

    def test_the_first_instance_is_taken_and_classes_are_passed_over(self) -> None:
        reply = asked_instance(NET + "net = Net(4, 3)")

        assert reply.name == "net"
        assert asked(NET + "net = Net(4, 3)", names=("Net", "net"), arguments=None).name == "net"

    def test_a_function_may_construct_it(self) -> None:
        reply = asked(NET + "def make(a, b): return Net(a, b)", names=("make",))

        assert (reply.name, reply.error) == ("make", None)

    def test_none_gives_no_name(self) -> None:
        assert asked("Nett = 3") == ModuleReply(name=None)

    @pytest.mark.parametrize(
        ("source", "arguments"),
        [
            pytest.param("Net = 3", SIZES, id="number"),
            pytest.param("class Net:\n def __init__(self, *a): pass", SIZES, id="class-of-something-else"),
            pytest.param("Net = torch.nn.Linear(1, 1)", SIZES, id="instance-where-a-class-is-asked-for"),
            pytest.param("class Net(torch.nn.Module): pass", None, id="class-where-an-instance-is-asked-for"),
            pytest.param("class Net:\n __class__ = torch.nn.Module\nNet = Net()", None, id="claims-to-be-one"),
            pytest.param("class Net(torch.nn.Module):\n def __new__(c, *a): return 3", SIZES, id="constructs-a-number"),
            pytest.param("def Net(a, b): return None", SIZES, id="function-that-gives-none"),
        ],
    )
    def test_what_is_no_module_is_named_so(self, source: str, arguments: tuple[Value, ...] | None) -> None:
        assert asked(source, arguments=arguments) == ModuleReply(name="Net", error="NotAModule")


class TestHiddenWeights:
    def test_the_same_network_gives_the_same_however_it_is_written(self) -> None:
        mine, other = asked(NET), asked(SAME_NET, names=("Classifier",))

        for mode in ("train", "eval"):
            assert mine.calls[mode][0].output == other.calls[mode][0].output
            assert mine.calls[mode][0].gradients == other.calls[mode][0].gradients
            pairs = zip(
                mine.calls[mode][0].parameter_gradients.values(),
                other.calls[mode][0].parameter_gradients.values(),
                strict=True,
            )
            assert all(one == another for one, another in pairs)

    def test_instances_give_the_same_as_classes_and_whatever_they_were_trained_to(self) -> None:
        trained = (
            "net = Net(4, 3)\nopt = torch.optim.SGD(net.parameters(), lr=1.)\n"
            "for _ in range(3):\n    opt.zero_grad(); net(torch.randn(8, 4)).sum().backward(); opt.step()"
        )

        reply = asked_instance(NET + trained)

        assert [call.output for call in reply.calls["eval"]] == [call.output for call in asked(NET).calls["eval"]]

    @pytest.mark.parametrize("seed", [0, 1, -5, 2**63, 2**70])
    def test_other_seeds_give_other_weights(self, seed: int) -> None:
        assert outputs(asked(NET, seed=seed), "eval") != outputs(asked(NET), "eval")
        assert outputs(asked(NET, seed=seed), "eval") == outputs(asked(NET, seed=seed), "eval")

    def test_without_a_seed_the_weights_stay(self) -> None:
        source = "net = torch.nn.Linear(4, 1)\nwith torch.no_grad(): net.weight.fill_(1.); net.bias.fill_(0.5)"

        assert outputs(asked_instance(source, seed=None), "eval") == [[[3.0], [0.5], [3.5]]]

    def test_without_a_seed_a_constructor_draws_from_a_fixed_one(self) -> None:
        assert outputs(asked(NET, seed=None), "eval") == outputs(asked(NET, seed=None), "eval")

    def test_filling_depends_on_seed_shape_and_place_alone(self) -> None:
        one, other = nn.Linear(5, 3), nn.Sequential(nn.Linear(2, 2), nn.Linear(5, 3), nn.Linear(5, 3))
        for module in (one, other):
            torch.rand(3)
            fill_weights(module, seed=3, weights="ordered")

        assert torch.equal(one.weight, other[1].weight)
        assert torch.equal(one.bias, other[1].bias)
        assert not torch.equal(other[1].weight, other[2].weight)

    def test_weights_told_apart_by_name_move_with_it(self) -> None:
        one = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3)})
        other = nn.ModuleDict({"b": nn.Linear(3, 3), "a": nn.Linear(3, 3)})
        for module in (one, other):
            fill_weights(module, seed=3, weights="named")

        assert torch.equal(one["a"].weight, other["a"].weight)
        assert not torch.equal(one["a"].weight, one["b"].weight)

    def test_weights_not_told_apart_are_alike_for_one_shape_only(self) -> None:
        module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 9))
        fill_weights(module, seed=3, weights="alike")

        assert torch.equal(module[0].weight, module[1].weight)
        assert not torch.equal(module[2].weight.flatten()[:9], module[0].weight.flatten())

    def test_activations_stay_of_ordinary_size(self) -> None:
        module = nn.Sequential(*[nn.Sequential(nn.Linear(200, 200), nn.Tanh()) for _ in range(8)], nn.Linear(200, 10))
        fill_weights(module, seed=1, weights="ordered")

        output = module(torch.randn(64, 200, generator=torch.Generator().manual_seed(0)))

        assert 0.1 < output.abs().mean() < 10

    def test_variances_stay_positive_and_counters_untouched(self) -> None:
        norm = nn.BatchNorm1d(1000)
        norm.num_batches_tracked.fill_(5)
        norm.register_buffer("moving_var", torch.zeros(7))
        norm.register_buffer("mask", torch.ones(3, dtype=torch.bool))
        fill_weights(norm, seed=1, weights="ordered")

        assert norm.running_var.min() > 0
        assert norm.moving_var.min() > 0
        assert norm.running_mean.min() < 0 < norm.running_mean.max()
        assert norm.num_batches_tracked == 5
        assert norm.mask.all()

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.complex64], ids=str)
    def test_every_floating_dtype_is_filled(self, dtype: torch.dtype) -> None:
        module = nn.Module()
        module.w = nn.Parameter(torch.zeros(3, 4, dtype=dtype))
        fill_weights(module, seed=1, weights="ordered")

        assert (module.w != 0).all()

    def test_a_parameter_whose_elements_share_memory_stays_as_it_is(self) -> None:
        module = nn.Module()
        module.w = nn.Parameter(torch.ones(1).expand(3), requires_grad=False)
        module.v = nn.Parameter(torch.zeros(2))
        fill_weights(module, seed=1, weights="ordered")

        assert module.w.tolist() == [1.0, 1.0, 1.0]
        assert (module.v != 0).all()


class TestCalls:
    def test_gradients_are_of_the_output_times_fixed_numbers(self) -> None:
        source = (
            "class Net(torch.nn.Module):\n"
            "    def __init__(self, *a):\n        super().__init__(); self.w = torch.nn.Parameter(torch.ones(4))\n"
            "    def forward(self, x): return self.w * x"
        )

        (call,) = asked(source, modes=("eval",), seed=None).calls["eval"]

        x, factors = as_torch(BATCH), as_torch(call.gradients[0])
        assert factors.unique().numel() == factors.numel()
        assert torch.allclose(as_torch(call.parameter_gradients["w"]), (factors * x).sum(0))

    def test_a_softmax_has_gradients(self) -> None:
        source = "net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(dim=1))"

        (call,) = asked_instance(source, modes=("eval",)).calls["eval"]

        assert as_torch(call.parameter_gradients["0.weight"]).abs().max() > 1e-3

    def test_parameters_without_a_way_to_the_output_have_none(self) -> None:
        source = "net = torch.nn.Linear(4, 1)\nnet.unused = torch.nn.Linear(1, 1)\nnet.bias.requires_grad_(False)\n"

        (call,) = asked_instance(source, modes=("eval",)).calls["eval"]

        assert {name for name, value in call.parameter_gradients.items() if value is None} == {
            "bias",
            "unused.weight",
            "unused.bias",
        }

    def test_a_forward_without_gradients_is_answered_with_none(self) -> None:
        source = (
            "class Net(torch.nn.Linear):\n    @torch.no_grad()\n    def forward(self, x): return super().forward(x)"
        )

        (call,) = asked(source, modes=("eval",)).calls["eval"]

        assert call.output is not None
        assert call.gradients == (None,)
        assert set(call.parameter_gradients.values()) == {None}

    def test_gradients_are_left_out_where_nobody_asks(self) -> None:
        (call,) = asked(NET, gradients=False, modes=("eval",)).calls["eval"]

        assert (call.gradients, call.parameter_gradients) == ((), {})

    @pytest.mark.parametrize("returns", ["(y, y * 2)", "[y, [y * 2]]", "{'a': y, 'b': (y * 2,)}"])
    def test_outputs_of_several_parts_are_all_followed(self, returns: str) -> None:
        forward = "    def forward(self, x):\n        y = super().forward(x)\n"
        source = f"class Net(torch.nn.Linear):\n{forward}        return {returns}"
        single = source.replace(returns, "y")

        several, one = (asked(text, modes=("eval",)).calls["eval"][0] for text in (source, single))

        assert several.gradients[0] is not None
        assert several.gradients != one.gradients

    def test_train_and_eval_differ_and_each_is_repeatable(self) -> None:
        reply = asked(NET, (BATCH,), (BATCH,))

        first, second = outputs(reply, "train")
        assert first == second
        assert outputs(reply, "eval") == [outputs(reply, "eval")[0]] * 2
        assert first != outputs(reply, "eval")[0]

    def test_statistics_of_one_call_are_not_in_the_next(self) -> None:
        other = tensor([[100.0, 0.0, 0.0, 0.0], [0.0, 50.0, 0.0, 0.0]])

        alone, after = asked(NET, (BATCH,)), asked(NET, (other,), (BATCH,))

        for mode in ("train", "eval"):
            assert outputs(after, mode)[1] == outputs(alone, mode)[0]

    def test_state_kept_in_attributes_is_not_in_the_next_call(self) -> None:
        source = (
            "class Net(torch.nn.Module):\n    def __init__(self, *a):\n        super().__init__(); self.seen = []\n"
            "    def forward(self, x):\n        self.seen.append(1)\n        return x * len(self.seen)"
        )

        assert outputs(asked(source, (tensor(1.0),), (tensor(1.0),)), "train") == [1.0, 1.0]

    def test_an_argument_changed_in_place_is_named(self) -> None:
        source = EMPTY + "    def forward(self, x, y): return x.mul_(y)"

        (call,) = asked(source, (tensor(2.0), tensor(3.0)), modes=("eval",)).calls["eval"]

        assert call.changed == (0,)
        assert [elements(one) for one in call.gradients] != [None, None]

    @pytest.mark.parametrize(
        ("body", "error", "line"),
        [
            pytest.param("y = x\n        raise KeyError(x)", "KeyError", 3, id="raises"),
            pytest.param("return self.missing(x)", "AttributeError", 2, id="layer-that-does-not-exist"),
            pytest.param("return x @ x", "RuntimeError", 2, id="shapes"),
            pytest.param("raise SystemExit", "SystemExit", 2, id="exits"),
            pytest.param("import os; os._exit(1)", "ProcessDied", None, id="ends-its-process"),
            pytest.param("return self.forward(x)", "RecursionError", 2, id="recursion"),
        ],
    )
    def test_a_forward_that_fails_says_how(self, body: str, error: str, line: int | None) -> None:
        source = EMPTY + f"    def forward(self, x):\n        {body}"

        reply = asked(source, modes=("eval",))

        assert reply.error is None
        assert reply.calls == {"eval": (CallReply(error=error, error_line=line),)}

    def test_one_call_that_fails_leaves_the_others(self) -> None:
        reply = asked(NET, (tensor([[1.0]]),), (BATCH,), (tensor([[1.0, 2.0, 3.0, 4.0]]),))

        assert [call.error for call in reply.calls["train"]] == ["RuntimeError", None, "ValueError"]
        assert [call.error for call in reply.calls["eval"]] == ["RuntimeError", None, None]

    def test_a_module_without_forward_says_so(self) -> None:
        reply = asked(EMPTY, modes=("eval",))

        assert reply.calls["eval"][0].error == "NotImplementedError"


class TestConstructorsThatFail:
    @pytest.mark.parametrize(
        ("body", "error", "line"),
        [
            pytest.param("self.fc = torch.nn.Linear(1, 1)", "AttributeError", 2, id="without-super"),
            pytest.param("super().__init__()\n        raise ValueError(inputs)", "ValueError", 3, id="raises"),
            pytest.param("raise SystemExit", "SystemExit", 2, id="exits"),
            pytest.param("import os; os._exit(1)", "ProcessDied", None, id="ends-its-process"),
            pytest.param("import os; os.kill(os.getpid(), 9)", "ProcessDied", None, id="is-killed"),
            pytest.param("self.__init__(1, 2)", "RecursionError", 2, id="recursion"),
            pytest.param("pass", "AttributeError", None, id="nothing-at-all"),
        ],
    )
    def test_the_error_is_told_by_type_and_line(self, body: str, error: str, line: int | None) -> None:
        source = f"class Net(torch.nn.Module):\n    def __init__(self, inputs, hidden):\n        {body}"

        assert asked(source) == ModuleReply(name="Net", error=error, error_line=line)

    def test_a_wrong_number_of_arguments_is_a_type_error(self) -> None:
        assert asked(NET, arguments=()) == ModuleReply(name="Net", error="TypeError")

    def test_one_that_never_ends_is_out_of_time(self) -> None:
        source = "class Net(torch.nn.Module):\n    def __init__(self, *a):\n        while True: pass"

        assert asked(source, seconds=0.5) == ModuleReply(name="Net", timed_out=True)

    def test_calls_that_were_done_in_time_are_kept(self) -> None:
        source = (
            "class Net(torch.nn.Module):\n    def __init__(self, *a): super().__init__()\n"
            "    def forward(self, x):\n"
            "        while not self.training:\n"
            "            try:\n                while True: pass\n            except BaseException: pass\n"
            "        return x"
        )

        reply = asked(source, (tensor(1.0),), seconds=1.0)

        assert reply.timed_out
        assert {mode: len(calls) for mode, calls in reply.calls.items()} == {"train": 1, "eval": 0}


class TestHostileModules:
    @pytest.mark.parametrize(
        "members",
        [
            pytest.param("    def __getattr__(self, name): return 3", id="every-attribute-is-3"),
            pytest.param("    def __getattribute__(self, name): raise SystemExit", id="no-attribute-can-be-read"),
            pytest.param("    def named_parameters(self, *a, **k): return 1 / 0", id="named-parameters"),
            pytest.param(
                "    def named_modules(self, *a, **k):\n        while True: yield 'x', self", id="endless-names"
            ),
            pytest.param("    def train(self, mode=True): raise KeyboardInterrupt", id="train"),
            pytest.param("    def __deepcopy__(self, memo): return 3", id="copies-to-a-number"),
            pytest.param("    def __deepcopy__(self, memo): raise SystemExit", id="cannot-be-copied"),
            pytest.param("    def __call__(self, *a): return self", id="gives-itself"),
            pytest.param("    __class__ = 3", id="class-that-is-a-number"),
            pytest.param("    def __setattr__(self, name, value): pass", id="forgets"),
            pytest.param(
                "    @property\n    def _parameters(self): return {'\\x1b' * 500: 3}", id="parameters-of-its-own"
            ),
            pytest.param("    def __iter__(self): raise SystemExit\n    def __len__(self): return -1", id="not-a-list"),
        ],
    )
    def test_each_is_answered(self, members: str) -> None:
        source = (
            f"class Net(torch.nn.Linear):\n{members}\n"
            "net = torch.nn.Linear.__new__(Net)\ntry:\n    net.__init__(4, 1)\nexcept BaseException: pass"
        )

        assert asked(source, seconds=5.0).name == "Net"
        assert asked_instance(source, seconds=5.0).name == "net"

    def test_names_that_could_not_travel_are_made_printable(self) -> None:
        source = (
            "class Net(torch.nn.Module):\n    def __init__(self, *a):\n        super().__init__()\n"
            "        self.register_parameter('\\x1b[2J', torch.nn.Parameter(torch.ones(1)))\n"
            "        self.register_parameter('a' * 1000, torch.nn.Parameter(torch.ones(2)))\n"
            "    def forward(self, x): return x"
        )

        reply = asked(source)

        assert [one.shape for one in reply.parameters.values()] == [(1,), (2,)]
        assert all(name.isprintable() for name in reply.parameters)

    def test_a_parameter_of_more_dimensions_than_the_wire_takes_is_left_out(self) -> None:
        source = (
            "net = torch.nn.Linear(4, 1)\nnet.w = torch.nn.Parameter(torch.ones([1] * 70))\n"
            "net.register_buffer('b', torch.ones([1] * 64))"
        )

        reply = asked_instance(source)

        assert list(reply.parameters) == ["weight", "bias"]
        assert list(reply.buffers) == ["b"]

    def test_thousands_of_parameters_stay_inside_a_reply(self) -> None:
        source = "net = torch.nn.ParameterList([torch.zeros(1) for _ in range(5000)])"

        reply = asked_instance(source, (tensor(1.0),), (tensor(1.0),))

        assert 1000 < len(reply.parameters) <= 5000

    def test_a_huge_module_is_described_and_not_called(self) -> None:
        source = "net = torch.nn.Linear(8000, 5000)"

        reply = asked_instance(source)

        assert reply.parameters["weight"].shape == (5000, 8000)
        assert [call.output for call in reply.calls["train"]] == [OpaqueValue(type_name="Linear", reason="too_large")]

    def test_gradients_too_large_for_a_reply_say_so_and_keep_their_shape(self) -> None:
        source = "net = torch.nn.Linear(4000, 2000, bias=False)"
        x = tensor([[1.0] * 4000])

        (call,) = asked_instance(source, (x,), modes=("eval",)).calls["eval"]

        assert isinstance(call.output, ArrayValue)
        assert call.parameter_gradients["weight"] == OpaqueValue(
            type_name="Tensor", reason="too_large", dtype="float32", shape=(2000, 4000)
        )

    def test_a_process_that_it_leaves_behind_answers_nothing(self) -> None:
        source = "import os\n" + NET.replace("super().__init__()", "super().__init__(); os.fork()")

        reply = asked(source)

        assert {mode: len(calls) for mode, calls in reply.calls.items()} == {"train": 1, "eval": 1}


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """As in a kernel, and in every copy of a process: two threads add in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class TestLeavingNoTrace:
    def test_the_students_module_is_as_it_was(self) -> None:
        shell = student(NET + "torch.manual_seed(0); net = Net(4, 3)\nnet(torch.ones(2, 4)).sum().backward()")
        net = shell.user_ns["net"]
        before = {name: one.clone() for name, one in net.state_dict().items()}
        gradients = [one.grad.clone() for one in net.parameters()]
        state, is_training = torch.get_rng_state(), net.training

        ask(
            shell,
            CallModule(
                key="k",
                names=("net",),
                arguments=None,
                weights_seed=1,
                calls=((BATCH,),),
                gradients=True,
                modes=("eval", "train"),
                seconds=10.0,
            ),
        )

        assert all(torch.equal(one, before[name]) for name, one in net.state_dict().items())
        assert all(torch.equal(one.grad, kept) for one, kept in zip(net.parameters(), gradients, strict=True))
        assert torch.equal(torch.get_rng_state(), state)
        assert net.training is is_training

    def test_what_the_constructor_writes_is_not_there_later(self) -> None:
        source = (
            NET.replace("super().__init__()", "super().__init__(); made.append(self); global n; n = 1")
            + "made, n = [], 0"
        )
        shell = student(source)

        for _ in range(2):
            ask(
                shell,
                CallModule(
                    key="k",
                    names=("Net",),
                    arguments=SIZES,
                    weights_seed=1,
                    calls=(),
                    gradients=False,
                    modes=(),
                    seconds=10.0,
                ),
            )

        assert (shell.user_ns["made"], shell.user_ns["n"]) == ([], 0)

    def test_nothing_is_printed(self, capfd: pytest.CaptureFixture[str]) -> None:
        source = "import os, sys\n" + NET.replace(
            "super().__init__()", "super().__init__(); print('x'); os.write(1, b'y')"
        )
        source = source.replace("return self.last", "print('z', file=sys.stderr); return self.last")

        asked(source)

        assert capfd.readouterr() == ("", "")

    @pytest.mark.usefixtures("_one_thread")
    @pytest.mark.parametrize("way", ["cuda", "processes"])
    def test_without_a_copy_of_the_process_a_copy_of_the_module_is_called(
        self, way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with_copy = asked_instance(NET + "net = Net(4, 3)")
        if way == "cuda":
            monkeypatch.setattr(copies, "_is_cuda_initialized", lambda: True)
        else:
            monkeypatch.setattr(copies, "_fork", _fail_to_fork)
        shell = student(NET + "net = Net(4, 3)")
        before = {name: one.clone() for name, one in shell.user_ns["net"].state_dict().items()}
        asked_ = CallModule(
            key="k",
            names=("net",),
            arguments=None,
            weights_seed=7,
            calls=((BATCH,),),
            gradients=True,
            modes=("train", "eval"),
            seconds=10.0,
        )

        assert ask(shell, asked_) == with_copy
        assert all(torch.equal(one, before[name]) for name, one in shell.user_ns["net"].state_dict().items())

    def test_a_module_that_cannot_be_copied_is_put_back_between_calls(self) -> None:
        source = NET + "net = Net(4, 3)\nnet.kept = net(torch.ones(2, 4))"

        reply = asked_instance(source, (BATCH,), (BATCH,))

        assert [call.output for call in reply.calls["train"]] == [asked(NET).calls["train"][0].output] * 2
        assert [call.output for call in reply.calls["eval"]] == [asked(NET).calls["eval"][0].output] * 2


class TestRequestsItCannotFollow:
    def test_a_broken_request_is_answered_out_of_time(self) -> None:
        request = {"is": "module", "key": "k", "names": ["Net"]}

        _, reply = wire.read_reply(probe.answer(student(NET), json.loads(json.dumps(request)), []))

        assert reply == ModuleReply(name="Net", timed_out=True)


def _fail_to_fork() -> int:
    raise BlockingIOError(os.strerror(11))
