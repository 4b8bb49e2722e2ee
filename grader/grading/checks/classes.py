"""A student's nn.Module as it is written: the slips that its source shows and its numbers do not."""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from grader.domain.python import walk

_ACTIVATIONS = frozenset(
    {
        *("relu", "relu6", "leakyrelu", "prelu", "elu", "celu", "selu", "gelu", "silu", "mish", "glu", "softplus"),
        *("sigmoid", "logsigmoid", "hardsigmoid", "tanh", "hardtanh", "softsign", "softmax", "logsoftmax", "softmin"),
    }
)
_REGISTERED = frozenset({"ModuleList", "ModuleDict", "Sequential", "ParameterList", "ParameterDict"})


@dataclass(frozen=True, kw_only=True)
class WrittenClass:
    """One class statement."""

    node: ast.ClassDef

    @property
    def forgets_super(self) -> bool:
        """It has an `__init__` that never calls the one of nn.Module."""
        own = self._method("__init__")
        return own is not None and not any(
            isinstance(node, ast.Attribute) and node.attr == "__init__" for node in walk(own)
        )

    @property
    def has_forward(self) -> bool:
        return self._method("forward") is not None or any(
            isinstance(target, ast.Name) and target.id == "forward"
            for statement in self.node.body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
        )

    @property
    def almost_forward(self) -> str | None:
        """A method whose name is nearly `forward`."""
        names = [one.name for one in self.node.body if isinstance(one, ast.FunctionDef) and one.name != "__init__"]
        folded = {name.casefold(): name for name in names}
        near = difflib.get_close_matches("forward", list(folded), n=1, cutoff=0.7)
        return folded[near[0]] if near else None

    @property
    def plain_list(self) -> str | None:
        """An attribute that holds layers in a Python list or dict, where nn.Module does not see them."""
        for node in walk(self.node):
            if isinstance(node, ast.Assign) and _holds_layers(node.value):
                for target in node.targets:
                    if isinstance(target, ast.Attribute):
                        return f"self.{target.attr}"
        return None

    @property
    def activations(self) -> tuple[str, ...]:
        """The activation functions it names, as they are written, each once, in order."""
        words = [node.attr if isinstance(node, ast.Attribute) else node.id for node in _names(self.node)]
        return tuple(dict.fromkeys(word for word in words if fold(word) in _ACTIVATIONS))

    def _method(self, name: str) -> ast.FunctionDef | None:
        own = [one for one in self.node.body if isinstance(one, ast.FunctionDef) and one.name == name]
        return own[-1] if own else None


def find_class(tree: ast.Module, name: str) -> WrittenClass | None:
    """The last class of that name at the top level."""
    found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    return WrittenClass(node=found[-1]) if found else None


def fold(word: str) -> str:
    """`LeakyReLU` and `leaky_relu` as the same word."""
    return word.replace("_", "").lower()


def _names(tree: ast.AST) -> Iterator[ast.Name | ast.Attribute]:
    found = [node for node in walk(tree) if isinstance(node, ast.Name | ast.Attribute)]
    yield from sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _holds_layers(value: ast.expr) -> bool:
    """A list, tuple, dict or comprehension with a call of `nn.Something` in it that is no container of nn's."""
    if not isinstance(value, ast.List | ast.Tuple | ast.Dict | ast.ListComp | ast.DictComp | ast.GeneratorExp):
        return False
    calls = [node.func for node in walk(value) if isinstance(node, ast.Call)]
    return any(
        isinstance(function, ast.Attribute)
        and function.attr not in _REGISTERED
        and ast.unparse(function.value) in ("nn", "torch.nn")
        for function in calls
    )
