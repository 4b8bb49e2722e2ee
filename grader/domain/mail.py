"""A mail, and whether a login is an address that it can go to."""

import re
from dataclasses import dataclass

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, kw_only=True)
class Mail:
    to: str
    subject: str
    text: str


def is_address(text: str) -> bool:
    """Only what every mail server takes: nothing that ends a header or begins another address."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None
