"""Secrets that we hand out: tokens, sessions, links. They are kept as hashes only."""

import hashlib
import secrets

_SECRET_BYTES = 32


def new_secret() -> str:
    """Nobody can guess it; it stands in a cookie or an address as it is."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """Our secrets are long and random, so one fast hash is enough; nothing can be guessed from it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
