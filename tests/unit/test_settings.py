"""Settings that make no sense together stop the start, and secrets do not show."""

import pytest
from pydantic import ValidationError

from grader.settings import Settings


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        pytest.param({"oidc_issuer": "https://id.example"}, "GRADER_OIDC_CLIENT_ID", id="a provider without a client"),
        pytest.param({"smtp_host": "smtp.example"}, "GRADER_MAIL_FROM", id="a mail server without a sender"),
        pytest.param({"smtp_host": "x", "mail_from": "grader"}, "GRADER_MAIL_FROM", id="a sender that is no address"),
    ],
)
def test_half_of_a_provider_or_of_a_mail_server_is_refused(given, missing):
    with pytest.raises(ValidationError, match=missing):
        Settings(**given)


def test_no_log_of_the_settings_holds_a_secret():
    shown = repr(Settings(oidc_client_secret="hush", smtp_password="hush"))

    assert "hush" not in shown
