"""What is asked of the student's namespace at the end of a question's cells."""

from dataclasses import dataclass
from typing import TypeAlias

from grader.domain.values import Value


@dataclass(frozen=True, kw_only=True)
class TakeNames:
    """Take these variables out, with `.grad` where they have one. Answered by NamesReply."""

    key: str
    """Where the reply is found in `Execution.replies`; unique within a notebook."""
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CallFunction:
    """Call a function of the student's on hidden inputs. Answered by CallsReply."""

    key: str
    names: tuple[str, ...]
    """Candidates; the first one that exists and is callable is called."""
    calls: tuple[tuple[Value, ...], ...]
    """Positional arguments of each call, built anew for it; float tensors require grad where `gradients` is set."""
    gradients: bool
    """Also return d(sum of output)/d(argument) by autograd."""
    seconds: float
    """Budget for all calls together."""


Probe: TypeAlias = TakeNames | CallFunction
