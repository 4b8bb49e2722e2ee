"""The trace of a call: of autograd's public functions, of conversions, of the student's own functions, of print."""

import ast
from collections.abc import Mapping, Sequence

from grader.domain.python import walk
from grader.grading.autograd.expressions import (
    BRACE_MARK,
    Expressions,
    Shown,
    mentions_grad,
)
from grader.grading.autograd.traces import (
    AUTOGRAD,
    PLAIN,
    Blended,
    Derived,
    Doubt,
    Gives,
    Group,
    Kind,
    Path,
    Plain,
    Points,
    Routine,
    Trace,
    Transform,
    Wording,
    blend,
    canonical,
    concatenated,
    element,
    filled,
    grown,
    is_touched,
    join,
    points_of,
    single_number,
)

_CALL_DEPTH = 8
_PASSING_METHODS = frozenset(
    {
        *(
            "item",
            "tolist",
            "detach",
            "numpy",
            "clone",
            "copy",
            "cpu",
            "cuda",
            "to",
            "type",
            "astype",
            "float",
            "double",
        ),
        *("half", "squeeze", "unsqueeze", "reshape", "view", "flatten", "ravel", "round", "contiguous", "get", "pop"),
        *("requires_grad_", "detach_", "view_as", "reshape_as"),
    }
)
_PASSING_FUNCTIONS = frozenset(
    {
        *("tensor", "as_tensor", "asarray", "array", "Tensor", "FloatTensor", "DoubleTensor", "scalar_tensor"),
        *("from_numpy", "Variable", "Parameter", "squeeze", "detach", "clone", "float16", "float32", "float64"),
        *("round", "around", "stack", "cat", "atleast_1d", "deepcopy", "copy", "make_dual", "vmap"),
    }
)
_PASSING_BUILTINS = frozenset({"float", "int", "round", "complex", "list", "tuple", "next", "iter", "reversed", "set"})
_HARMLESS_IN_PLACE = frozenset({"zero_", "requires_grad_", "detach_"})
_FILLING = frozenset({"fill", "itemset", "put", "partition", "copyto", "place", "putmask", "fill_diagonal"})
"""Of NumPy: they write into an array, and so into the tensor whose memory it shares."""
_CHOSEN_DIRECTIONS = frozenset({"grad_outputs", "grad_tensors", "v", "tangents", "vectors"})
_GROWING = frozenset({"append", "add", "insert", "extend"})
_DYNAMIC_FUNCTIONS = frozenset(
    {"collections.namedtuple", "dataclasses.make_dataclass", "types.SimpleNamespace", "types.new_class"}
)
"""They make objects whose attributes the source does not show as such."""
_DYNAMIC_BUILTINS = frozenset(
    f"builtins.{name}"
    for name in ("exec", "eval", "compile", "setattr", "delattr", "__import__", "globals", "locals", "vars")
)
_DYNAMIC_MODULES = ("ctypes.", "gc.", "inspect.", "importlib.", "runpy.", "sys.", "unittest.", "builtins.object.")
_DISPLAYS = frozenset({"builtins.display", "IPython.display.display", "IPython.core.display.display"})
_FILLED = {"ones": 1.0, "ones_like": 1.0, "zeros": 0.0, "zeros_like": 0.0}
_SILENT_METHODS = frozenset({"backward", "append", "extend", "zero_grad", "step", "show", "manual_seed"})


class Calls(Expressions):
    """How calls are traced."""

    def _of_call(self, node: ast.Call) -> Trace:
        if isinstance(node.func, ast.Attribute):
            owner = self.trace(node.func.value)
            callee: Trace = self.attribute(owner, node.func.attr) if isinstance(owner, Path) else PLAIN
        else:
            owner, callee = PLAIN, self.trace(node.func)
        args = [self.trace(arg) for arg in node.args]
        keywords = {keyword.arg or "**": self.trace(keyword.value) for keyword in node.keywords}
        if isinstance(keywords.get("out"), Derived) or "grad" in keywords:
            self.doubt(Doubt.ASSIGNED_GRAD)
        if isinstance(node.func, ast.Attribute) and not isinstance(owner, Path):
            return self._call_method(node.func, owner, args=args, keywords=keywords)
        if isinstance(callee, Path) and callee.dotted in ("builtins.print", *_DISPLAYS):
            return self._show(node, args, how="print" if callee.dotted == "builtins.print" else "display")
        return self.apply(callee, args=args, keywords=keywords)

    def apply(self, callee: Trace, *, args: Sequence[Trace], keywords: Mapping[str, Trace]) -> Trace:
        """The trace of what a callee returns for these arguments."""
        if isinstance(callee, Path):
            return self._apply_path(canonical(callee.dotted), args=args, keywords=keywords)
        if isinstance(callee, Routine):
            returned = self._enter(callee.node, args=args, keywords=keywords)
            return Blended() if callee.is_wrapped else returned
        if isinstance(callee, Transform):
            if callee.is_fixed:
                self._note_scale(args[:1])
            derived = Derived(callee.points if callee.is_fixed or not args else points_of(args[0]))
            return Group((derived, PLAIN)) if callee.with_value else derived
        if isinstance(callee, Kind):
            self._enter_methods("__init__", args=args, keywords=keywords)
            return PLAIN
        through = self._enter_routines(args)
        if isinstance(callee, Plain):
            own = [self._enter_methods(name, args=args, keywords=keywords) for name in ("__call__", "forward")]
            through.extend(trace for trace in own if trace is not None)
        return blend([callee, *args, *keywords.values(), *through])

    def is_silent(self, node: ast.expr) -> bool:
        """Whether an expression statement certainly shows nothing by itself."""
        if not isinstance(node, ast.Call):
            return isinstance(node, ast.Constant) and (node.value is None or node.value is Ellipsis)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _SILENT_METHODS:
            return True
        if not isinstance(node.func, ast.Name | ast.Attribute):
            return False
        callee = self.lookup(node.func.id) if isinstance(node.func, ast.Name) else PLAIN
        if isinstance(callee, Routine) and not isinstance(callee.node, ast.Lambda):
            return not any(isinstance(part, ast.Return) and part.value is not None for part in walk(callee.node))
        return isinstance(callee, Path) and callee.dotted in ("builtins.print", *_DISPLAYS)

    def _apply_path(self, path: str, *, args: Sequence[Trace], keywords: Mapping[str, Trace]) -> Trace:
        if path in AUTOGRAD:
            return self._call_autograd(path, args=args, keywords=keywords)
        module, _, name = path.rpartition(".")
        if any(isinstance(arg, Derived) for arg in args) and (name.endswith("_") or name in _FILLING):
            self.doubt(Doubt.ASSIGNED_GRAD)
        if path == "torch.autograd.forward_ad.make_dual":
            self._note_scale(args[1:2])
        is_class_maker = path in _DYNAMIC_FUNCTIONS or (path == "builtins.type" and len(args) > 1)
        if is_class_maker or path.startswith(_DYNAMIC_MODULES) or path in _DYNAMIC_BUILTINS:
            self.doubt(Doubt.DYNAMIC)
            return blend(args)
        if path == "builtins.getattr" and len(args) >= 2:
            return self._get_attribute(args)
        if path in ("builtins.str", "builtins.repr", "builtins.format") and args:
            return Wording(args[0].parts if isinstance(args[0], Wording) else (args[0],))
        if name in _FILLED and module in ("torch", "numpy"):
            return Plain(single_number(_FILLED[name]))
        if path == "torch.full" and len(args) > 1:
            return Plain(points_of(args[1]))
        passing = _PASSING_BUILTINS if module == "builtins" else _PASSING_FUNCTIONS
        if name in passing and args:
            return args[0]
        through = self._enter_routines(args)
        return blend([*args, *keywords.values(), *through])

    def _call_autograd(self, path: str, *, args: Sequence[Trace], keywords: Mapping[str, Trace]) -> Trace:
        self.has_call = True
        if "has_aux" in keywords or "**" in keywords:
            return Blended()
        gives = AUTOGRAD[path]
        chosen = [trace for name, trace in keywords.items() if name in _CHOSEN_DIRECTIONS]
        self._note_scale(chosen if gives is Gives.TRANSFORM else [*chosen, *args[2:3]])
        inputs = args[1] if len(args) > 1 else keywords.get("inputs", keywords.get("primals", PLAIN))
        points: Points = points_of(inputs)
        match gives:
            case Gives.NOTHING:
                return PLAIN
            case Gives.DERIVED:
                return Derived(points)
            case Gives.TRANSFORM | Gives.TRANSFORM_WITH_VALUE:
                return Transform(with_value=gives is Gives.TRANSFORM_WITH_VALUE)
            case Gives.VALUE_AND_TRANSFORM:
                return Group((PLAIN, Transform(is_fixed=True, points=points)))
        return Group((PLAIN, Derived(None if path.endswith("unpack_dual") else points)))

    def _get_attribute(self, args: Sequence[Trace]) -> Trace:
        name = args[1].parts if isinstance(args[1], Wording) else ()
        if len(name) == 1 and isinstance(name[0], str):
            return self.attribute(args[0], name[0])
        self.doubt(Doubt.DYNAMIC)
        return blend(args)

    def _call_method(
        self, func: ast.Attribute, owner: Trace, *, args: Sequence[Trace], keywords: Mapping[str, Trace]
    ) -> Trace:
        name = func.attr
        if name == "backward":
            self.has_call = True
            self._note_scale([*args[:1], *(trace for key, trace in keywords.items() if key == "gradient")])
            return PLAIN
        self.note_attribute(name)
        if name in _FILLING and (isinstance(owner, Derived) or mentions_grad(func.value)):
            self.doubt(Doubt.ASSIGNED_GRAD)
        if name.startswith("register_") and name.endswith("hook"):
            self.doubt(Doubt.HOOK)
        if name.endswith("_") and not name.endswith("__") and name not in _HARMLESS_IN_PLACE:
            return self._change_in_place(func, owner, args=args)
        if name in _GROWING and isinstance(func.value, ast.Name) and args:
            added = element(args[-1]) if name == "extend" else args[-1]
            self.scopes[-1][func.value.id] = grown(owner, added, is_certain=self.uncertain_depth == 0)
            return PLAIN
        if isinstance(owner, Wording):
            values = [*args, *keywords.values()]
            return filled(owner, values, mark=BRACE_MARK) if name == "format" else blend([owner, *values])
        if not is_touched(owner):
            own = self._enter_methods(name, args=args, keywords=keywords)
            if own is not None:
                return own
        if name in _PASSING_METHODS:
            return owner
        return blend([owner, *args, *keywords.values(), *self._enter_routines(args)])

    def _change_in_place(self, func: ast.Attribute, owner: Trace, *, args: Sequence[Trace]) -> Trace:
        if isinstance(owner, Derived) or mentions_grad(func.value):
            self.doubt(Doubt.ASSIGNED_GRAD)
        changed = blend([owner, *args])
        root = func.value
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if isinstance(root, ast.Name) and isinstance(self.lookup(root.id), Plain | Group):
            self.scopes[-1][root.id] = changed  # the numbers it was built from are no longer its own
        return changed

    def _note_scale(self, directions: Sequence[Trace]) -> None:
        """A derivative along another direction than 1 can be made to be any number."""
        for direction in directions:
            points = points_of(direction)
            if points is not None and points != frozenset({1.0}):
                self.doubt(Doubt.SCALED)

    def _enter(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        *,
        args: Sequence[Trace],
        keywords: Mapping[str, Trace],
    ) -> Trace:
        """Follow a function's body with these arguments and give what it returns."""
        if len(self.active) >= _CALL_DEPTH or node in self.active:
            return blend(args)
        self.active.append(node)
        self.scopes.append(self._parameters(node.args, args=args, keywords=keywords))
        self.returns.append([])
        if isinstance(node, ast.Lambda):
            self.returns[-1].append(self.trace(node.body))
        else:
            self.block(node.body)
        self.scopes.pop()
        self.active.pop()
        return join(self.returns.pop())

    def _parameters(
        self, parameters: ast.arguments, *, args: Sequence[Trace], keywords: Mapping[str, Trace]
    ) -> dict[str, Trace]:
        names = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
        scope: dict[str, Trace] = dict.fromkeys((*names, *(p.arg for p in parameters.kwonlyargs)), PLAIN)
        for name, default in zip(reversed(names), reversed(parameters.defaults), strict=False):
            scope[name] = self.trace(default)
        scope.update(zip(names, args, strict=False))
        scope.update({name: trace for name, trace in keywords.items() if name in scope})
        if parameters.vararg is not None:
            scope[parameters.vararg.arg] = Group(tuple(args[len(names) :]))
        if parameters.kwarg is not None:
            scope[parameters.kwarg.arg] = blend(list(keywords.values()))
        return scope

    def _enter_methods(self, name: str, *, args: Sequence[Trace], keywords: Mapping[str, Trace]) -> Trace | None:
        """What the student's methods of that name return; None where there is none."""
        found = self.methods.get(name, [])[:3]
        if not found:
            return None
        return join([self._enter(node, args=[PLAIN, *args], keywords=keywords) for node in found])

    def _enter_routines(self, args: Sequence[Trace]) -> list[Trace]:
        """Follow functions that are passed to something unknown: it may call them."""
        elements = [element(arg) for arg in args if not isinstance(arg, Routine)]
        return [
            self._enter(arg.node, args=elements or [PLAIN], keywords={}) for arg in args if isinstance(arg, Routine)
        ]

    def _show(self, node: ast.Call, args: Sequence[Trace], *, how: str) -> Trace:
        options = {keyword.arg: keyword.value for keyword in node.keywords}
        separator, end = (_literal(options.get(name), default) for name, default in (("sep", " "), ("end", "\n")))
        is_whole = separator is not None and end is not None and end.endswith("\n")
        is_whole = is_whole and not any(isinstance(arg, ast.Starred) for arg in node.args)
        if "file" in options or not self.in_question:
            return PLAIN
        wording = Wording(())
        for number, arg in enumerate(args):
            wording = concatenated(wording, Wording(((separator or " ") if number else "",)))
            wording = concatenated(wording, arg)
        if end is not None and end.endswith("\n"):
            wording = concatenated(wording, Wording((end[:-1],)))
        self.shown.append(Shown(how=how, wording=wording, is_once=is_whole and self.uncertain_depth == 0))
        return PLAIN


def _literal(node: ast.expr | None, default: str) -> str | None:
    if node is None:
        return default
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
