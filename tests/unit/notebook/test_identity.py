"""Name and number from roll-call cells, without running them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.notebook import Cell, CellKind
from grader.notebook.identity import find_identity


def cells(*parts):
    return [
        Cell(index=index, kind=CellKind(kind), source=source, cell_id=f"c{index}")
        for index, (kind, source) in enumerate(parts)
    ]


def identity_of(*parts):
    hint = find_identity(cells(*parts))
    return hint.name, hint.student_number


COLAB_FORM = """#@title 出席 { run: "auto", display-mode: "form" }
import urllib.request
Name = '\\u5c71\\u7530 \\u82b1\\u5b50' #@param {type:"string"}
EName = 'YAMADA Hanako' #@param {type:"string"}
StudentID = '12345678' #@param {type:"string"}
addr = !cat /sys/class/net/eth0/address
"""

CODE = [
    pytest.param(COLAB_FORM, ("山田 花子", "12345678"), id="form of Colab with escapes"),
    pytest.param("氏名 = '山田'\n学籍番号 = 12345678", ("山田", "12345678"), id="Japanese names, number as int"),
    pytest.param("student_name = \"O'Hara\"\nstudent_id = 'a1'", ("O'Hara", "a1"), id="quotes of the other kind"),
    pytest.param("  name = 'Yamada';\n  student_no = 7", ("Yamada", "7"), id="plain name beside a number"),
    pytest.param("name = 'MNIST'", (None, None), id="plain name alone is the lecture's"),
    pytest.param("name = '山田' #@param", ("山田", None), id="plain name in a form field"),
    pytest.param("Name = ''\nStudentID = ''", (None, None), id="form not filled in"),
    pytest.param("Name = '　山田　 太郎\\t'", ("山田 太郎", None), id="spaces of all kinds"),
    pytest.param("StudentID = '１２３４'", (None, "1234"), id="full-width digits"),
    pytest.param("Name = 'a\\x00\\u202eb\\ud800'", ("ab\ufffd", None), id="control characters and a lone surrogate"),
    pytest.param("Name = '\\ud83d\\ude00'", ("😀", None), id="a surrogate pair in escapes"),
    pytest.param("Name = 'C:\\yamada'", (None, None), id="an escape that Python warns of"),
    pytest.param("Name = '" + "x" * 200 + "'", ("x" * 80, None), id="long name"),
    pytest.param("StudentID = " + "1" * 200, (None, "1" * 40), id="long number"),
    pytest.param("Name = '" + "x" * 500 + "'", (None, None), id="line too long for a name"),
    pytest.param("Name = input()\nStudentID = f'{x}'", (None, None), id="not a literal"),
    pytest.param("Name = 'a' + 'b'", (None, None), id="an expression"),
    pytest.param("EName = 'x'\nfilename = 'y'", (None, None), id="other names"),
    pytest.param("Name = 'first'\nName = 'second'", ("first", None), id="the first counts"),
    pytest.param("# 氏名: 山田\n# 学籍番号: 1234567\nx = 1", ("山田", "1234567"), id="comments"),
    pytest.param("print('氏名: 山田')", (None, None), id="printed words are no comment"),
    pytest.param("(" * 300 + "\nName = '山田'", ("山田", None), id="cell with a syntax error"),
]


@pytest.mark.parametrize(("source", "expected"), CODE)
def test_reads_code_without_running_it(source, expected):
    assert identity_of(("code", source)) == expected


MARKDOWN = [
    pytest.param("# 課題8\n学籍番号：１２３４５６７　氏名：山田　太郎", ("山田 太郎", "1234567"), id="one line"),
    pytest.param("- **氏名**: 山田太郎\n- **学籍番号**: a123-4567", ("山田太郎", "a123-4567"), id="bold list"),
    pytest.param("**氏名：** 山田", ("山田", None), id="colon inside the bold"),
    pytest.param("| 氏名 | 山田 |\n| 学籍番号 | 1234567 |", ("山田", "1234567"), id="table"),
    pytest.param("| 氏名 | 学籍番号 |\n|---|---|", (None, None), id="head of a table"),
    pytest.param("氏名（ふりがな）：山田（やまだ）", ("山田（やまだ）", None), id="label with a remark"),
    pytest.param("Name: Taro Yamada, Student ID: 12345", ("Taro Yamada", "12345"), id="English"),
    pytest.param("Name: Tensor", (None, None), id="English name alone may be anything"),
    pytest.param("名前: ReLU", (None, None), id="a thing's name"),
    pytest.param("名前: 山田\n学籍番号: 12345", ("山田", "12345"), id="a person's name"),
    pytest.param("氏名と学籍番号を書いてください", (None, None), id="an instruction"),
    pytest.param("学籍番号: ここに書く", (None, None), id="placeholder for the number"),
    pytest.param("氏名: <br>", (None, None), id="nothing but markup"),
    pytest.param("filename: a, username: b, student id: 12345", (None, "12345"), id="words that end in name"),
]


@pytest.mark.parametrize(("source", "expected"), MARKDOWN)
def test_reads_lines_of_text(source, expected):
    assert identity_of(("markdown", source)) == expected


def test_raw_cells_are_not_read():
    assert identity_of(("raw", "氏名: 山田")) == (None, None)


def test_assignments_count_before_text_and_earlier_cells_before_later():
    assert identity_of(
        ("markdown", "氏名: 文章\n学籍番号: 11111"),
        ("code", "Name = 'コード'"),
        ("code", "Name = '二番目'"),
    ) == ("コード", "11111")


@given(st.lists(st.tuples(st.sampled_from(["code", "markdown"]), st.text(st.characters()))))
def test_any_text_gives_a_hint_that_can_be_shown(parts):
    assert all(value is None or value.isprintable() for value in identity_of(*parts))


PIECES = st.sampled_from(
    ["Name", "氏名", "学籍番号", "StudentID", " = ", ":", "'", '"', "\\", "u3042", "\\ud800", "#@param", "|", "\n", "7"]
)


@given(st.lists(PIECES, max_size=12).map("".join), st.sampled_from(["code", "markdown"]))
def test_any_roll_call_gives_a_hint_that_can_be_shown(source, kind):
    name, number = identity_of((kind, source))

    assert all(value is None or (value.isprintable() and value.encode()) for value in (name, number))


def test_roll_call_at_the_end_of_a_whole_lecture_is_found():
    lecture = [("code", f"layer_{number} = 1\nprint(__name__)") for number in range(150)]

    assert identity_of(*lecture, ("markdown", "氏名: 山田　学籍番号: 12345")) == ("山田", "12345")


def test_data_around_a_roll_call_does_not_hide_it():
    data = ("code", "\n" * 10**6 + "names = " + "9, " * 10**6)

    assert identity_of(*[data] * 5, ("code", "Name = '山田'"), *[data] * 5) == ("山田", None)
