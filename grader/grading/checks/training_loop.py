"""How a training loop updates its parameters, read in the code that runs: by an optimizer of torch's, or by hand."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.domain.python import walk
from grader.domain.remember import remember_by_subject, remember_by_text
from grader.grading.live import without_dead_code
from grader.grading.syntax import parse_leniently, top_level_names

_OPTIM = "torch.optim."
_NO_GRAD = ("torch.no_grad", "torch.inference_mode", "torch.set_grad_enabled", "torch.autograd.no_grad")
_FUNCTIONAL = ("torch.autograd.grad", "torch.autograd.functional.", "torch.func.", "torch.functional.")
_LOOPS = (ast.For, ast.While, ast.AsyncFor)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, kw_only=True)
class Loop:
    """What the code of a question does to train."""

    optimizers: frozenset[str] = field(default_factory=frozenset)
    """Classes of torch.optim that it names: 'SGD', 'Adam'."""
    has_backward: bool = False
    repeats_backward: bool = False
    """`backward()` stands in a loop, or in a function that a loop may call."""
    has_step: bool = False
    zeroes: bool = False
    """Gradients are set to zero where they are computed again and again, or do not add up in the first place."""
    zeroes_too_early: bool = False
    """Between `backward()` and `step()`: nothing is left to step by."""
    updates_by_hand: bool = False
    has_own_optimizer: bool = False
    """The notebook defines an optimizer of its own, or replaces a part of torch's."""


@remember_by_text
def read_loop(*, source: str, notebook_source: str) -> Loop:
    """Read the question's code together with the functions and classes of earlier cells that it uses.

    Never raises; code that is nested absurdly deep shows nothing.
    """
    try:
        notebook = parse_leniently(notebook_source)
        tree = _running_tree(parse_leniently(source), notebook=notebook)
        loop = _Reader(aliases=_imported(notebook)).read(tree)
        return replace(loop, has_own_optimizer=_has_own_optimizer(notebook, aliases=_imported(notebook)))
    except (RecursionError, MemoryError):
        return Loop()


@remember_by_text
def module_names(*, source: str, notebook_source: str) -> tuple[str, ...]:
    """Variables of the question that are made by calling a class of torch.nn or of the notebook's own; no losses."""
    notebook = parse_leniently(notebook_source)
    aliases = _imported(notebook)
    classes = {node.name for node in notebook.body if isinstance(node, ast.ClassDef) and node.bases}
    names: dict[str, None] = {}
    for statement in parse_leniently(source).body:
        for node in walk(statement):
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
                continue
            made = _made_by(node.value)
            path = resolve(made, aliases)
            is_module = path in classes or (path.startswith("torch.nn.") and "functional" not in path)
            if is_module and not path.endswith("Loss"):
                names.update(dict.fromkeys(target.id for target in node.targets if isinstance(target, ast.Name)))
    return tuple(name for name in names if name in top_level_names(parse_leniently(source)))


def _made_by(call: ast.Call) -> ast.expr:
    """The class in `Net()`, and in `Net().to(device)` too."""
    made = call.func
    while isinstance(made, ast.Attribute) and isinstance(made.value, ast.Call):
        made = made.value.func
    return made


def resolve(node: ast.AST, aliases: Mapping[str, str]) -> str:
    """The full name of a dotted expression, as 'torch.optim.SGD'; '' for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([aliases.get(node.id, node.id), *reversed(parts)])


@remember_by_subject
def _imported(tree: ast.Module) -> Mapping[str, str]:
    """What imports bind, wherever they stand: the name to what it stands for."""
    found: dict[str, str] = {}
    for node in walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _running_tree(question: ast.Module, *, notebook: ast.Module) -> ast.Module:
    """The question's statements behind the earlier definitions that they use, without what cannot run."""
    own = set(top_level_names(question))
    known = {node.name: node for node in notebook.body if isinstance(node, (*_FUNCTIONS, ast.ClassDef))}
    used: dict[str, ast.stmt] = {}
    waiting: list[ast.AST] = [question]
    while waiting:
        for node in walk(waiting.pop()):
            name = node.id if isinstance(node, ast.Name) else ""
            if name in known and name not in used and name not in own:
                used[name] = known[name]
                waiting.append(known[name])
    return without_dead_code(ast.Module(body=[*used.values(), *question.body], type_ignores=[]))


def _has_own_optimizer(notebook: ast.Module, *, aliases: Mapping[str, str]) -> bool:
    """A class made of one of torch.optim, or something put into torch.optim or one of its classes."""
    made = (base for node in walk(notebook) if isinstance(node, ast.ClassDef) for base in node.bases)
    changed = (node for node in walk(notebook) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
    return any(resolve(node, aliases).startswith(_OPTIM) for node in (*made, *changed))


class _Reader:
    """Walks code once, knowing whether a statement may run again and whether autograd is off there."""

    def __init__(self, *, aliases: Mapping[str, str]) -> None:
        self._aliases = aliases
        self._found: dict[str, bool] = {}
        self._optimizers: set[str] = set()

    def read(self, tree: ast.Module) -> Loop:
        self._block(tree.body, repeats=False, quiet=False)
        for node in walk(tree):
            path = resolve(node, self._aliases)
            name = path.removeprefix(_OPTIM)
            if path.startswith(_OPTIM) and name[:1].isupper() and "." not in name and name != "Optimizer":
                self._optimizers.add(name)
        return Loop(optimizers=frozenset(self._optimizers), **self._found)

    def _block(self, statements: Sequence[ast.stmt], *, repeats: bool, quiet: bool) -> None:
        self._order(statements)
        for statement in statements:
            inner_quiet = quiet or self._is_quiet(statement)
            inner_repeats = repeats or isinstance(statement, (*_LOOPS, *_FUNCTIONS))
            for block in _blocks_of(statement):
                self._block(block, repeats=inner_repeats, quiet=inner_quiet)
            self._statement(statement, repeats=inner_repeats, quiet=inner_quiet)

    def _is_quiet(self, statement: ast.stmt) -> bool:
        """Whether autograd is off inside."""
        if isinstance(statement, ast.With | ast.AsyncWith):
            contexts = [item.context_expr for item in statement.items]
        elif isinstance(statement, _FUNCTIONS):
            contexts = statement.decorator_list
        else:
            return False
        called = (one.func if isinstance(one, ast.Call) else one for one in contexts)
        return any(resolve(one, self._aliases) in _NO_GRAD for one in called)

    def _order(self, statements: Sequence[ast.stmt]) -> None:
        """Notice gradients that are zeroed after they were computed and before they are used."""
        state = ""
        for event in (event for statement in statements for event in _events(statement)):
            if event == "zero" and state == "backward":
                state = "lost"
            elif event == "step" and state == "lost":
                self._found["zeroes_too_early"] = True
            elif event != "zero":
                state = event

    def _statement(self, statement: ast.stmt, *, repeats: bool, quiet: bool) -> None:
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
            self._assignment(statement, repeats=repeats, quiet=quiet)
        for node in _own_nodes(statement):
            if isinstance(node, ast.Call):
                self._call(node, repeats=repeats, quiet=quiet)

    def _assignment(
        self, statement: ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete, *, repeats: bool, quiet: bool
    ) -> None:
        targets = statement.targets if isinstance(statement, ast.Assign | ast.Delete) else [statement.target]
        attributes = {part.attr for target in targets for part in walk(target) if isinstance(part, ast.Attribute)}
        if "grad" in attributes:
            self._found["zeroes"] = self._found.get("zeroes", False) or repeats
        elif "data" in attributes or (quiet and repeats) or (repeats and _moves(statement)):
            self._found["updates_by_hand"] = True

    def _call(self, call: ast.Call, *, repeats: bool, quiet: bool) -> None:
        path = resolve(call.func, self._aliases)
        if path.startswith(_FUNCTIONAL):
            self._found |= {"zeroes": True, "has_backward": True}
        if not isinstance(call.func, ast.Attribute):
            return
        name, owner = call.func.attr, call.func.value
        attributes = {part.attr for part in walk(owner) if isinstance(part, ast.Attribute)}
        if name == "backward":
            self._found["has_backward"] = True
            self._found["repeats_backward"] = self._found.get("repeats_backward", False) or repeats
        elif name == "step":
            self._found["has_step"] = True
        elif name == "zero_grad" or (name.endswith("_") and "grad" in attributes):
            self._found["zeroes"] = self._found.get("zeroes", False) or repeats
        elif name == "requires_grad_" and repeats:
            self._found["zeroes"] = True  # leaves made anew have no gradient yet
        elif name.endswith("_") and ("data" in attributes or quiet):
            self._found["updates_by_hand"] = True


def _blocks_of(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if isinstance(block, list):
            yield block
    for handler in getattr(statement, "handlers", ()):
        yield handler.body


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The statement's own expressions, without the statements of its blocks."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [
            child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt | ast.ExceptHandler)
        ]


def _events(statement: ast.stmt) -> Iterator[str]:
    words = {"backward": "backward", "step": "step", "zero_grad": "zero"}
    for node in _own_nodes(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in words:
            yield words[node.func.attr]


def _moves(statement: ast.stmt) -> bool:
    """Whether a variable is moved from where it is: `w -= ...` or `w = w - ...`."""
    if isinstance(statement, ast.AugAssign):
        return isinstance(statement.op, ast.Sub)
    if not isinstance(statement, ast.Assign):
        return False
    names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
    differences = (
        node for node in walk(statement.value) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)
    )
    return any(isinstance(node.left, ast.Name) and node.left.id in names for node in differences)
