"""An identity provider that says whatever a test wants: tokens that no honest one would give."""

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT = "grader"


@dataclass
class CrookedProvider:
    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    nonce: str = ""
    """Of the question that is answered."""
    claims: dict = field(default_factory=dict)
    """In place of honest ones; None for none at all."""
    signs_with: object = None
    algorithm: str = "RS256"
    told_by_userinfo: dict = field(default_factory=dict)

    def answer(self, path):
        if path.startswith("/.well-known"):
            ends = {name: f"{self.url}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
            return {"issuer": self.url, "userinfo_endpoint": f"{self.url}/userinfo", **ends}
        if path == "/jwks_uri":
            return {"keys": [self.key.as_dict(is_private=False)]}
        if path == "/userinfo":
            return self.told_by_userinfo
        return {"access_token": "a", "token_type": "Bearer", "id_token": self._token()}

    def _token(self):
        now = int(time.time())
        honest = {"iss": self.url, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 60, "nonce": self.nonce}
        claims = {"preferred_username": "ann"} | honest | self.claims
        kept = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": "one"}
        return jwt.encode(header, kept, self.signs_with or self.key, algorithms=[self.algorithm])


def shared_secret():
    return OctKey.import_key("a secret that is long enough for a hash of it")


@contextmanager
def run_crooked_provider():
    provider = CrookedProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):  # the server's name for it
            body = json.dumps(provider.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *said):
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        provider.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield provider
        server.shutdown()
        thread.join()
