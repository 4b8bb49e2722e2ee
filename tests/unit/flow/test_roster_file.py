"""A roster's bytes to its lines: whatever an office saves, and nothing that somebody made to hurt."""

import io
import zipfile
from contextlib import suppress
from datetime import datetime

import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grader.domain.roster import RosterColumns, RosterLine
from grader.errors import RosterRefused
from grader.flow import roster_file
from grader.flow.roster_file import read_roster

JAPANESE = "学籍番号,氏名,メールアドレス\n001,山田 花子,hanako@example.test\n002,髙橋 次郎,jiro@example.test\n"
HANAKO = RosterLine(line=2, login="hanako@example.test", name="山田 花子", student_number="001")
JIRO = RosterLine(line=3, login="jiro@example.test", name="髙橋 次郎", student_number="002")


def xlsx(*rows, title="名簿"):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(JAPANESE.encode(), id="UTF-8"),
        pytest.param(JAPANESE.encode("utf-8-sig"), id="UTF-8 with a mark"),
        pytest.param(JAPANESE.encode("cp932"), id="what Japanese Windows writes"),
        pytest.param(JAPANESE.encode("utf-16"), id="UTF-16"),
        pytest.param(JAPANESE.replace(",", "\t").encode("utf-16"), id="what Excel calls Unicode text"),
        pytest.param(JAPANESE.replace(",", ";").encode(), id="semicolons"),
        pytest.param(JAPANESE.replace("\n", "\r\n").encode(), id="lines of Windows"),
        pytest.param(xlsx(*(line.split(",") for line in JAPANESE.splitlines())), id="XLSX"),
    ],
)
def test_every_way_of_saving_gives_the_same_lines(data):
    file = read_roster(data)
    assert file.lines == (HANAKO, JIRO)
    assert file.headings == ("学籍番号", "氏名", "メールアドレス")
    assert file.columns == RosterColumns(login="メールアドレス", name="氏名", student_number="学籍番号")


@pytest.mark.parametrize(
    "headings",
    [
        "Login,Name,Student number",
        "login_id,Full Name,student-no",
        "E-mail,NAME,Student ID",
        "ＵｓｅｒＩＤ,氏　名,学生番号：",
        "ユーザー名,学生氏名,学 籍 番 号",
    ],
)
def test_columns_are_found_by_their_usual_names_however_they_are_written(headings):
    file = read_roster(f"{headings}\nann,Ann,7\n".encode())
    assert file.lines == (RosterLine(line=2, login="ann", name="Ann", student_number="7"),)


def test_columns_can_be_named():
    data = "No,番号,本名,ID\n1,7,Ann,a7\n".encode()
    columns = RosterColumns(login="ID", name="本名", student_number="番号")
    assert read_roster(data, columns=columns).lines == (RosterLine(line=2, login="a7", name="Ann", student_number="7"),)


@pytest.mark.parametrize(
    ("data", "headings"),
    [
        pytest.param(b"No,Class\n1,A\n", ["No", "Class"], id="neither login nor number"),
        pytest.param(b"\n\n", [], id="nothing"),
        pytest.param(b"", [], id="no bytes"),
    ],
)
def test_a_file_that_does_not_say_who_is_in_it_is_refused_with_its_headings(data, headings):
    with pytest.raises(RosterRefused) as caught:
        read_roster(data)
    assert (caught.value.reason, caught.value.facts) == ("no_columns", {"headings": headings})


def test_a_heading_that_was_named_must_be_there():
    with pytest.raises(RosterRefused) as caught:
        read_roster(b"login,name\nann,Ann\n", columns=RosterColumns(name="full name"))
    assert caught.value.reason == "no_columns"


def test_titles_above_the_headings_and_empty_lines_are_passed_over_and_lines_keep_their_place():
    data = "2026年度 機械学習\n,,\n学籍番号,氏名\n\n7,Ann\n,,\n8,Bob\n".encode()
    assert [(line.line, line.login) for line in read_roster(data).lines] == [(5, "7"), (7, "8")]


def test_who_has_no_login_signs_in_with_the_student_number():
    file = read_roster("学籍番号,氏名,メール\n００７ , Ann　Lee ,\n".encode())
    assert file.lines == (RosterLine(line=2, login="007", name="Ann Lee", student_number="007"),)


def test_a_line_with_a_name_alone_is_kept_so_that_somebody_mends_it():
    (line,) = read_roster("学籍番号,氏名\n,Ann\n".encode()).lines
    assert (line.login, line.name) == ("", "Ann")


def test_a_name_on_two_lines_of_a_cell_is_one_line():
    (line,) = read_roster(b'login,name\nann,"Ann\n Lee"\n').lines
    assert line.name == "Ann Lee"


def test_numbers_and_dates_in_cells_are_text_as_it_is_shown():
    data = xlsx(("学籍番号", "氏名"), (20260001, datetime(2026, 4, 1)), (2.0, 1.5), (None, None))
    assert [(line.login, line.name) for line in read_roster(data).lines] == [("20260001", "2026-04-01"), ("2", "1.5")]


def damaged_xlsx():
    whole = xlsx(("login",), ("ann",))
    return [
        pytest.param(whole[: len(whole) // 2], id="cut off"),
        pytest.param(b"PK\x03\x04", id="a beginning alone"),
        pytest.param(zipped({"a.txt": b"x"}), id="another zip"),
        pytest.param(zipped({"[Content_Types].xml": b"<x"}), id="broken XML"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), id="XLS"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(100), id="a picture"),
        pytest.param(b"login\n" + b"x" * 200_000, id="a cell without end"),
    ]


def zipped(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize("data", damaged_xlsx())
def test_what_is_no_roster_is_refused(data):
    with pytest.raises(RosterRefused) as caught:
        read_roster(data)
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"x" * (5 * 1024**2 + 1), "too_large", id="megabytes"),
        pytest.param(zipped({"xl/worksheets/sheet1.xml": bytes(21 * 1024**2)}), "too_large", id="a zip that swells"),
        pytest.param(b"login\n" + b"a\n" * 10_000, "too_many_lines", id="more lines than a university"),
    ],
)
def test_what_is_far_too_large_is_refused_before_it_is_read(data, reason):
    with pytest.raises(RosterRefused) as caught:
        read_roster(data)
    assert caught.value.reason == reason


def test_a_cell_far_below_is_not_a_million_lines():
    book = openpyxl.Workbook()
    book.active.append(("login",))
    book.active.append(("ann",))
    book.active.cell(row=1_048_576, column=16_384).value = "x"
    data = io.BytesIO()
    book.save(data)
    assert [line.login for line in read_roster(data.getvalue()).lines] == ["ann"]


@given(st.binary(max_size=300))
@example(b"login\n\xff\xfe")
def test_any_bytes_are_lines_or_refused(data):
    with suppress(RosterRefused):
        read_roster(data)


@given(at=st.integers(0), byte=st.integers(0, 255), whole=st.just(xlsx(("login", "name"), ("ann", "Ann"))))
def test_a_damaged_workbook_is_lines_or_refused(at, byte, whole):
    data = bytearray(whole)
    data[at % len(data)] = byte
    with suppress(RosterRefused):
        read_roster(bytes(data))


def test_every_field_has_usual_names_as_they_are_compared():
    for names in roster_file._USUAL.values():
        assert {roster_file._plain_heading(name) for name in names} == names
