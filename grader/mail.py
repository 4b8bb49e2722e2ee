"""The mail server: takes mails one after the other over one connection."""

import smtplib
import ssl
from collections.abc import Iterable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from enum import StrEnum

from grader.domain.mail import Mail
from grader.errors import MailRefused

_TIMEOUT_S = 20.0


class Security(StrEnum):
    """How the connection is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class SmtpMailer:
    """Signs in where there is a user."""

    def __init__(
        self, host: str, *, port: int, security: Security, user: str | None, password: str | None, sender: str
    ) -> None:
        self._host, self._port, self._security = host, port, security
        self._user, self._password, self._sender = user, password, sender

    def send(self, mails: Iterable[Mail]) -> frozenset[str]:
        """Send them; gives the addresses that the server does not take.

        Raises:
            MailRefused: it cannot be reached, or takes nothing from us.
        """
        refused = set()
        try:
            with self._connect() as server:
                for mail in mails:
                    try:
                        server.send_message(self._write(mail), to_addrs=[mail.to])
                    except smtplib.SMTPRecipientsRefused:
                        refused.add(mail.to)
        except (smtplib.SMTPException, OSError) as error:
            raise MailRefused(what=f"{type(error).__name__}: {error}") from error
        return frozenset(refused)

    def _connect(self) -> smtplib.SMTP:
        if self._security is Security.TLS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=_TIMEOUT_S, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_S)
        try:
            if self._security is Security.STARTTLS:
                server.starttls(context=ssl.create_default_context())
            if self._user is not None:
                server.login(self._user, self._password or "")
        except (smtplib.SMTPException, OSError):
            server.close()
            raise
        return server

    def _write(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        message.set_content(mail.text)
        return message
