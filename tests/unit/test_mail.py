"""Mails reach a real server, one after the other; what it does not take is told, and nothing slips into a header."""

import socket

import pytest
from mail_server import PASSWORD, UNKNOWN, USER, run_mail_server

from grader.domain.mail import Mail, is_address
from grader.errors import MailRefused
from grader.mail import Security, SmtpMailer

SENDER = "grader@example.ac.jp"


def mailer(port, *, user=None, password=None, security=Security.NONE):
    return SmtpMailer("127.0.0.1", port=port, security=security, user=user, password=password, sender=SENDER)


def mail(to="ann@example.ac.jp"):
    return Mail(to=to, subject="パスワード / Password", text="リンク:\n\nhttp://x.example/1\n")


def test_a_mail_arrives_as_it_was_written():
    with run_mail_server() as server:
        assert mailer(server.port).send([mail(), mail("bob@example.ac.jp")]) == frozenset()
    first, second = server.mails
    assert (first["To"], second["To"], first["From"]) == ("ann@example.ac.jp", "bob@example.ac.jp", SENDER)
    assert first["Subject"] == "パスワード / Password"
    assert first.get_content().replace("\r\n", "\n") == mail().text
    assert first["Message-ID"] != second["Message-ID"]


def test_an_address_that_is_refused_stops_no_other():
    with run_mail_server() as server:
        assert mailer(server.port).send([mail(UNKNOWN), mail()]) == {UNKNOWN}
    assert [each["To"] for each in server.mails] == ["ann@example.ac.jp"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_server_that_wants_a_user_gets_one():
    with run_mail_server(needs_user=True) as server:
        mailer(server.port, user=USER, password=PASSWORD).send([mail()])
        with pytest.raises(MailRefused, match="Authentication"):
            mailer(server.port, user=USER, password="wrong").send([mail()])
    assert len(server.mails) == 1


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_nothing_is_sent_unencrypted_where_that_was_not_asked_for(security):
    with run_mail_server() as server, pytest.raises(MailRefused):
        mailer(server.port, security=security, user=USER, password=PASSWORD).send([mail()])
    assert (server.mails, server.signed_in) == ([], [])


def test_a_server_that_is_not_there_is_told():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(MailRefused, match="Refused"):
        mailer(port).send([mail()])


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        pytest.param("s26@example.ac.jp", True, id="a campus address"),
        pytest.param("a.b+c@mail.example.ac.jp", True, id="with a dot and a plus"),
        pytest.param("ann", False, id="a login alone"),
        pytest.param("ann@localhost", False, id="a machine"),
        pytest.param("a@b.jp, c@d.jp", False, id="two of them"),
        pytest.param("a@b.jp\nBcc: c@d.jp", False, id="another header"),
        pytest.param("あ@b.jp", False, id="letters that not every server takes"),
    ],
)
def test_what_mail_can_be_sent_to(text, is_one):
    assert is_address(text) == is_one
