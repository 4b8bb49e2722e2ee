"""Importing a roster: what it would change is told first, and nobody is ever deleted."""

import pytest

from grader.domain.people import Role
from grader.errors import Conflict, Forbidden, NotFound, RosterRefused
from grader.flow import accounts, people
from grader.flow.people import NewMember, add_member
from grader.flow.progress import list_members
from grader.flow.roster import import_roster, invite_newcomers, preview_roster

pytestmark = pytest.mark.usefixtures("cheap_hashes")

PASSWORD = "correct horse 8"
BOTH = "login,name,number\nann,ann,\nbob,bob,\n"


def preview(school, text=BOTH, **more):
    return preview_roster(text.encode(), course="demo", stores=school.stores, **more)


def bring(school, text=BOTH, **more):
    seen = preview(school, text).seen
    return import_roster(text.encode(), course="demo", seen=seen, stores=school.stores, **more)


def members(school):
    page = list_members("demo", caller=school.caller("eve"), stores=school.stores)
    return {
        each.person.login: (each.person.name, each.membership.role.value, each.membership.student_number)
        for each in page.items
    }


def problems(school, text):
    return [(each.line, each.note.code, each.note.facts) for each in preview(school, text).plan.problems]


def test_a_preview_tells_who_is_added_changed_and_left_and_changes_nothing(school):
    before = members(school)
    plan = preview(school, "login,name,number\nann,Ann Lee,7\ncarl,Carl,8\n").plan
    assert [line.login for line in plan.added] == ["carl"]
    assert [(each.before.person.login, each.line.name) for each in plan.changed] == [("ann", "Ann Lee")]
    assert [member.person.login for member in plan.left] == ["bob"]
    assert (plan.unchanged, plan.problems) == (0, ())
    assert members(school) == before


def test_an_import_does_what_the_preview_told(school):
    bring(school, "login,name,number\nann,Ann Lee,7\ncarl,Carl,8\n")
    assert members(school) == {
        "ann": ("Ann Lee", "student", "7"),
        "carl": ("Carl", "student", "8"),
        "ida": ("ida", "instructor", None),
        "tom": ("tom", "ta", None),
    }


def test_the_same_file_again_changes_nothing(school):
    text = "login,name,number\nann,Ann Lee,7\ncarl,Carl,8\n"
    bring(school, text)
    assert preview(school, text).plan.changes_nothing


def test_who_left_sees_nothing_keeps_everything_and_comes_back_as_before(school):
    submission = school.submit("bob").submission
    bring(school, "login,number\nann,\n")
    assert not school.caller("bob").memberships
    with school.stores.storage.reading() as tx:
        assert tx.submissions.get(submission.submission_id) == submission
    plan = preview(school).plan
    assert [(each.line.login, each.has_left) for each in plan.changed] == [("bob", True)]
    bring(school)
    assert [entry.role for entry in school.caller("bob").memberships] == [Role.STUDENT]


def test_staff_are_neither_made_students_nor_sent_away(school):
    bring(school, "login,name,number\nann,ann,\nbob,bob,\ntom,Thomas,99\n")
    assert (members(school)["tom"], members(school)["ida"]) == (("tom", "ta", None), ("ida", "instructor", None))


def test_a_file_without_numbers_or_names_takes_none_away(school):
    bring(school, "login,name,number\nann,Ann Lee,7\nbob,bob,\n")
    assert preview(school, "login\nann\nbob\n").plan.changes_nothing


def test_two_students_can_exchange_their_numbers(school):
    bring(school, "login,number\nann,1\nbob,2\n")
    bring(school, "login,number\nann,2\nbob,1\n")
    assert [members(school)[login][2] for login in ("ann", "bob")] == ["2", "1"]


def test_who_is_in_another_course_keeps_the_name_that_is_known_there(school):
    people.add_course("other", title="Other", stores=school.stores)
    add_member(NewMember(login="ann", name=""), course="other", stores=school.stores)
    assert preview(school, "login,name\nann,Somebody else\nbob,bob\n").plan.changes_nothing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("number,name\n,Ann\n", (2, "roster.no_login", {"login": ""}), id="no login"),
        pytest.param(
            "login\nann\nbob\nann\n", (4, "roster.login_twice", {"login": "ann", "line": 2}), id="a login twice"
        ),
        pytest.param(
            "login,number\nann,7\nbob,7\n", (3, "roster.number_twice", {"number": "7", "line": 2}), id="a number twice"
        ),
        pytest.param(
            "login,number\nann,7\nbob,5\nnew,9\n",
            (4, "roster.number_taken", {"number": "9", "login": "tom"}),
            id="a number of somebody whom the file lacks",
        ),
        pytest.param(
            "login,number\nann," + "7" * 65 + "\n", (2, "roster.long_number", {"most": 64}), id="a number without end"
        ),
    ],
)
def test_a_line_that_cannot_be_taken_is_named_and_stops_the_import(school, text, expected):
    add_member(NewMember(login="tom", name="", role=Role.TA, student_number="9"), course="demo", stores=school.stores)
    before = members(school)
    assert problems(school, text) == [expected]
    with pytest.raises(RosterRefused) as caught:
        bring(school, text)
    assert caught.value.reason == "has_problems"
    assert members(school) == before


def test_an_import_does_nothing_when_it_would_change_something_else_by_now(school):
    seen = preview(school).seen
    add_member(NewMember(login="carl", name=""), course="demo", stores=school.stores)
    with pytest.raises(Conflict):
        import_roster(BOTH.encode(), course="demo", seen=seen, stores=school.stores)
    assert "carl" in members(school)


@pytest.mark.parametrize(
    ("by", "error"), [("ida", None), ("eve", None), (None, None), ("tom", Forbidden), ("ann", Forbidden)]
)
def test_who_may_import_a_roster(school, by, error):
    caller = None if by is None else school.caller(by)
    if error is None:
        bring(school, by=caller)
    else:
        with pytest.raises(error):
            preview(school, by=caller)
        with pytest.raises(error):
            bring(school, by=caller)
        with pytest.raises(error):
            invite_newcomers("demo", stores=school.stores, by=caller)


def test_a_course_that_one_is_not_in_has_no_roster(school):
    people.add_course("secret", title="x", stores=school.stores)
    with pytest.raises(NotFound):
        preview_roster(b"login\nann\n", course="secret", stores=school.stores, by=school.caller("ida"))


def test_each_student_without_a_password_gets_a_link(school):
    bring(school, "login,number\nann,1\ncarl,2\n")
    link = accounts.invite("ann", stores=school.stores).secret
    accounts.accept_invitation(link, PASSWORD, stores=school.stores)
    (issued,) = invite_newcomers("demo", stores=school.stores, by=school.caller("ida"))
    assert issued.invitation.person.login == "carl"
    assert accounts.read_invitation(issued.secret, stores=school.stores) == issued.invitation


@pytest.mark.parametrize(("by", "expected"), [("ida", ["bob"]), ("eve", ["ann", "bob"]), (None, ["ann", "bob"])])
def test_a_teacher_gets_no_link_that_opens_another_course(school, by, expected):
    people.add_course("other", title="Other", stores=school.stores)
    add_member(NewMember(login="ann", name=""), course="other", stores=school.stores)
    issued = invite_newcomers("demo", stores=school.stores, by=None if by is None else school.caller(by))
    assert [each.invitation.person.login for each in issued] == expected


@pytest.mark.parametrize("name", ["x" * 201, "Carl\u202e"], ids=["too long", "turns what follows around"])
def test_a_name_that_cannot_be_shown_is_told_before_anything_changes(school, name):
    (problem,) = preview(school, f"login,name\nann,\nbob,\ncarl,{name}\n").plan.problems
    assert (problem.line, problem.note.code) == (4, "roster.no_name")
