"""Passwords: which are good enough, and argon2 hashes of them."""

import unicodedata
from functools import cache

from pwdlib.hashers.argon2 import Argon2Hasher

from grader.domain.people import Person
from grader.errors import PasswordRefused
from grader.flow.secret import new_secret

_LEAST_CHARACTERS = 10
_MOST_CHARACTERS = 256
_LEAST_DIFFERENT = 5

# OWASP's least for argon2id. A whole class signs in at the same minute, and each hash takes this much memory: the web
# process lets only a few be made at once.
_HASHER = Argon2Hasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)


def check_password(password: str, *, person: Person) -> None:
    """Raises PasswordRefused: too short, too long, too few different characters, or the person's own login or name."""
    plain = _normalise(password)
    if len(plain) < _LEAST_CHARACTERS:
        raise PasswordRefused("too_short", least=_LEAST_CHARACTERS)
    if len(plain) > _MOST_CHARACTERS:
        raise PasswordRefused("too_long", most=_MOST_CHARACTERS)
    if len(set(plain)) < _LEAST_DIFFERENT:
        raise PasswordRefused("too_simple")
    if plain.casefold() in (_normalise(known).casefold() for known in (person.login, person.name)):
        raise PasswordRefused("known_word")


def hash_password(password: str) -> str:
    """An argon2id hash with a salt of its own."""
    return _HASHER.hash(_as_bytes(password))


def is_password(password: str, *, hashed: str | None) -> bool:
    """Is it the password of this hash? Takes as long where there is no hash, so that nobody learns who has one."""
    if len(password) > _MOST_CHARACTERS:
        return False  # whoever it is: hashing megabytes would be work that anyone could ask of us
    fits = _HASHER.verify(_as_bytes(password), hashed or _nobodys_hash())
    return fits and hashed is not None


def should_hash_anew(hashed: str) -> bool:
    """Was it made with other costs than we use now?"""
    return _HASHER.check_needs_rehash(hashed)


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(new_secret())


def _normalise(password: str) -> str:
    """The same characters however a keyboard composes them or how wide it types them (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def _as_bytes(password: str) -> bytes:
    return _normalise(password).encode("utf-8", "surrogatepass")
