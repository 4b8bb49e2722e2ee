"""The table as a file: what a spreadsheet opens is what staff saw, and nothing in it runs."""

import csv
import io
from dataclasses import replace

import pytest
from openpyxl import load_workbook
from school import notebook_bytes

from grader.domain.overview import Sums
from grader.domain.people import Role
from grader.domain.text import Language
from grader.flow import people
from grader.flow.sheet import make_lines, write_csv, write_xlsx
from grader.flow.table import Cell, CellState, SortBy, TableQuery, read_table

HEADING = ["学籍番号", "氏名", "ログイン名", "小さな課題（20 点）", "合計", "未確定の点"]


def enrol(school, login, *, name, number=None):
    new = people.NewMember(login=login, name=name, role=Role.STUDENT, student_number=number)
    people.add_member(new, course="demo", stores=school.stores)


def read(school):
    query = TableQuery(sort=SortBy.LOGIN, size=None)
    return read_table("demo", query=query, caller=school.caller("tom"), stores=school.stores)


def lines_of_csv(school, language=Language.JA):
    return list(csv.reader(io.StringIO(write_csv(read(school), language=language).decode("utf-8-sig"), newline="")))


def cells_of_xlsx(school, language=Language.JA):
    return list(load_workbook(io.BytesIO(write_xlsx(read(school), language=language))).active.iter_rows())


def test_the_file_says_what_the_table_says(school):
    enrol(school, "cat", name="ねこ", number="001")
    school.submit("ann", notebook_bytes(x=3, y=5))
    school.work_off()
    school.submit("bob")
    expected = [
        HEADING,
        ["", "ann", "ann", "10", "10", "5"],
        ["", "bob", "bob", "採点待ち", "0", "0"],
        ["001", "ねこ", "cat", "未提出", "0", "0"],
    ]
    assert lines_of_csv(school) == expected
    in_xlsx = [[cell.value for cell in row] for row in cells_of_xlsx(school)]
    assert [["" if each is None else str(each) for each in row] for row in in_xlsx] == expected
    assert in_xlsx[1][3:] == [10, 10, 5]
    assert in_xlsx[3][0] == "001"


@pytest.mark.parametrize(
    ("sums", "entry"),
    [
        pytest.param(Sums(score=0, decided=0, pending=20, points=20), "未確定", id="nothing is decided"),
        pytest.param(Sums(score=0, decided=5, pending=15, points=20), 0, id="some of it is lost"),
        pytest.param(Sums(score=0, decided=0, pending=0, points=0), 0, id="there was nothing to earn"),
    ],
)
def test_points_that_wait_are_no_zero(school, sums, entry):
    table = read(school)
    first, *others = table.rows
    state = CellState.PENDING if sums.pending else CellState.DECIDED
    cells = (Cell(state=state, sums=sums), *first.cells[1:])

    lines = make_lines(replace(table, rows=(replace(first, cells=cells), *others)), language=Language.JA)

    assert lines[1][3] == entry


def test_the_file_speaks_the_readers_language(school):
    expected = ["Student number", "Name", "Login", "Tiny (20 points)", "Total", "Points pending"]
    assert lines_of_csv(school, Language.EN)[0] == expected
    assert [cell.value for cell in cells_of_xlsx(school, Language.EN)[0]] == expected


def test_excel_takes_the_csv_for_utf_8(school):
    data = write_csv(read(school), language=Language.JA)
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == data.count(b"\n") == 3


@pytest.mark.parametrize(
    "name",
    [
        *('=HYPERLINK("http://evil.example","x")', "+1+1", "-1+1", "@SUM(A1)"),
        *("\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\u3000=1+1"),
        *("＝1+1", "＋1", "－1", "＠SUM(A1)", "\x0b=1+1"),
    ],
)
def test_a_name_is_never_a_formula(school, name):
    enrol(school, "cat", name=name)
    in_csv, in_xlsx = lines_of_csv(school)[3][1], cells_of_xlsx(school)[3][1]
    assert in_csv.startswith(("'", "\ufffd"))
    assert in_xlsx.data_type == "s"
    assert in_xlsx.value.startswith(("'", "\ufffd"))


@pytest.mark.parametrize("name", ["O'Neil", "x=1", "山田 - 太郎", "a@b.example", "\x00\x1b[31m"])
def test_other_names_stay_as_they_are(school, name):
    enrol(school, "cat", name="Cat")
    # Stored as it is: signs that steer a terminal are refused today, and an older name may have some.
    with school.stores.storage.writing() as tx:
        tx.people.rename(tx.people.find_by_login("cat").person_id, name=name)
    shown = name.replace("\x00", "\ufffd").replace("\x1b", "\ufffd")
    assert lines_of_csv(school)[3][1] == cells_of_xlsx(school)[3][1].value == shown


def test_a_number_below_zero_would_stay_a_number(school):
    """Only text is neutralised: a spreadsheet must be able to add up the scores."""
    school.submit("ann", notebook_bytes(x=3, y=5))
    school.work_off()
    assert [cell.data_type for cell in cells_of_xlsx(school)[1]][3:] == ["n", "n", "n"]
