"""`grader member` and `grader course code`: the operator lets people in."""

import csv
import io
import re

import pytest

from grader.flow import accounts
from grader.flow.joining import NewAccount, join
from grader.settings import Settings
from grader.wiring import data_folder

pytestmark = pytest.mark.usefixtures("cheap_hashes")

PASSWORD = "correct horse 8"


@pytest.fixture
def open_stores(tmp_path):
    return lambda: data_folder.open_stores(Settings(data_folder=tmp_path / "data"))


@pytest.fixture
def night(grader):
    assert grader("course", "add", "night").status == 0


@pytest.fixture
def roster(tmp_path):
    file = tmp_path / "roster.csv"
    file.write_text("学籍番号,氏名\n1,山田 花子\n2,=HYPERLINK(1)\n", "cp932")
    return file


def secret_of(link):
    return link.strip().rpartition("/invitation/")[2]


def test_a_roster_is_shown_first_and_changes_nothing(grader, night, roster, open_stores):
    said = grader("member", "import", "night", roster)
    assert (said.status, said.out.splitlines()) == (
        0,
        [
            "added 1 山田 花子 1",
            "added 2 =HYPERLINK(1) 2",
            "2 added, 0 changed, 0 leave, 0 unchanged",
            "Nothing was changed yet. Use --apply to change it.",
        ],
    )
    with open_stores() as stores, stores.storage.reading() as tx:
        assert tx.people.find_by_login("1") is None


def test_a_roster_is_applied_and_each_newcomer_gets_a_link(grader, night, roster, open_stores):
    assert grader("member", "import", "night", roster, "--apply").status == 0
    said = grader("member", "links", "night", GRADER_PUBLIC_URL="https://grader.example.ac.jp/")
    heading, *rows = csv.reader(io.StringIO(said.out))
    assert heading == ["login", "name", "link"]
    assert [row[:2] for row in rows] == [["1", "山田 花子"], ["2", "'=HYPERLINK(1)"]]
    assert all(row[2].startswith("https://grader.example.ac.jp/invitation/") for row in rows)
    with open_stores() as stores:
        issued = accounts.accept_invitation(secret_of(rows[0][2]), PASSWORD, stores=stores)
        assert accounts.find_caller(issued.secret, stores=stores).person.login == "1"


def test_a_line_that_cannot_be_taken_is_told_and_nothing_applied(grader, night, tmp_path):
    file = tmp_path / "roster.csv"
    file.write_text("学籍番号,氏名\n1,山田 花子\n1,山田 太郎\n")
    said = grader("member", "import", "night", file, "--apply")
    assert said.status == 2
    assert "line 3: 1 is in line 2 already." in said.out
    assert said.err == "Nothing was changed, because lines need mending first: 1.\n"


def test_columns_are_named_where_they_have_other_headings(grader, night, tmp_path):
    file = tmp_path / "roster.csv"
    file.write_text("who,id\nAnn,a7\n")
    assert grader("member", "import", "night", file).status == 2
    said = grader("member", "import", "night", file, "--login", "id", "--name", "who")
    assert "added a7 Ann" in said.out


def test_a_link_is_printed_for_one_person(grader, night, open_stores):
    assert grader("member", "add", "night", "ann").status == 0
    said = grader("member", "link", "ann", GRADER_HOST="::1", GRADER_PORT="8080")
    assert said.out.startswith("http://[::1]:8080/invitation/")
    with open_stores() as stores:
        assert accounts.read_invitation(secret_of(said.out), stores=stores).person.login == "ann"
    assert grader("member", "link", "nobody").status == 2


def test_the_code_is_the_same_until_it_is_renewed_or_closed(grader, night):
    code = grader("course", "code", "night").out
    assert re.fullmatch(r"[2-9A-Z]{8}\n", code)
    assert grader("course", "code", "night").out == code
    assert grader("course", "code", "night", "--renew").out != code
    assert grader("course", "code", "night", "--close").out == ""


@pytest.mark.parametrize("answer", ["admit", "decline"])
def test_who_asks_to_join_is_answered(grader, night, open_stores, answer):
    code = grader("course", "code", "night").out.strip()
    new = NewAccount(login="dora", name="Dora", student_number="7", password=PASSWORD)
    with open_stores() as stores:
        issued = join(code, new, stores=stores)
    assert grader("member", "waiting", "night").out == "dora Dora 7 (roster: -)\n"
    assert grader("member", answer, "night", "dora").status == 0
    assert grader("member", "waiting", "night").out == ""
    assert grader("member", answer, "night", "dora").status == 2
    with open_stores() as stores:
        caller = accounts.find_caller(issued.secret, stores=stores)
    assert len(caller.memberships) == (1 if answer == "admit" else 0)
