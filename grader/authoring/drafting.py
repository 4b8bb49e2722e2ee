"""A solved notebook as a draft of an assignment: questions, checks for what they define and show, points, and YAML."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import yaml

from grader.authoring.notebook_file import WrittenCell, as_ipynb
from grader.authoring.sections import Section, split_sections
from grader.domain.notebook import CellKind, Notebook
from grader.domain.python import walk
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.grading.syntax import function_names, imported_names, parse_leniently, top_level_names
from grader.notebook.headings import LabelKind
from grader.notebook.magics import plain_python
from grader.notebook.marks import find_marks, split_lines

Settings: TypeAlias = "str | int | dict[str, Any]"
"""What stands behind a kind in the YAML."""

TOTAL_POINTS = 100
_MOST_QUESTIONS = 50
_MOST_VALUES = 6
_RUBRIC_POINTS = 1
_LONGEST_TITLE = 200
_TITLES = (LabelKind.HOMEWORK, LabelKind.SECTION)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One question that may come of a section."""

    number: int
    """From 1; the draft's own, whatever the notebook counted."""
    title: str
    prompt: str
    answer: str
    """The author's words after the code."""
    has_number: bool
    """Its heading names a question, so that words below its code are an answer; in a lecture they are the lecture."""
    code_cells: tuple[int, ...]
    source: str
    """Of these cells, as plain Python."""

    @property
    def value_names(self) -> tuple[str, ...]:
        """Variables the section binds, loop counters aside, the last ones first."""
        tree = parse_leniently(self.source)
        loop_targets = {
            node.id
            for loop in walk(tree)
            if isinstance(loop, ast.For | ast.comprehension)
            for node in walk(loop.target)
            if isinstance(node, ast.Name)
        }
        others = imported_names(tree) | set(function_names(tree)) | loop_targets
        names = [name for name in top_level_names(tree) if name not in others and not name.startswith("_")]
        return tuple(reversed(names))

    @property
    def functions(self) -> Mapping[str, int]:
        """Functions the section defines with `def`, and how many arguments each must be given."""
        found = {}
        for node in parse_leniently(self.source).body:
            if isinstance(node, ast.FunctionDef) and not (node.args.vararg or node.args.kwarg or node.args.kwonlyargs):
                wanted = len(node.args.posonlyargs) + len(node.args.args) - len(node.args.defaults)
                if 1 <= wanted <= 3:
                    found[node.name] = wanted
        return found


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What running the notebook showed of one candidate, the same in every run."""

    values: tuple[str, ...] = ()
    """Names with a value that can be compared."""
    gradients: tuple[str, ...] = ()
    """Names with a `.grad`."""
    functions: tuple[str, ...] = ()
    """Functions that take plain numbers."""
    derivable: tuple[str, ...] = ()
    """Those of them that autograd can differentiate."""
    figures: int = 0
    shows_text: bool = False


@dataclass(frozen=True, kw_only=True)
class DraftCheck:
    """One proposed check; its id is what the assignment's reader will call it."""

    kind: str
    settings: Settings


@dataclass(frozen=True, kw_only=True)
class DraftQuestion:
    candidate: Candidate
    checks: tuple[DraftCheck, ...]

    @property
    def check_ids(self) -> tuple[str, ...]:
        """value, value-2, ...: as the reader of the format numbers several of a kind."""
        counts: dict[str, int] = {}
        ids = []
        for check in self.checks:
            counts[check.kind] = counts.get(check.kind, 0) + 1
            ids.append(check.kind if counts[check.kind] == 1 else f"{check.kind}-{counts[check.kind]}")
        return tuple(ids)

    def without(self, check_ids: frozenset[str]) -> "DraftQuestion":
        kept = tuple(check for name, check in zip(self.check_ids, self.checks, strict=True) if name not in check_ids)
        return replace(self, checks=kept)


def find_candidates(notebook: Notebook) -> tuple[Candidate, ...]:
    """Every section with code, and every question of words alone; at most 50."""
    found: list[Candidate] = []
    for section in split_sections(notebook):
        if _is_candidate(section):
            source = "\n".join(plain_python(notebook.cells[index].source) for index in section.code_cells)
            title = "" if section.heading is None else section.heading.title.strip()
            candidate = Candidate(
                number=len(found) + 1,
                title=title,
                prompt=section.prompt,
                answer=section.answer,
                has_number=bool(section.heading and section.heading.numbers),
                code_cells=tuple(section.code_cells),
                source=source,
            )
            found.append(candidate)
    return tuple(found[:_MOST_QUESTIONS])


def _is_candidate(section: Section) -> bool:
    if section.heading is None:
        return False
    return bool(section.code_cells or (section.heading.numbers and section.prompt))


def propose(candidate: Candidate, seen: Seen) -> DraftQuestion:
    """A check for each variable, function, gradient, figure and print; words where the author wrote an answer."""
    values = [name for name in seen.values if name not in seen.gradients and name not in seen.functions]
    checks = [DraftCheck(kind="value", settings=name) for name in reversed(values[:_MOST_VALUES])]
    for name in seen.functions:
        wanted = candidate.functions[name]
        drawn: dict[str, Any] = {"uniform": [-2, 2]}
        inputs = [drawn | {"times": 5}] if wanted == 1 else [{"arguments": [drawn] * wanted, "times": 5}]
        settings: dict[str, Any] = {"name": name, "inputs": inputs}
        checks.append(
            DraftCheck(kind="function", settings=settings | ({"gradient": True} if name in seen.derivable else {}))
        )
    if seen.gradients:
        of = seen.gradients[0] if len(seen.gradients) == 1 else list(seen.gradients)
        checks.append(DraftCheck(kind="gradient", settings={"of": of}))
    if seen.figures:
        checks.append(DraftCheck(kind="figure", settings=seen.figures))
    if seen.shows_text:
        checks.append(DraftCheck(kind="output", settings="reference"))
    if (candidate.answer and candidate.has_number and checks) or not candidate.code_cells:
        checks.append(DraftCheck(kind="written", settings={}))
    return DraftQuestion(candidate=candidate, checks=tuple(checks))


def title_of(notebook: Notebook) -> str | None:
    """The homework's own heading (課題8), else the notebook's first one."""
    marks = [mark for mark in find_marks(notebook, ()) if mark.line >= 0 and mark.label.kind in _TITLES]
    marks.sort(key=lambda mark: _TITLES.index(mark.label.kind))
    for mark in marks:
        title = split_lines(notebook.cells[mark.cell].source)[mark.line].strip("#* \t")
        if title:
            return title[:_LONGEST_TITLE]
    return None


def language_of(notebook: Notebook) -> Language:
    """The language of its Markdown: Japanese as soon as there is any kana or kanji."""
    text = "".join(cell.source for cell in notebook.cells if cell.kind is not CellKind.CODE)
    return Language.JA if any("\u3040" <= letter <= "\u9fff" for letter in text) else Language.EN


def write_reference(notebook: Notebook, questions: Sequence[DraftQuestion]) -> bytes:
    """The notebook as a reference: each question under a heading of its own, without the cells that are empty."""
    language = language_of(notebook)
    by_first = {}
    owned: set[int] = set()
    for number, question in enumerate(questions, start=1):
        owned |= set(question.candidate.code_cells)
        by_first[number] = question.candidate
    cells: list[WrittenCell] = []
    outside = [cell for cell in notebook.code_cells if cell.index not in owned and cell.source.strip()]
    for number, candidate in by_first.items():
        first = min(candidate.code_cells, default=None)
        before = [cell for cell in outside if first is not None and cell.index < first]
        outside = [cell for cell in outside if cell not in before]
        cells.extend(_set_up(before, after_question=number > 1, language=language))
        label = sentence(Note(code="template.label", facts={"number": number}), language)
        head = f"## {label} {candidate.title}".rstrip()
        cells.append(WrittenCell(kind=CellKind.MARKDOWN, source=head))
        for index in candidate.code_cells:
            if notebook.cells[index].source.strip():
                cells.append(WrittenCell(kind=CellKind.CODE, source=notebook.cells[index].source))
        answer = candidate.answer
        if not answer and not candidate.code_cells:
            answer = sentence(Note(code="draft.no_answer"), language)
        if answer:
            cells.append(WrittenCell(kind=CellKind.MARKDOWN, source=answer))
    cells.extend(_set_up(outside, after_question=bool(by_first), language=language))
    return as_ipynb(cells)


def _set_up(cells: Sequence[Any], *, after_question: bool, language: Language) -> list[WrittenCell]:
    """Code of no question; under a heading of its own where it would otherwise belong to the question before it."""
    if not cells:
        return []
    heading = WrittenCell(kind=CellKind.MARKDOWN, source=f"# {sentence(Note(code='draft.set_up'), language)}")
    code = [WrittenCell(kind=CellKind.CODE, source=cell.source) for cell in cells]
    return [heading, *code] if after_question else code


def write_spec(title: str, questions: Sequence[DraftQuestion], *, language: Language) -> bytes:
    """The assignment's YAML in the notebook's language, with a share of 100 points for each question."""
    share, rest = divmod(TOTAL_POINTS, max(len(questions), 1))
    languages = _InLine([language.value])
    written: dict[str, Any] = {"title": title, "languages": languages, "points": TOTAL_POINTS, "questions": {}}
    for number, question in enumerate(questions, start=1):
        points = share + (rest if number == len(questions) else 0)
        written["questions"][f"q{number}"] = _question(question, points=points, language=language)
    body = yaml.dump(written, Dumper=_BlockDumper, allow_unicode=True, sort_keys=False, width=100)
    return f"{sentence(Note(code='draft.head'), language)}\n{body}".encode()


def _question(question: DraftQuestion, *, points: int, language: Language) -> dict[str, Any]:
    candidate = question.candidate
    kinds: dict[str, list[Settings]] = {}
    for check in question.checks:
        kinds.setdefault(check.kind, []).append(check.settings)
    has_words = kinds.pop("written", None) is not None
    entry: dict[str, Any] = {"title": candidate.title} if candidate.title else {}
    entry["prompt"] = candidate.prompt or _made_prompt(question, language)
    entry |= {kind: _InLine(settings[0] if len(settings) == 1 else settings) for kind, settings in kinds.items()}
    for_words = 0
    if has_words:
        for_words = points if not kinds else min(_RUBRIC_POINTS, points - 1)
        item = {"points": for_words, "text": sentence(Note(code="draft.rubric"), language)}
        entry["written"] = {"rubric": [item]}
        if candidate.answer:
            entry["written"]["model_answer"] = candidate.answer
    if kinds:
        entry["points"] = points - for_words
    return entry


def _made_prompt(question: DraftQuestion, language: Language) -> str:
    """What the section asks for, where the author wrote no words before its code."""
    names = [str(check.settings) for check in question.checks if check.kind == "value"]
    names += [str(check.settings["name"]) for check in question.checks if check.kind == "function"]  # type: ignore[index]  # as proposed
    code = "draft.prompt_names" if names else "draft.prompt_shown"
    spelt = ", ".join(f"`{name}`" for name in names)
    return sentence(Note(code=code, facts={"names": spelt, "title": question.candidate.title or "…"}), language)


@dataclass(frozen=True)
class _InLine:
    """Written in one line: `value: [x, y]`."""

    content: Any


class _BlockDumper(yaml.SafeDumper):
    """Writes text of several lines as a block, as people do, and settings in one line."""

    def ignore_aliases(self, data: object) -> bool:
        """Equal parts are written out: an alias would puzzle whoever edits one of them."""
        return True


def _in_line(dumper: yaml.SafeDumper, wrapped: _InLine) -> yaml.Node:
    node = dumper.represent_data(wrapped.content)
    waiting: list[Any] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, yaml.CollectionNode):
            part.flow_style = True
            waiting.extend(part.value)
        elif isinstance(part, tuple):
            waiting.extend(part)
    return node


def _as_block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    tidy = "\n".join(line.rstrip() for line in text.expandtabs(4).split("\n"))
    style = "|" if "\n" in tidy else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", tidy, style=style)


_BlockDumper.add_representer(str, _as_block)
_BlockDumper.add_representer(_InLine, _in_line)
