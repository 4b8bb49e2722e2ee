"""No evidence makes a check raise, and every finding has its sentence in both languages at every visibility."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.domain.assignment import Visibility
from grader.domain.execution import CellError, CellRun, CellState, Evidence, Output
from grader.domain.probe import PRINTED, SHIFTED
from grader.domain.result import Verdict
from grader.domain.text import Language, Note
from grader.domain.values import (
    ArrayValue,
    CallReply,
    CallsReply,
    MappingValue,
    ModuleReply,
    NamesReply,
    OpaqueValue,
    ParameterShape,
    ScalarValue,
    SequenceValue,
)
from grader.feedback.catalogue import sentence
from grader.grading.arrays import DTYPES
from grader.grading.checks.function import FunctionCheck
from grader.grading.checks.gradient import GradientCheck
from grader.grading.checks.gradient_module import expression_of
from grader.grading.checks.module import ModuleCheck
from grader.grading.checks.value import ValueCheck

CHECKS = {
    "value": ValueCheck(name="x"),
    "value with properties": ValueCheck(name="x", device="cuda", requires_grad=True, is_leaf=True, finite=True),
    "value, of several": ValueCheck(name="x", also=["y"], ignore=["type", "shape", "dtype"], equal_nan=True),
    "value of an expression": ValueCheck(expression="x", tolerance="measured", requires_grad=False),
    "gradient": GradientCheck(of="x", at=1.0),
    "gradient anywhere": GradientCheck(of="x"),
    "gradients by name": GradientCheck(of=("x", "g")),
    "gradient that is None": GradientCheck(of="x", none=True),
    "gradients of a module": GradientCheck(module="x"),
    "function": FunctionCheck(name="f", gradient=True, inputs=(0.0, 1.0)),
    "function without gradient": FunctionCheck(name="f", inputs=(0.0, 1.0)),
    "function in every respect": FunctionCheck.model_validate(
        {
            "name": "f",
            "inputs": [[1.0, [2.0, 3.0]]],
            "gradient": [0],
            "second": True,
            "finite_differences": True,
            "raises": [{"arguments": [], "error": "ValueError"}],
            "self_contained": True,
            "call_s": 1,
        }
    ),
    "module": ModuleCheck(name="f", inputs=(0.0,)),
    "module by names": ModuleCheck(name="f", inputs=(0.0,), parameters="names"),
    "module by count, in one mode": ModuleCheck(instance="f", inputs=(0.0,), parameters="count", modes=("eval",)),
}

dtypes = st.sampled_from([*DTYPES, "complex32", "nonsense"])
types = st.sampled_from(["Tensor", "Parameter", "ndarray", "numpy scalar", "Mine", "list", "tuple", "Size", "dict"])
shapes = st.lists(st.integers(-1, 3), max_size=3).map(tuple)
numbers = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(max_size=5))
scalars = st.builds(
    ScalarValue, type_name=st.sampled_from(["int", "float", "complex", "bool", "str", "NoneType"]), value=numbers
)


@st.composite
def arrays(draw: st.DrawFn, *, depth: int = 1) -> ArrayValue:
    dtype, shape = draw(dtypes), draw(shapes)
    count = 1
    for size in shape:
        count *= max(size, 0)
    size_bytes = count * DTYPES[dtype].itemsize if dtype in DTYPES and draw(st.booleans()) else draw(st.integers(0, 9))
    return ArrayValue(
        type_name=draw(types),
        dtype=dtype,
        shape=shape,
        data=draw(st.binary(min_size=size_bytes, max_size=size_bytes)),
        device=draw(st.sampled_from(["cpu", "cuda:0", "mps", ""])),
        requires_grad=draw(st.booleans()),
        is_leaf=draw(st.booleans()),
        grad=draw(st.none() | arrays(depth=depth - 1)) if depth else None,
    )


opaque = st.builds(
    OpaqueValue, type_name=types, reason=st.sampled_from(["type", "too_large", "too_deep", "layout", "device", "what"])
)
values = st.recursive(
    scalars | arrays() | opaque,
    lambda inner: st.one_of(
        st.builds(SequenceValue, type_name=types, items=st.lists(inner, max_size=3).map(tuple)),
        st.builds(MappingValue, items=st.lists(st.tuples(scalars, inner), max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
calls = st.builds(
    CallReply,
    output=st.none() | values,
    error=st.none() | st.text(max_size=5),
    error_line=st.none() | st.integers(),
    gradients=st.lists(st.none() | values, max_size=2).map(tuple),
    second=st.lists(st.none() | values, max_size=2).map(tuple),
    changed=st.lists(st.integers(0, 2), max_size=2).map(tuple),
    parameter_gradients=st.dictionaries(st.sampled_from("wv"), st.none() | values, max_size=2),
)
parameters = st.dictionaries(
    st.sampled_from("wvu"),
    st.builds(
        ParameterShape,
        shape=st.lists(st.integers(0, 2), max_size=2).map(tuple),
        dtype=dtypes,
        requires_grad=st.booleans(),
    ),
    max_size=2,
)
modules = st.builds(
    ModuleReply,
    name=st.sampled_from([None, "f", "g"]),
    error=st.sampled_from([None, None, "NotAModule", "TypeError"]),
    error_line=st.none() | st.integers(),
    parameters=parameters | st.just({}),
    buffers=parameters,
    calls=st.just({}) | calls.map(lambda call: {"train": (call,), "eval": (call,)}),
)
MODULE = expression_of("x")
replies = st.fixed_dictionaries(
    {},
    optional={
        "names": st.builds(
            NamesReply, values=st.dictionaries(st.sampled_from(["x", "X", "g", "y", MODULE]), values, max_size=4)
        )
        | st.just(CallsReply(name=None)),
        "shifted": st.builds(
            NamesReply,
            values=st.dictionaries(st.sampled_from(["x", "g", MODULE, PRINTED, SHIFTED]), values, max_size=4),
        )
        | st.just(CallsReply(name=None)),
        "calls": st.builds(
            CallsReply, name=st.sampled_from([None, "f", "g"]), calls=st.lists(calls, max_size=3).map(tuple)
        )
        | st.just(NamesReply(values={})),
    },
)
replies_of_modules = st.fixed_dictionaries({}, optional={"module": modules, "alike": modules})
sources = st.sampled_from(
    [
        "",
        "x = = 1",
        "\x00",
        "x = torch.tensor(1., requires_grad=True)\ny = x**2\ny.backward()\nprint(x.grad)",
        "g = torch.autograd.grad(y, x)\nprint('g', g, y)\ng",
        "def f(x):\n  return f(f(x))\nf(f)\nx.grad = f",
        "for x in x: print(x.grad, f'{x.grad}', *x, sep=x)\nx.grad",
        "y, (g, *x) = torch.func.vjp(lambda *a, **k: a, 1)\nprint('%s %d' % (g, y), '{}'.format(x))",
        "class A:\n  def backward(self): self.x.grad[0] += self()\nA().backward()",
        "x" + "+x" * 3000,
        "f(" * 80 + ")" * 80,
    ]
) | st.text(max_size=30)
outputs = st.lists(
    st.builds(
        Output,
        kind=st.sampled_from(["stdout", "stderr", "result", "display", "error"]),
        text=st.text(max_size=30)
        | st.sampled_from(["tensor(-12.)\n", "g (tensor(2.),) tensor(nan)\n", "[[[[", "1e999"]),
    ),
    max_size=4,
).map(tuple)
runs = st.lists(
    st.builds(
        CellRun,
        index=st.integers(0, 5),
        state=st.sampled_from(CellState),
        outputs=outputs,
        error=st.none() | st.builds(CellError, name=st.text(max_size=9), message=st.text(max_size=9)),
    ),
    max_size=2,
).map(tuple)
evidence, evidence_of_modules = (
    st.builds(Evidence, source=sources, notebook_source=sources, outputs=outputs, cell_runs=runs, replies=given_replies)
    for given_replies in (replies, replies_of_modules)
)


@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in CHECKS.items()])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_any_evidence_gives_a_finding_with_a_sentence(check: Any, data: st.DataObject) -> None:
    any_evidence = evidence_of_modules if check.kind == "module" else evidence
    actual, expected = data.draw(any_evidence), data.draw(any_evidence)
    check.probes(source=actual.source, notebook_source=actual.notebook_source, inputs=())
    finding = check.evaluate(actual=actual, expected=expected)
    check.overshoot(actual=actual, expected=expected)
    assert finding.verdict is not Verdict.PARTIAL
    assert finding.rung is None or finding.rung in check.RUNGS
    for language in Language:
        for visibility in (Visibility.HINT, Visibility.FULL):
            assert sentence(Note(code=finding.code, facts=finding.facts), language, visibility=visibility)


@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in CHECKS.items()])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=values, other=values)
def test_two_values_under_a_right_source_never_raise(check: Any, value: Any, other: Any) -> None:
    source = "x = torch.tensor(1., requires_grad=True)\nf(x).backward()\ng = x.grad"

    def called(value: Any) -> tuple[CallReply]:
        return (CallReply(output=value, gradients=(value,), second=(value,)),)

    pair = [
        Evidence(
            source=source,
            notebook_source=source,
            outputs=(),
            cell_runs=(),
            replies={
                "names": NamesReply(values={"x": given_value, "g": given_value, MODULE: given_value}),
                "shifted": NamesReply(values={"x": moved_value, "g": moved_value, MODULE: moved_value}),
                "calls": CallsReply(name="f", calls=called(given_value) * 2),
                "module": ModuleReply(name="f", calls={"train": called(given_value), "eval": called(given_value)}),
            },
        )
        for given_value, moved_value in ((value, other), (other, value))
    ]
    finding = check.evaluate(actual=pair[0], expected=pair[1])
    assert sentence(Note(code=finding.code, facts=finding.facts), Language.JA)
