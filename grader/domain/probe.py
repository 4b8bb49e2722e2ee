"""What is asked of the student's namespace at the end of a question's cells."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from grader.domain.values import Value


@dataclass(frozen=True, kw_only=True)
class TakeNames:
    """Take these variables out, with `.grad` where they have one. Answered by NamesReply.

    Besides names there may be expressions of the author's, such as `model.weight.grad`. They are evaluated in the
    student's namespace, where `torch` and `np` are at hand even if the student bound them to nothing; one that raises
    is missing from the reply.
    """

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
    second: bool = False
    """Also return the derivative of the sum of each of those gradients by its own argument."""
    call_s: float | None = None
    """Budget for each call; one that takes longer is answered with the error 'TimeoutError'."""


@dataclass(frozen=True, kw_only=True)
class CallModule:
    """Put an nn.Module under hidden weights and call it on hidden inputs. Answered by ModuleReply.

    The student's own module is never touched: one that exists is copied deeply, and a class is constructed.
    """

    key: str
    names: tuple[str, ...]
    """Candidates, as in CallFunction: classes where `arguments` are given, else modules that exist."""
    arguments: tuple[Value, ...] | None
    """Positional arguments of the constructor; None takes the module as it stands."""
    weights_seed: int | None
    """Fills parameters and floating buffers with numbers that depend on this seed, their shape and `weights` alone;
    None leaves the weights as they are."""
    calls: tuple[tuple[Value, ...], ...]
    gradients: bool
    """Also return the gradients of every parameter and argument of sum(output * fixed pseudo-random numbers)."""
    modes: tuple[str, ...]
    """'train', 'eval': every call is made in each of them, on a module of its own, after random numbers were seeded."""
    seconds: float
    weights: Literal["ordered", "named", "alike"] = "ordered"
    """What tells parameters of one shape apart: how many of them were registered before, their names, or nothing."""


PRINTED = "print()"
"""Under this key a replay's reply holds what was printed and shown; no variable can have such a name."""
SHIFTED = "shift()"
"""Under this key a ReplayShifted's reply holds the shapes of the tensors that were moved, sorted."""


@dataclass(frozen=True, kw_only=True)
class ReplayBent:
    """Run a question's code once more, where nothing sees it afterwards, with a function bent.

    Wherever the code defines or calls one of `functions`, f(x) becomes f(x) + square * x**2 + slope * x. What is
    honestly derived from f moves along with it; a number that was written down, or derived from something else, stays.
    Answered by NamesReply: the names as they are then, and PRINTED.
    """

    key: str
    names: tuple[str, ...]
    source: str
    """Plain Python."""
    functions: tuple[str, ...]
    square: float
    slope: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ReplayShifted:
    """Run a question's code once more, where nothing sees it afterwards, from inputs that are moved.

    Float leaves that require grad are moved as soon as a statement has made them, by amounts drawn from `seed` and
    their shape, whatever their names; what autograd computes is multiplied by `scale`. So every derivative honestly
    computed changes as the reference's does; a number that was written down stays, and one computed without autograd is
    not scaled. Answered by NamesReply: the names as they are then, PRINTED and SHIFTED.
    """

    key: str
    names: tuple[str, ...]
    """Expressions, as in TakeNames."""
    source: str
    """Plain Python."""
    shifted: tuple[str, ...]
    """Variables that are moved even where they do not require grad."""
    seed: int
    scale: float
    seconds: float


Probe: TypeAlias = TakeNames | CallFunction | CallModule | ReplayBent | ReplayShifted
