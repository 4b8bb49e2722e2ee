"""Runs a question's code again from inputs that are moved, with autograd's derivatives scaled; only ever in a copy.

Every float leaf that requires grad is moved as soon as a statement has made it, by amounts that depend on a seed and
its shape alone: the names need not be the reference's. What autograd computes is computed from there, and scaled by a
factor that no formula written by hand knows of.
"""

import ast
import itertools
import random
import zlib
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy
import torch
import torch._functorch.eager_transforms
import torch.autograd.functional
from torch.utils._pytree import tree_map

from .replay import Screen, run_statements

_engine: Any = torch.autograd
_functional: Any = torch._functorch.eager_transforms
_older: Any = torch.autograd.functional
"""Where torch's public ways to a derivative come together; the tests notice when a release moves them."""

_SHIFT = "__shift__"
_LEAST, _MOST = 0.05, 0.25
"""x becomes x * (1 + u) + v with u and v in here: nothing positive turns negative, where logarithms and roots end."""
_MAX_ITEMS = 200
"""Leaves of one list, dict or module that are moved."""
_MAKING_METHODS = frozenset({"requires_grad_", "append", "extend"})


def replay_shifted(request: dict[str, Any], namespace: dict[str, Any], screen: Screen) -> list[list[int]]:
    """Run `request["source"]` in the namespace; give the shapes of what was moved, sorted."""
    tree = ast.parse(request["source"])
    shifter = _Shifter(seed=request["seed"], named=request["shifted"])
    _seed_generators(request["seed"])
    _start_over(tree, namespace, shifter)
    _scale_derivatives(request["scale"])
    _watch_functional_calls(shifter)
    namespace[_SHIFT] = shifter.move_leaves
    run_statements(_Watched().visit(tree), namespace, screen)
    return sorted(shifter.shapes)


class _Shifter:
    """Moves leaves, each once."""

    def __init__(self, *, seed: int, named: Collection[str]) -> None:
        self._seed = seed
        self._named = frozenset(named)
        self._moved: dict[int, Any] = {}
        """By identity; kept, so that no other object takes its place."""
        self._places: set[int] = set()
        """Addresses of the numbers: a detached tensor shares them."""
        self._derived: set[str] = set()
        """Names of what was moved, and of what was computed from it."""
        self.shapes: list[list[int]] = []

    def move_leaves(self, name: str, value: object, loads: tuple[str, ...], *, is_local: bool, is_data: bool) -> None:
        """Move the leaves that a statement has made, unless it made them from what is moved already.

        Args:
            name: the variable it gave them to.
            value: what the variable holds now.
            loads: the names that the statement read.
            is_local: it stands in a function's body.
            is_data: it gave new numbers to a tensor that exists.
        """
        if not self._derived.isdisjoint(loads):
            self._derived.add(name)
            return
        self._derived.discard(name)
        for leaf in _leaves_in(value):
            is_asked = leaf.requires_grad or (name in self._named and not is_local)
            if is_asked and (is_data or id(leaf) not in self._moved):
                self._move(leaf)
                self._derived.add(name)

    def move_argument(self, value: Any) -> Any:  # noqa: ANN401 - whatever a functional call is given
        """The argument as it is, or a moved copy of a tensor that nobody has moved."""
        if not _is_leaf(value) or value.requires_grad or value.data_ptr() in self._places:
            return value
        copy = value.clone()
        self._move(copy)
        return copy

    def _move(self, leaf: Any) -> None:  # noqa: ANN401
        generator = torch.Generator().manual_seed(self._seed ^ zlib.crc32(repr(tuple(leaf.shape)).encode()))
        amounts = torch.rand((2, *leaf.shape), generator=generator, dtype=torch.float64) * (_MOST - _LEAST) + _LEAST
        self._moved[id(leaf)] = leaf
        self._places.add(leaf.data_ptr())
        # Through .data: autograd must not see that a number it may have kept has changed.
        leaf.data.copy_(leaf.data.double() * (1 + amounts[0]) + amounts[1])
        self.shapes.append([int(size) for size in leaf.shape])


def _is_leaf(value: object) -> bool:
    if not isinstance(value, torch.Tensor) or torch._C._functorch.is_functorch_wrapped_tensor(value):
        return False
    return value.is_leaf and value.is_floating_point() and value.layout is torch.strided and value.device.type == "cpu"


def _leaves_in(value: object) -> Iterator[Any]:
    if isinstance(value, torch.nn.Module):
        parts: Iterable[object] = value.parameters()
    elif isinstance(value, list | tuple):
        parts = value
    elif isinstance(value, dict):
        parts = value.values()
    else:
        parts = (value,)
    yield from (part for part in list(itertools.islice(parts, _MAX_ITEMS)) if _is_leaf(part))


def _seed_generators(seed: int) -> None:
    """The question may draw numbers from generators that earlier cells have seeded: both replays start alike."""
    random.seed(seed)
    numpy.random.seed(seed)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed first describes the whole stack, for CUDA's sake


def _start_over(tree: ast.Module, namespace: dict[str, Any], shifter: _Shifter) -> None:
    """Forget the gradients of the first run, and move the leaves of earlier cells that the question uses."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in found if isinstance(node.ctx, ast.Store)}
    for name in dict.fromkeys(node.id for node in found):
        value = namespace.get(name)
        for leaf in _leaves_in(value):
            leaf.grad = None
        if name not in bound:
            shifter.move_leaves(name, value, (), is_local=False, is_data=False)


def _scale_derivatives(scale: float) -> None:
    """Multiply what goes into every backward pass: torch has one place through which all of them go."""
    run_backward = _engine._engine_run_backward

    def scaled(outputs: Any, gradients: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        return run_backward(outputs, tuple(None if one is None else one * scale for one in gradients), *rest, **named)

    _engine._engine_run_backward = scaled


def _watch_functional_calls(shifter: _Shifter) -> None:
    """Move what is differentiated without ever being a variable that requires grad: torch.func.grad(f)(tensor)."""

    def moved(arguments: Any, places: int | tuple[int, ...] | None) -> tuple[Any, ...]:  # noqa: ANN401
        count = len(arguments)
        chosen = range(count) if places is None else (places,) if isinstance(places, int) else places
        wanted = {place % count for place in chosen} if count else set()
        return tuple(
            tree_map(shifter.move_argument, one) if place in wanted else one for place, one in enumerate(arguments)
        )

    by_gradient, by_product = _functional.grad_and_value_impl, _functional._vjp_with_argnums
    by_direction, prepare = _functional._jvp_with_argnums, _older._grad_preprocess
    _functional.grad_and_value_impl = lambda function, places, has_aux, arguments, named: by_gradient(
        function, places, has_aux, moved(arguments, places), named
    )
    _functional._vjp_with_argnums = lambda function, *primals, argnums=None, **named: by_product(
        function, *moved(primals, argnums), argnums=argnums, **named
    )
    _functional._jvp_with_argnums = lambda function, primals, tangents, argnums, **named: by_direction(
        function, moved(primals, argnums), tangents, argnums, **named
    )
    _older._grad_preprocess = lambda inputs, *rest, **named: prepare(moved(inputs, None), *rest, **named)


class _Watched(ast.NodeTransformer):
    """Puts a call of move_leaves behind every statement that may have made a leaf, in functions too."""

    def __init__(self) -> None:
        self._depth = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        return node

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        return [node, *(call for target in node.targets for call in self._calls(target, node.value))]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        return [node] if node.value is None else [node, *self._calls(node.target, node.value)]

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        return [node, *self._calls(node.target, node.value, is_read=True)]

    def visit_Expr(self, node: ast.Expr) -> list[ast.stmt]:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _MAKING_METHODS:
            return [node, *self._calls(call.func.value, ast.Tuple([*call.args], ast.Load()))]
        return [node]

    def _calls(
        self, target: ast.expr, value: ast.expr, *, is_read: bool = False, is_data: bool = False
    ) -> Iterator[ast.stmt]:
        match target:
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    yield from self._calls(part, value, is_read=is_read)
            case ast.Attribute(attr="grad"):
                return
            case ast.Attribute(value=owner, attr="data"):
                yield from self._calls(owner, value, is_read=is_read, is_data=True)
            case (
                ast.Attribute(value=owner, attr="requires_grad") | ast.Subscript(value=owner) | ast.Starred(value=owner)
            ):
                yield from self._calls(owner, value, is_read=is_read, is_data=is_data)
            case _:
                yield from self._call(target, value, is_read=is_read, is_data=is_data)

    def _call(self, target: ast.expr, value: ast.expr, *, is_read: bool, is_data: bool) -> Iterator[ast.stmt]:
        root = target
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if not isinstance(root, ast.Name):
            return
        loads = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)} | ({root.id} if is_read else set())
        source = (
            f"{_SHIFT}({root.id!r}, {ast.unparse(target)}, {tuple(sorted(loads))!r}, "
            f"is_local={self._depth > 0}, is_data={is_data})"
        )
        yield from ast.parse(source).body
