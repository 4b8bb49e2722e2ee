"""A real identity provider on a port of this machine, oidc-provider-mock, which signs in whoever is asked for."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2

from grader.web.identity_provider import IdentityProvider

with warnings.catch_warnings():
    # It imports a part of Authlib that is to go; nothing of ours does.
    warnings.simplefilter("ignore")
    import oidc_provider_mock


@dataclass(frozen=True)
class Provider:
    url: str
    browser: httpx2.Client
    """Of the person who signs in there."""

    def client(self, *, login: str = "preferred_username", issuer: str | None = None) -> IdentityProvider:
        """As the service uses it."""
        return IdentityProvider(
            issuer or self.url, client_id="grader", client_secret="a secret", login=login, name="Campus"
        )

    def register(self, subject: str, **claims: object) -> None:
        self.browser.put(f"{self.url}/users/{subject}", json=claims).raise_for_status()

    def sign_in(self, address: str, *, subject: str) -> str:
        """What a person does there; gives the address that their browser is sent back to."""
        answer = self.browser.post(address, data={"sub": subject})
        return answer.headers["location"]

    def refuse(self, address: str) -> str:
        """The same by somebody who does not want to."""
        return self.browser.post(address, data={"action": "deny"}).headers["location"]


@contextmanager
def run_provider() -> Iterator[Provider]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with oidc_provider_mock.run_server_in_thread() as server, httpx2.Client() as browser:
            yield Provider(f"http://localhost:{server.server_port}", browser)
