"""An identity provider (OpenID Connect): sending somebody there, and reading what they bring back.

The authorization code flow with PKCE; the identity token's signature, issuer, audience, times and nonce are checked.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from grader.domain.accounts import Departure, Identified, Identity
from grader.errors import IdentityRefused, ProviderUnreachable
from grader.flow.secret import new_secret

_TIMEOUT_S = 10.0
_LEEWAY_S = 60
_ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "EdDSA")
"""Signatures by a key that only the provider has; never 'none', never our own secret."""
_STUMBLES = (httpx2.HTTPError, httpx2.InvalidURL, AuthlibBaseError, JoseError, LookupError, TypeError, ValueError)
"""What reading the answer of a provider may raise that is none, or is not well."""


class IdentityProvider:
    """One provider, as the settings name it; what it says of itself is read when somebody first signs in there."""

    def __init__(self, issuer: str, *, client_id: str, client_secret: str | None, login: str, name: str | None) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._login = login
        self.name = name or urlsplit(issuer).hostname or issuer
        # To read all authorities that this machine trusts takes longer than to ask one of them.
        self._trusted = httpx2.create_ssl_context()
        self._metadata: Mapping[str, Any] | None = None
        self._keys: KeySet | None = None

    def send(self, *, back: str, to: str) -> tuple[str, Departure]:
        """Where the browser goes to sign in.

        Args:
            back: our address that the provider sends it to afterwards.

        Raises:
            ProviderUnreachable: it does not say where.
        """
        departure = Departure(state=new_secret(), nonce=new_secret(), verifier=new_secret(), to=to)
        try:
            with self._client(back) as client:
                address, _ = client.create_authorization_url(
                    self._about()["authorization_endpoint"],
                    state=departure.state,
                    nonce=departure.nonce,
                    code_verifier=departure.verifier,
                )
        except _STUMBLES as error:
            raise ProviderUnreachable(what=_told(error)) from error
        return str(address), departure

    def receive(self, answer: Mapping[str, str], *, departure: Departure, back: str) -> Identified:
        """Who came back.

        Args:
            answer: the parameters of the address that the browser came back with; its state is the departure's.

        Raises:
            IdentityRefused: the provider does not say who they are.
            ProviderUnreachable: its answer cannot be had or does not hold.
        """
        try:
            with self._client(back) as client:
                token = client.fetch_token(
                    self._about()["token_endpoint"],
                    grant_type="authorization_code",
                    code=answer["code"],
                    code_verifier=departure.verifier,
                )
                claims = self._check(token, nonce=departure.nonce)
                if self._login not in claims and "userinfo_endpoint" in self._about():
                    claims |= self._ask(client, subject=claims["sub"])
        except _STUMBLES as error:
            raise ProviderUnreachable(what=_told(error)) from error
        return self._identify(claims)

    def _identify(self, claims: Mapping[str, Any]) -> Identified:
        login = claims.get(self._login)
        if not isinstance(login, str):
            raise IdentityRefused("no_login")
        if self._login == "email" and claims.get("email_verified") is not True:
            raise IdentityRefused("unverified")
        identity = Identity(issuer=self._issuer, subject=str(claims["sub"])[:255])
        return Identified(identity=identity, login=login, name=str(claims.get("name") or login))

    def _check(self, token: Mapping[str, Any], *, nonce: str) -> dict[str, Any]:
        """The claims of the identity token, which nobody but the provider can have written for us and for this once."""
        try:
            read = jwt.decode(token["id_token"], self._keys_of(), algorithms=list(_ALGORITHMS))
        except JoseError:
            # It may have new keys.
            read = jwt.decode(token["id_token"], self._keys_of(is_renewed=True), algorithms=list(_ALGORITHMS))
        claims = CodeIDToken(
            read.claims,
            read.header,
            {
                "iss": {"essential": True, "value": self._issuer},
                "aud": {"essential": True, "value": self._client_id},
                "nonce": {"essential": True, "value": nonce},
            },
            {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")},
        )
        claims.validate(leeway=_LEEWAY_S)
        return dict(claims)

    def _ask(self, client: OAuth2Client, *, subject: str) -> dict[str, Any]:
        """What the token does not say; of the same person, or of nobody."""
        told = client.get(self._about()["userinfo_endpoint"]).raise_for_status().json()
        if not isinstance(told, dict) or told.get("sub") != subject:
            raise ValueError("userinfo of somebody else")
        return told

    def _client(self, back: str) -> OAuth2Client:
        return OAuth2Client(
            client_id=self._client_id,
            client_secret=self._client_secret,
            scope="openid profile email",
            redirect_uri=back,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
            verify=self._trusted,
        )

    def _about(self) -> Mapping[str, Any]:
        # Without a lock: two who ask at once read the same, and behind a lock they would wait for each other's silence.
        if self._metadata is None:
            address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            told = self._get(address)
            if told["issuer"] != self._issuer:
                raise ValueError(f"it calls itself {told['issuer']}")
            self._metadata = told
        return self._metadata

    def _get(self, address: str) -> dict[str, Any]:
        told = httpx2.get(address, timeout=_TIMEOUT_S, verify=self._trusted).raise_for_status().json()
        if not isinstance(told, dict):
            raise ValueError("no object")
        return told

    def _keys_of(self, *, is_renewed: bool = False) -> KeySet:
        address = self._about()["jwks_uri"]
        if self._keys is None or is_renewed:
            self._keys = KeySet.import_key_set({"keys": self._get(address)["keys"]})
        return self._keys


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
