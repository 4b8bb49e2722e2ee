"""Mistakes with tensors: another dtype, another shape, NumPy in torch's place, the wrong reduction."""

import ast
from collections.abc import Iterator

from grader.authoring.mutants_text import (
    Answer,
    Change,
    Code,
    Edit,
    Operator,
    called_name,
    is_call_of,
    is_torch_maker,
    keyword_of,
    root_name,
)
from grader.domain.python import walk

_AGGREGATES = {
    "sum": "mean",
    "mean": "sum",
    "max": "min",
    "min": "max",
    "amax": "amin",
    "amin": "amax",
    "argmax": "argmin",
    "argmin": "argmax",
    "prod": "sum",
    "cumsum": "cumprod",
    "cumprod": "cumsum",
    "std": "var",
    "var": "std",
    "norm": "sum",
}
_ACTIVATIONS = {
    "relu": "tanh",
    "tanh": "sigmoid",
    "sigmoid": "tanh",
    "ReLU": "Tanh",
    "Tanh": "Sigmoid",
    "Sigmoid": "Tanh",
    "celu": "selu",
    "CELU": "SELU",
    "elu": "selu",
    "ELU": "SELU",
    "selu": "elu",
    "SELU": "ELU",
    "gelu": "silu",
    "GELU": "SiLU",
    "silu": "gelu",
    "SiLU": "GELU",
    "leaky_relu": "relu",
    "LeakyReLU": "ReLU",
    "softplus": "relu",
    "Softplus": "ReLU",
    "softmax": "log_softmax",
    "log_softmax": "softmax",
    "Softmax": "LogSoftmax",
    "LogSoftmax": "Softmax",
    "logsigmoid": "sigmoid",
    "LogSigmoid": "Sigmoid",
}
_NUMPY = {
    "tensor": "array",
    "as_tensor": "array",
    **{name: name for name in ("zeros", "ones", "full", "arange", "linspace", "eye")},
    **{name: name for name in ("exp", "log", "sin", "cos", "sqrt", "abs", "tanh", "matmul", "sum", "mean")},
}
_CASTS = {
    "float": ("double", "int"),
    "double": ("float",),
    "long": ("float", "int"),
    "int": ("long", "float"),
    "half": ("float",),
    "bool": ("int",),
}
_SHAPING = frozenset({"view", "reshape", "unsqueeze", "squeeze", "flatten"})
_TRANSPOSING = frozenset({"t", "transpose", "permute", "swapaxes", "movedim"})
_LONGEST_WRAPPED = 40
"""Characters of an expression that a person is shown whole."""


def change_aggregates(code: Code, answer: Answer) -> Iterator[Change]:
    """`sum` becomes `mean`."""
    yield from _swap_calls(code, _AGGREGATES, Operator.AGGREGATE)
    for keyword in code.nodes(ast.keyword):
        if keyword.arg == "reduction" and isinstance(keyword.value, ast.Constant):
            text = '"sum"' if keyword.value.value == "mean" else '"mean"'
            yield code.change(Operator.AGGREGATE, keyword.value, code.replace(keyword.value, text), after=text)


def swap_activations(code: Code, answer: Answer) -> Iterator[Change]:
    """`relu` becomes `tanh`."""
    yield from _swap_calls(code, _ACTIVATIONS, Operator.ACTIVATION)


def _swap_calls(code: Code, names: dict[str, str], operator: Operator) -> Iterator[Change]:
    for call in code.nodes(ast.Call):
        name = called_name(call)
        if name in names and isinstance(call.func, ast.Attribute):
            end = code.end(call.func)
            edit = Edit(start=end - len(name), end=end, text=names[name])
            yield code.change(operator, call.func, edit, before=name, after=names[name])


def change_dtypes(code: Code, answer: Answer) -> Iterator[Change]:
    """A tensor has another dtype: by its maker's keyword, by a cast, or because `torch.Tensor` makes floats only."""
    for call in code.nodes(ast.Call):
        if is_torch_maker(call):
            yield from _retyped(code, call, answer)
        elif isinstance(call.func, ast.Attribute) and not call.args and called_name(call) in _CASTS:
            name = called_name(call)
            end = code.end(call.func)
            for other in _CASTS[name]:
                edit = Edit(start=end - len(name), end=end, text=other)
                yield code.change(Operator.DTYPE, call, edit, before=name, after=other, name=_target(code, call))
            text = code.text(call.func.value)
            yield code.change(Operator.DTYPE, call, code.replace(call, text), after=text, name=_target(code, call))
        elif is_call_of(call, "to", "type") and call.args and _is_dtype(call.args[0]):
            other = _other_dtype(code.text(call.args[0]))
            edit = code.replace(call.args[0], other)
            yield code.change(Operator.DTYPE, call.args[0], edit, after=other, name=_target(code, call))


def _retyped(code: Code, call: ast.Call, answer: Answer) -> Iterator[Change]:
    name = _target(code, call)
    given = keyword_of(call, "dtype")
    if given is not None:
        other = _other_dtype(code.text(given.value))
        edit = code.replace(given.value, other)
        yield code.change(Operator.DTYPE, given.value, edit, after=other, name=name)
        dropped = _without_keyword(code, call, given)
        yield code.change(Operator.DTYPE, given, dropped, before=code.text(given), after="", name=name)
        return
    at = code.end(call) - 1
    comma = "" if code.source[:at].rstrip().endswith(",") or not (call.args or call.keywords) else ", "
    dtypes = ["float64", "int32"] if _is_float32(call) else ["float32", "float64", "int32"]
    if keyword_of(call, "requires_grad") is not None and not (answer.is_shown or name in answer.typed):
        dtypes.remove("float64")  # a derivative in double precision is as right as any
    for dtype in dtypes:
        text = f"dtype=torch.{dtype}"
        edit = Edit(start=at, end=at, text=comma + text)
        yield code.change(Operator.DTYPE, call, edit, before=_short(code.text(call)), after=text, name=name)
    if isinstance(call.func, ast.Attribute) and called_name(call) == "tensor" and not call.keywords:
        edit = code.replace(call.func, "torch.Tensor")
        yield code.change(Operator.DTYPE, call.func, edit, after="torch.Tensor", name=name)


def _is_float32(call: ast.Call) -> bool:
    """What it makes is float32 without anybody saying so."""
    if called_name(call) in ("zeros", "ones", "linspace", "eye", "rand", "randn"):
        return True
    return any(isinstance(node, ast.Constant) and isinstance(node.value, float) for node in walk(call))


def _is_dtype(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and root_name(node) == "torch"


def _other_dtype(text: str) -> str:
    word = text.rpartition(".")[2]
    return "torch.float64" if word in ("float32", "float", "int64", "long") else "torch.float32"


def _without_keyword(code: Code, call: ast.Call, keyword: ast.keyword) -> Edit:
    """Take `, name=value` away, or `name=value, ` where nothing stands before it."""
    start, end = code.start(keyword), code.end(keyword)
    before = [code.end(node) for node in (*call.args, *call.keywords) if code.end(node) <= start]
    after = [code.start(node) for node in (*call.args, *call.keywords) if code.start(node) >= end]
    if before:
        return Edit(start=max(before), end=end, text="")
    return Edit(start=start, end=min(after) if after else end, text="")


def change_shapes(code: Code, answer: Answer) -> Iterator[Change]:
    """An answer has one more axis or only one; a call that shapes it is forgotten."""
    for statement in code.nodes(ast.Assign):
        name = _target(code, statement.value)
        is_asked = name in answer.names and not isinstance(statement.value, ast.Lambda | ast.Constant)
        if is_asked and code.function_of(statement) is None:
            text = code.as_operand(statement.value)
            for call in ("unsqueeze(0)", "flatten()"):
                edit = code.replace(statement.value, f"{text}.{call}")
                after = f"{_short(text)}.{call}"
                yield code.change(Operator.SHAPE, statement.value, edit, before=_short(text), after=after, name=name)
    yield from _forgotten(code, _SHAPING, Operator.SHAPE)
    for returned in code.nodes(ast.Return):
        if isinstance(returned.value, ast.BinOp | ast.Call):
            text = f"{code.as_operand(returned.value)}.unsqueeze(0)"
            yield code.change(Operator.SHAPE, returned.value, code.replace(returned.value, text), after=text)


def change_transposes(code: Code, answer: Answer) -> Iterator[Change]:
    """A transposition is forgotten, a matrix is transposed, or two factors change places."""
    yield from _forgotten(code, _TRANSPOSING, Operator.TRANSPOSE)
    for node in code.nodes(ast.Attribute):
        if node.attr in ("T", "mT", "H"):
            text = code.text(node.value)
            yield code.change(Operator.TRANSPOSE, node, code.replace(node, text), after=text)
    for product in code.nodes(ast.BinOp):
        if isinstance(product.op, ast.MatMult):
            left, right = code.as_operand(product.left), code.as_operand(product.right)
            text = f"{right} @ {left}"
            yield code.change(Operator.TRANSPOSE, product, code.replace(product, text), after=text)
    for call in code.nodes(ast.Call):
        if is_call_of(call, "matmul", "mm") and len(call.args) == 2:
            left, right = (code.text(argument) for argument in call.args)
            edits = (code.replace(call.args[0], right), code.replace(call.args[1], left))
            yield code.change(Operator.TRANSPOSE, call, *edits, after=f"{called_name(call)}({right}, {left})")
        elif is_torch_maker(call) and call.args and _depth(call.args[0]) >= 2:
            edit = Edit(start=code.end(call), end=code.end(call), text=".transpose(0, 1)")
            before = _short(code.text(call))
            yield code.change(Operator.TRANSPOSE, call, edit, before=before, after=f"{before}.transpose(0, 1)")


def _forgotten(code: Code, names: frozenset[str], operator: Operator) -> Iterator[Change]:
    for call in code.nodes(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr in names and root_name(call.func) != "torch":
            text = code.text(call.func.value)
            yield code.change(operator, call, code.replace(call, text), after=text)


def use_numpy(code: Code, answer: Answer) -> Iterator[Change]:
    """`torch.tensor` becomes `np.array`."""
    for call in code.nodes(ast.Call):
        name = called_name(call)
        if isinstance(call.func, ast.Attribute) and name in _NUMPY and code.text(call.func.value) == "torch":
            text = f"np.{_NUMPY[name]}"
            # At the head of the cell, so that the mutant is what a student would write.
            brought = Edit(start=0, end=0, text="import numpy as np\n")
            yield code.change(Operator.NUMPY, call.func, brought, code.replace(call.func, text), after=text)


def change_in_place(code: Code, answer: Answer) -> Iterator[Change]:
    """`x + 1` becomes `x.add_(1)`, which changes x too."""
    methods = {ast.Add: "add_", ast.Sub: "sub_", ast.Mult: "mul_", ast.Div: "div_", ast.Pow: "pow_"}
    for node in code.nodes(ast.BinOp):
        method = methods.get(type(node.op))
        if method is None or not isinstance(node.left, ast.Name):
            continue
        text = f"{node.left.id}.{method}({code.text(node.right)})"
        yield code.change(Operator.IN_PLACE, node, code.replace(node, text), after=text)


def _target(code: Code, node: ast.AST) -> str:
    """The name that the node's statement binds; where it binds none alone, the node itself."""
    statement = code.statement_of(node)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return _short(code.text(node))


def _depth(node: ast.expr) -> int:
    """How deeply lists of numbers nest."""
    if isinstance(node, ast.List | ast.Tuple):
        return 1 + min(map(_depth, node.elts), default=0)
    return 0


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_WRAPPED else f"{line[: _LONGEST_WRAPPED - 1]}…"
