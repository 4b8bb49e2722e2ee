"""People, courses, members and tokens: who may do what, and what a token lets through."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from grader.domain.people import Role, TokenId
from grader.errors import Conflict, Forbidden, InvalidRequest, NotFound, NotSignedIn
from grader.flow import people
from grader.flow.people import NewMember


def test_a_token_tells_who_shows_it(school):
    caller = school.caller("tom")
    assert caller.person.login == "tom"
    assert [entry.role for entry in caller.memberships] == [Role.TA]
    assert not caller.person.is_admin


def test_a_secret_is_kept_nowhere(school, tmp_path):
    issued = people.make_token("ann", label="laptop", stores=school.stores)
    with school.stores.storage.reading() as tx:
        rows = tx.connection.execute(sa.text("SELECT * FROM tokens")).all()
    assert not any(issued.secret in str(row) for row in rows)
    assert not any(issued.secret.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "secret",
    ["", "grd_", "nonsense", "grd_" + "A" * 43, "\ud800"],
    ids=["empty", "prefix", "words", "form", "surrogate"],
)
def test_an_unknown_token_signs_nobody_in(school, secret):
    with pytest.raises(NotSignedIn):
        people.authenticate(secret, stores=school.stores)


def test_a_token_ends_when_it_expires(school):
    issued = people.make_token("ann", label="short", stores=school.stores, lifetime_s=60)
    school.clock.pass_s(59)
    people.authenticate(issued.secret, stores=school.stores)
    school.clock.pass_s(1)
    with pytest.raises(NotSignedIn):
        people.authenticate(issued.secret, stores=school.stores)


def test_a_revoked_token_signs_nobody_in_and_stays_revoked_since_then(school):
    issued = people.make_token("ann", label="lost", stores=school.stores)
    people.revoke_token(issued.token.token_id, stores=school.stores)
    revoked_at = school.clock.now()
    school.clock.pass_s(60)
    people.revoke_token(issued.token.token_id, stores=school.stores)
    with pytest.raises(NotSignedIn):
        people.authenticate(issued.secret, stores=school.stores)
    with school.stores.storage.reading() as tx:
        assert tx.tokens.find(issued.token.token_id).revoked_at == revoked_at


def test_people_revoke_their_own_tokens_and_admins_everyones(school):
    issued = people.make_token("ann", label="a", stores=school.stores)
    with pytest.raises(NotFound):
        people.revoke_token(issued.token.token_id, stores=school.stores, by=school.caller("bob"))
    people.revoke_token(issued.token.token_id, stores=school.stores, by=school.caller("ann"))
    again = people.make_token("ann", label="b", stores=school.stores)
    people.revoke_token(again.token.token_id, stores=school.stores, by=school.caller("eve"))
    with pytest.raises(NotFound):
        people.revoke_token(TokenId("none"), stores=school.stores)


@pytest.mark.parametrize(
    ("by", "login", "error"),
    [
        pytest.param(None, "eve", None, id="the operator for anyone"),
        pytest.param("eve", "ann", None, id="an admin for anyone"),
        pytest.param("ida", "ann", None, id="an instructor for a student of the course"),
        pytest.param("ida", "ida", None, id="an instructor for herself"),
        pytest.param("tom", "tom", None, id="a TA for himself"),
        pytest.param("ida", "tom", Forbidden, id="an instructor not for other staff"),
        pytest.param("ida", "eve", NotFound, id="an instructor not for who is in none of her courses"),
        pytest.param("tom", "ann", NotFound, id="a TA not for others"),
        pytest.param("ann", "ann", Forbidden, id="a student not even for herself"),
        pytest.param("ann", "bob", NotFound, id="a student not for others"),
        pytest.param(None, "nobody", NotFound, id="nobody for who does not exist"),
    ],
)
def test_who_may_issue_a_token_for_whom(school, by, login, error):
    caller = None if by is None else school.caller(by)
    if error is None:
        people.make_token(login, label="x", stores=school.stores, by=caller)
    else:
        with pytest.raises(error):
            people.make_token(login, label="x", stores=school.stores, by=caller)


def test_an_instructor_gets_no_token_of_an_admin_by_making_her_a_student(school):
    people.add_member(NewMember(login="eve", name=""), course="demo", stores=school.stores, by=school.caller("ida"))
    with pytest.raises(Forbidden):
        people.make_token("eve", label="x", stores=school.stores, by=school.caller("ida"))


def test_an_instructor_gets_no_token_that_opens_another_course(school):
    people.add_course("other", title="Other", stores=school.stores)
    people.add_member(NewMember(login="ann", name=""), course="other", stores=school.stores)
    with pytest.raises(Forbidden):
        people.make_token("ann", label="x", stores=school.stores, by=school.caller("ida"))


def test_a_first_admin_is_made_once(school):
    assert people.ensure_admin(login="admin", stores=school.stores) is None


def test_an_admin_and_the_token_are_made_together(school):
    with school.stores.storage.writing() as tx:
        tx.connection.execute(sa.text("UPDATE people SET is_admin = 0"))
    issued = people.ensure_admin(login="admin", stores=school.stores)
    assert people.authenticate(issued.secret, stores=school.stores).person.is_admin


@pytest.mark.parametrize("login", ["", " ann", "ann ", "a\nb", "a\0"])
def test_a_login_can_be_typed(school, login):
    with pytest.raises(InvalidRequest):
        people.create_person(login, name="x", stores=school.stores)


def test_a_login_is_one_persons(school):
    with pytest.raises(Conflict):
        people.create_person("ann", name="x", stores=school.stores)


@pytest.mark.parametrize("slug", ["", "Demo", "a b", "a/b", "-a", "a-", "課題", "a" * 65])
def test_a_course_needs_a_slug_for_addresses(school, slug):
    with pytest.raises(InvalidRequest):
        people.add_course(slug, title="x", stores=school.stores)


@pytest.mark.parametrize("zone", ["", "Tokyo", "../etc/passwd", "Asia/Tokyo\0", "Asia"])
def test_a_course_needs_a_time_zone_that_exists(school, zone):
    with pytest.raises(InvalidRequest):
        people.add_course("x", title="x", stores=school.stores, time_zone=zone)


def test_only_admins_add_courses(school):
    people.add_course("fresh", title="x", stores=school.stores, by=school.caller("eve"))
    with pytest.raises(Forbidden):
        people.add_course("newer", title="x", stores=school.stores, by=school.caller("ida"))


def test_a_course_is_added_once(school):
    with pytest.raises(Conflict):
        people.add_course("demo", title="x", stores=school.stores)


@pytest.mark.parametrize(
    ("by", "error"), [("ida", None), ("eve", None), (None, None), ("tom", Forbidden), ("ann", Forbidden)]
)
def test_who_may_add_members(school, by, error):
    new = NewMember(login="new", name="New", student_number="1")
    caller = None if by is None else school.caller(by)
    if error is None:
        person, membership = people.add_member(new, course="demo", stores=school.stores, by=caller)
        assert (person.name, membership.role, membership.student_number) == ("New", Role.STUDENT, "1")
    else:
        with pytest.raises(error):
            people.add_member(new, course="demo", stores=school.stores, by=caller)


def test_a_course_that_one_is_not_in_does_not_exist(school):
    people.add_course("secret", title="x", stores=school.stores)
    with pytest.raises(NotFound):
        people.add_member(
            NewMember(login="x", name="x"), course="secret", stores=school.stores, by=school.caller("ida")
        )


def test_adding_a_member_again_changes_role_and_number_but_not_the_name(school):
    new = NewMember(login="ann", name="Someone else", role=Role.TA, student_number="7")
    person, membership = people.add_member(new, course="demo", stores=school.stores)
    assert (person.name, membership.role, membership.student_number) == ("ann", Role.TA, "7")


def test_a_student_number_is_one_members(school):
    people.add_member(NewMember(login="ann", name="", student_number="7"), course="demo", stores=school.stores)
    people.add_member(NewMember(login="ann", name="", student_number="7"), course="demo", stores=school.stores)
    with pytest.raises(Conflict):
        people.add_member(NewMember(login="bob", name="", student_number="7"), course="demo", stores=school.stores)


def test_a_refused_member_leaves_no_person_behind(school):
    people.add_member(NewMember(login="ann", name="", student_number="7"), course="demo", stores=school.stores)
    with pytest.raises(Conflict):
        people.add_member(NewMember(login="new", name="", student_number="7"), course="demo", stores=school.stores)
    with school.stores.storage.reading() as tx:
        assert tx.people.find_by_login("new") is None


def test_a_token_is_listed_with_its_dates(school):
    issued = people.make_token("ann", label="week", stores=school.stores, lifetime_s=604800)
    with school.stores.storage.reading() as tx:
        (token,) = tx.tokens.list_of(issued.token.person_id)
    assert token == issued.token
    assert token.expires_at == school.clock.now() + timedelta(days=7)
