"""What code cells show of the answers: names they bind and expressions they contain, read from their syntax trees."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.domain.location import Wanted
from grader.domain.notebook import CellKind, Notebook
from grader.domain.python import parse_python, walk
from grader.domain.remember import remember_by_text
from grader.notebook.magics import plain_python

STRONG = 4
"""The very name or expression asked for."""
WEAK = 2
"""The expression with another variable, or the spelling of it in a cell that does not parse."""
_LARGEST_CELL_CHARS = 100_000
_ALL_CODE_CHARS = 2_000_000
"""Code beyond this, counted from the notebook's end, is not parsed: syntax trees are large and slow."""
_LOOKED_AT_LINES = 10_000
_MODULES = frozenset({"torch", "np", "numpy", "plt", "nn", "F", "print", "math", "autograd"})
_WILDCARD = "grader_any_"
_REST = "grader_rest_"
_IGNORED_FIELDS = frozenset({"ctx", "kind", "type_comment"})


@dataclass(frozen=True, kw_only=True)
class _Pattern:
    tree: ast.expr
    has_wildcards: bool
    variable: str | None
    """The first name that stands for data: another answer may use another."""
    spelling: str

    @property
    def kind(self) -> type[ast.AST]:
        return type(self.tree)


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What is kept of a cell; lines count from 1."""

    has_code: bool
    answer_line: int | None
    """Of the first statement that does more than import."""
    weights: Mapping[int, int]


class Clues:
    """The code cells of one notebook as far as they tell which question they answer; each is parsed at most once."""

    def __init__(self, notebook: Notebook, wanted: Sequence[Wanted]) -> None:
        self._sources = {
            position: cell.source for position, cell in enumerate(notebook.cells) if cell.kind is CellKind.CODE
        }
        self._readable = self._choose_readable()
        self._wanted = wanted
        self._patterns = {one.number: _read_patterns(one.patterns) for one in wanted}
        self._facts: dict[int, _Facts] = {}

    def of(self, position: int) -> Mapping[int, int]:
        """Weight of the cell's evidence for each question, by number; questions it says nothing of are absent."""
        return self._facts_of(position).weights

    def can_know(self, number: int) -> bool:
        """Whether the question says anything by which an answer could be recognised."""
        return any(one.number == number and (one.names or self._patterns[number]) for one in self._wanted)

    def code_between(self, first: int, end: int) -> list[int]:
        """Positions of code cells from `first` up to, not including, `end`."""
        last = next(reversed(self._sources), -1)
        return [position for position in range(first, min(end, last + 1)) if position in self._sources]

    def has_code(self, position: int) -> bool:
        """Whether the cell does anything: comments, blank lines and bare strings are words."""
        return self._facts_of(position).has_code

    def is_setup(self, position: int, *, before_line: int | None = None) -> bool:
        """Whether the cell, or its statements that begin before a line, only import or do nothing: no answer yet."""
        line = self._facts_of(position).answer_line
        return line is None or (before_line is not None and line > before_line)

    def _choose_readable(self) -> frozenset[int]:
        readable, chars = set(), 0
        for position in sorted(self._sources, reverse=True):
            size = len(self._sources[position])
            chars += size
            if chars > _ALL_CODE_CHARS:
                break
            if size <= _LARGEST_CELL_CHARS:
                readable.add(position)
        return frozenset(readable)

    def _facts_of(self, position: int) -> _Facts:
        if position not in self._facts:
            is_readable = position in self._readable
            tree = parse_python(plain_python(self._sources[position])) if is_readable else None
            self._facts[position] = self._read_tree(tree) if tree else self._read_text(position)
        return self._facts[position]

    def _read_tree(self, tree: ast.Module) -> _Facts:
        acting = [statement for statement in tree.body if not _is_words(statement)]
        setup = (ast.Import, ast.ImportFrom, ast.Pass)
        answering = (statement.lineno for statement in acting if not isinstance(statement, setup))
        weights = self._weights(tree) if acting else {}
        return _Facts(has_code=bool(acting), answer_line=next(answering, None), weights=weights)

    def _read_text(self, position: int) -> _Facts:
        """What can be told of a cell that does not parse, or that nobody wrote by hand."""
        source = self._sources[position]
        lines = enumerate(source.split("\n", _LOOKED_AT_LINES)[:_LOOKED_AT_LINES], start=1)
        coded = [(at, line) for at, line in lines if line.strip() and not line.lstrip().startswith("#")]
        answering = (at for at, line in coded if not line.startswith(("import ", "from ", "%", "!")))
        weights = self._weights_by_spelling(source) if position in self._readable else {}
        return _Facts(has_code=bool(coded), answer_line=next(answering, None), weights=weights)

    def _weights(self, tree: ast.Module) -> dict[int, int]:
        bound = _bound_names(tree)
        nodes: dict[type[ast.AST], list[ast.AST]] = {pattern.kind: [] for pattern in self._all_patterns()}
        for node in walk(tree):
            if type(node) in nodes:
                nodes[type(node)].append(node)
        weights = {}
        for one in self._wanted:
            pieces = [STRONG for name in one.names if name in bound]
            pieces += [_strength(nodes[pattern.kind], pattern) for pattern in self._patterns[one.number]]
            found = [piece for piece in pieces if piece]
            if found:
                weights[one.number] = max(found) + (1 if len(found) > 1 else 0)
        return weights

    def _all_patterns(self) -> Iterator[_Pattern]:
        return (pattern for patterns in self._patterns.values() for pattern in patterns)

    def _weights_by_spelling(self, source: str) -> dict[int, int]:
        squeezed = "".join(source.split())
        return {
            one.number: WEAK
            for one in self._wanted
            if any(pattern.spelling in squeezed for pattern in self._patterns[one.number])
            or any(_is_spelt_bound(name, source) for name in one.names)
        }


def _is_spelt_bound(name: str, source: str) -> bool:
    escaped = re.escape(name)
    return re.search(rf"^(?:def[ \t]+{escaped}[ \t]*\(|{escaped}[ \t]*=[^=])", source, re.MULTILINE) is not None


def _is_words(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _bound_names(tree: ast.Module) -> frozenset[str]:
    """Names that assignments and definitions outside of functions bind; not loop variables and imports."""
    names: set[str] = set()
    for statement in _outer_statements(tree.body):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Assign):
            names.update(name for target in statement.targets for name in _target_names(target))
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            names.update(_target_names(statement.target))
    return frozenset(names)


def _outer_statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    waiting = list(reversed(body))
    while waiting:
        statement = waiting.pop()
        yield statement
        if isinstance(statement, ast.If | ast.With | ast.Try | ast.For | ast.While):
            waiting.extend(reversed(statement.body))
            waiting.extend(getattr(statement, "orelse", []))


def _target_names(target: ast.expr) -> Iterator[str]:
    return (node.id for node in walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))


@remember_by_text
def _read_patterns(patterns: tuple[str, ...]) -> tuple[_Pattern, ...]:
    """Patterns that are Python, with $NAME for any expression and $$$ for any further ones; others tell nothing."""
    read = []
    for written in patterns:
        text = re.sub(r"\$\$\$[A-Z_]*", _REST, written)
        text = re.sub(r"\$([A-Z_]+)", rf"{_WILDCARD}\1", text)
        tree = parse_python(text.strip())
        if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
            continue
        expression = tree.body[0].value
        names = [node.id for node in walk(expression) if isinstance(node, ast.Name)]
        data = [name for name in names if name not in _MODULES and not name.startswith((_WILDCARD, _REST))]
        read.append(
            _Pattern(
                tree=expression,
                has_wildcards=text != written,
                variable=data[0] if data else None,
                spelling="".join(written.split()),
            )
        )
    return tuple(read)


def _strength(nodes: Sequence[ast.AST], pattern: _Pattern) -> int:
    found = 0
    for node in nodes:
        if _matches(node, pattern.tree, variable=None, seen={}):
            return WEAK if pattern.has_wildcards else STRONG
        if not found and pattern.variable and _matches(node, pattern.tree, variable=pattern.variable, seen={}):
            found = WEAK
    return found


def _matches(node: object, pattern: object, *, variable: str | None, seen: dict[str, str]) -> bool:
    """Compare along the pattern, whose size bounds the work however deep the student's code is."""
    if isinstance(pattern, ast.Name):
        if pattern.id.startswith((_WILDCARD, _REST)):
            return isinstance(node, ast.expr)
        if not isinstance(node, ast.Name):
            return False
        if pattern.id == variable:
            return seen.setdefault(variable, node.id) == node.id
        return node.id == pattern.id
    if isinstance(pattern, ast.AST):
        ignored = _IGNORED_FIELDS | {"keywords"} if _has_rest(getattr(pattern, "args", None)) else _IGNORED_FIELDS
        return type(node) is type(pattern) and all(
            _matches(getattr(node, name, None), value, variable=variable, seen=seen)
            for name, value in ast.iter_fields(pattern)
            if name not in ignored
        )
    if isinstance(pattern, list):
        return isinstance(node, list) and _matches_all(node, pattern, variable=variable, seen=seen)
    return type(node) is type(pattern) and node == pattern


def _matches_all(nodes: list[object], patterns: list[object], *, variable: str | None, seen: dict[str, str]) -> bool:
    if _has_rest(patterns):
        patterns = patterns[:-1]
        nodes = nodes[: len(patterns)]
    return len(nodes) == len(patterns) and all(
        _matches(node, pattern, variable=variable, seen=seen) for node, pattern in zip(nodes, patterns, strict=True)
    )


def _has_rest(patterns: object) -> bool:
    """Whether a list of patterns ends in $$$: anything may follow."""
    last = patterns[-1] if isinstance(patterns, list) and patterns else None
    return isinstance(last, ast.Name) and last.id.startswith(_REST)
