"""Headings whose number is a slip: one number twice, the next one nowhere."""

import pytest

from grader.domain.ids import QuestionId
from grader.domain.location import Wanted
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.notebook.locate import locate

CODE = {1: "t = 1", 2: "t.size()", 3: "print(t[:, -1, :])", 4: "print(t[:-1:])", 5: "print(t[0:-1:1])", 6: "f = 1"}
WANTED = tuple(
    Wanted(question_id=QuestionId(f"q{number}"), number=number, names=names, patterns=patterns)
    for number, names, patterns in (
        (1, ("t",), ()),
        (2, (), ()),
        (3, (), ("t[:, -1, :]",)),
        (4, (), ("t[:-1:]",)),
        (5, (), ()),
        (6, ("f",), ()),
    )
)


def find(*sections, heading="## 問題{}"):
    """Cells that answer each question, by its number, and the notes on it; a section is (number, code) or a heading."""
    cells = []
    for title, source in sections:
        words = heading.format(title) if isinstance(title, int) else title
        cells.append(Cell(index=len(cells), cell_id=f"c{len(cells)}", kind=CellKind.MARKDOWN, source=words))
        if source:
            cells.append(Cell(index=len(cells), cell_id=f"c{len(cells)}", kind=CellKind.CODE, source=source))
    location = locate(Notebook(cells=tuple(cells)), WANTED)
    by_number = {one.number: location.answers[one.question_id] for one in WANTED}
    code = {n: [cells[at].source for at in answer.code_cells] for n, answer in by_number.items()}
    notes = {
        n: [note for note in answer.notes if note.code == "locate.heading_slipped"] for n, answer in by_number.items()
    }
    return code, notes


def sections(*numbers, code=CODE):
    """One section per heading; the code is that of the questions in their order."""
    return list(zip(numbers, list(code.values())[: len(numbers)], strict=True))


@pytest.mark.parametrize(
    ("numbers", "meant"),
    [
        pytest.param((1, 2, 3, 3, 5, 6), 4, id="the next one is left out"),
        pytest.param((1, 2, 4, 4, 5, 6), 3, id="the one before is left out"),
        pytest.param((1, 2, 2, 4, 5, 6), 3, id="nothing told of the question by its code"),
        pytest.param((1, 1, 3, 4, 5, 6), 2, id="the first one twice"),
        pytest.param((1, 2, 3, 4, 5, 5), 6, id="the last one, and its code says so"),
        pytest.param((2, 2, 3, 4, 5, 6), 1, id="the first one is left out"),
    ],
)
@pytest.mark.parametrize("heading", ["## 問題{}", "**問題{}**", "# Question {}"])
def test_of_two_headings_with_one_number_one_means_the_question_left_out(numbers, meant, heading) -> None:
    code, notes = find(*sections(*numbers), heading=heading)
    assert code == {number: [source] for number, source in CODE.items()}
    assert [number for number, told in notes.items() if told] == [meant]
    written = next(number for number in numbers if numbers.count(number) == 2)
    cell = 2 * meant - 1
    assert dict(notes[meant][0].facts) == {"cell": cell, "number": meant, "written": written}


def test_without_any_evidence_the_order_decides() -> None:
    plain = {number: f"print({number})" for number in CODE}
    code, _ = find(*sections(1, 2, 3, 3, 5, 6, code=plain))
    assert (code[3], code[4]) == (["print(3)"], ["print(4)"])


@pytest.mark.parametrize(
    "given",
    [
        pytest.param([*sections(1, 2, 3), (3, CODE[3]), (5, CODE[5]), (6, CODE[6])], id="the same answer once more"),
        pytest.param([*sections(1, 2, 3), (3, "a = 1"), (3, "b = 2"), (5, CODE[5])], id="three times"),
        pytest.param([*sections(1, 2, 3, 4, 5, 6), (6, "f = 2")], id="nothing is left out"),
        pytest.param([*sections(1, 2, 3, 4), (5, "a = 1"), (5, "b = 2")], id="the last two, without evidence"),
        pytest.param(
            [*sections(1, 2), ("## 問題3", ""), (3, CODE[3]), (5, CODE[5]), (6, CODE[6])], id="prompt, then answer"
        ),
        pytest.param([*sections(1, 2, 3), ("## 問題3（やり直し）", CODE[4]), (5, CODE[5])], id="said to be once more"),
        pytest.param([*sections(1, 2, 3), ("### 問題3", CODE[4]), (5, CODE[5])], id="a heading below the other"),
        pytest.param([*sections(1, 2), (3, CODE[3]), (5, CODE[5]), (3, CODE[4]), (6, CODE[6])], id="not neighbours"),
    ],
)
def test_other_repetitions_are_left_as_they_are(given) -> None:
    _, notes = find(*given)
    assert not any(notes.values())
