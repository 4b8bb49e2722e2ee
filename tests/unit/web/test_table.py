"""The table's page and its files: sorted, narrowed down, and the same rows wherever they are read."""

import csv
import io
import re
from html import unescape

import pytest
from openpyxl import load_workbook
from school import notebook_bytes

from grader.flow import people

ADDRESS = "/courses/demo/table"


@pytest.fixture
def graded(school):
    """Ann has 15 points, bob 5 and was late; cat handed in nothing, dan's name is a formula."""
    for login, name, number in (("cat", "ねこ 太郎", "A1"), ("dan", "=1+1", None)):
        new = people.NewMember(login=login, name=name, student_number=number)
        people.add_member(new, course="demo", stores=school.stores)
    school.submit("ann")
    school.submit("bob", notebook_bytes(x=1, y=4))
    school.work_off()
    return school


def rows_of(answer):
    """Every row as texts, its marks taken out."""
    assert answer.status_code == 200, answer.text
    body = answer.text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [
            re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", cell))).strip()
            for cell in re.split(r"</t[hd]>", row)[:-1]
        ]
        for row in body.split("</tr>")[:-1]
    ]


def names_of(answer):
    return [row[0] for row in rows_of(answer)]


@pytest.mark.parametrize(
    ("language", "missing", "pending"),
    [("en", "not handed in", "15 (+5)"), ("ja", "未提出", "15 （+5）")],
)
def test_not_handed_in_is_told_apart_from_no_points(graded, enter_as, language, missing, pending):
    rows = {row[0]: row for row in rows_of(enter_as("tom", language).get(ADDRESS))}

    assert rows["ねこ 太郎"][3] == missing
    assert rows["ann"][2:4] == [pending, pending]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param("sort=total&order=down", ["ann", "bob", "ねこ 太郎", "=1+1"], id="the best first"),
        pytest.param("sort=assignment&assignment=tiny", ["bob", "ann", "ねこ 太郎", "=1+1"], id="by an assignment"),
        pytest.param("sort=assignment&assignment=", ["ねこ 太郎", "ann", "bob", "=1+1"], id="by none: by number"),
        pytest.param("state=not_handed_in&assignment=&q=", ["ねこ 太郎", "=1+1"], id="as the form sends it"),
        pytest.param("q=%E3%81%AD%E3%81%93", ["ねこ 太郎"], id="searched"),
    ],
)
def test_an_address_says_what_to_show(graded, enter_as, query, names):
    assert names_of(enter_as("tom").get(f"{ADDRESS}?{query}")) == names


def test_headings_sort_from_either_end_and_keep_the_search(graded, enter_as):
    browser = enter_as("tom")

    def follow(page, heading):
        (address,) = re.findall(rf'<a href="([^"]+)">{heading}', page.text)
        return browser.get(unescape(address))

    page = follow(browser.get(f"{ADDRESS}?q=n"), "Total")
    assert names_of(page) == ["ann", "=1+1"]
    assert 'aria-sort="descending"' in page.text
    assert 'value="n"' in page.text
    assert names_of(follow(page, "Total<span")) == ["ann", "=1+1"]
    assert names_of(follow(page, "Login")) == ["ann", "=1+1"]


@pytest.mark.parametrize(
    "query", ["sort=nothing", "order=sideways", "state=lost", "assignment=other", "page=0", "page=x", "q=" + "a" * 201]
)
def test_what_no_address_means_is_refused(graded, enter_as, query):
    assert enter_as("tom").get(f"{ADDRESS}?{query}").status_code == 422


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "drops the zeros at the front"), ("ja", "先頭の0が消えます")],
    ids=["english", "japanese"],
)
def test_the_file_that_keeps_student_numbers_stands_first_and_the_other_says_why(enter_as, language, words):
    page = enter_as("tom", language).get(ADDRESS).text

    assert page.index("table.xlsx") < page.index("table.csv") < page.index(words)


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}.csv", f"{ADDRESS}.xlsx"])
def test_it_is_for_staff(school, enter_as, address):
    people.create_person("sam", name="Sam", stores=school.stores)
    assert [enter_as(login).get(address).status_code for login in ("ann", "sam", "ida")] == [403, 404, 200]


def test_files_have_the_rows_that_are_asked_for(graded, enter_as):
    browser = enter_as("tom", "ja")
    page = browser.get(f"{ADDRESS}?sort=login&state=not_handed_in&page=9")
    as_csv, as_xlsx = (
        browser.get(unescape(re.findall(rf'href="({re.escape(ADDRESS)}\.{kind}[^"]*)"', page.text)[0]))
        for kind in ("csv", "xlsx")
    )

    lines = list(csv.reader(io.StringIO(as_csv.content.decode("utf-8-sig"), newline="")))
    assert [line[1] for line in lines] == ["氏名", "ねこ 太郎", "'=1+1"]
    assert as_csv.headers["content-disposition"] == 'attachment; filename="demo.csv"'
    sheet = load_workbook(io.BytesIO(as_xlsx.content)).active
    assert [row[1] for row in sheet.iter_rows(values_only=True)] == ["氏名", "ねこ 太郎", "'=1+1"]


def test_pages_lead_to_each_other(school, enter_as):
    for number in range(60):
        new = people.NewMember(login=f"s{number:02}", name=f"Student {number:02}", student_number=f"{number:02}")
        people.add_member(new, course="demo", stores=school.stores)
    browser = enter_as("tom")

    first = browser.get(f"{ADDRESS}?sort=login")
    (address,) = re.findall(r'<a href="([^"]+)" rel="next">', first.text)
    second = browser.get(unescape(address))

    assert "Page 2 of 2" in second.text
    assert len(names_of(first)) + len(names_of(second)) == 62
    assert 'rel="prev"' in second.text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param("", "There are no students", id="an empty course"),
        pytest.param("q=nobody", "No student", id="found"),
    ],
)
def test_an_empty_table_says_what_to_do(school, enter_as, query, words):
    people.add_course("empty", title="Empty", stores=school.stores)
    course = "demo" if query else "empty"
    assert words in enter_as("eve").get(f"/courses/{course}/table?{query}").text
