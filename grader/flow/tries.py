"""Tries to guess what only some know: a few are free, then each costs a wait, under whatever they are counted."""

import math
from datetime import datetime, timedelta

from grader.domain.accounts import SignInTries
from grader.errors import TooManyTries
from grader.flow.ports import Transaction
from grader.flow.secret import hash_secret

_COUNT_FOR = timedelta(days=1)


def check_may_try(tx: Transaction, whose: str, *, at: datetime) -> int:
    """How many tries there were. Raises TooManyTries: the next one is not looked at yet."""
    tries = tx.accounts.find_tries(hash_secret(whose))
    if tries is None:
        return 0
    if at < tries.next_at:
        raise TooManyTries(retry_after_s=math.ceil((tries.next_at - at).total_seconds()))
    return tries.count


def count_try(tx: Transaction, whose: str, *, at: datetime) -> None:
    """One more. Raises TooManyTries: it comes too early, and nothing is counted."""
    tx.accounts.forget_tries_before(at - _COUNT_FOR)
    count = check_may_try(tx, whose, at=at) + 1
    tx.accounts.put_tries(hash_secret(whose), SignInTries(count=count, last_at=at))


def forget_tries(tx: Transaction, whose: str) -> None:
    """They knew it."""
    tx.accounts.forget_tries(hash_secret(whose))
