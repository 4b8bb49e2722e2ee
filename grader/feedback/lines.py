"""Which line of the student's made a value what it is: a dtype, a type, a tensor that records no gradients."""

from grader.domain.text import Note
from grader.domain.values import ArrayValue, Value
from grader.feedback.clues import Clues
from grader.feedback.pairs import RTOL


def explain_dtype(actual: Value, expected: Value, clues: Clues) -> Note | None:
    """Which expression made the dtype that is the only thing wrong."""
    if not (isinstance(actual, ArrayValue) and isinstance(expected, ArrayValue)):
        return None
    ours, theirs = actual.dtype, expected.dtype
    is_whole = theirs.removeprefix("u").startswith("int")
    if is_whole and ours == "float32" and (line := clues.line_of_call("Tensor", "FloatTensor")) is not None:
        return Note(code="diagnose.capital_tensor", facts={"places": clues.places(line)})
    if is_whole and ours in RTOL:
        if (written := clues.float_literal) is not None:
            return Note(
                code="diagnose.float_literal", facts={"places": clues.places(written[0]), "literal": written[1]}
            )
        if (line := clues.line_of_call("zeros", "ones", "empty", "rand", "randn", "linspace", "eye")) is not None:
            return Note(code="diagnose.float_by_default", facts={"places": clues.places(line)})
    if (ours, theirs) == ("float64", "float32"):
        if (line := clues.line_of_call("double", "DoubleTensor")) is not None:
            return Note(code="diagnose.double", facts={"places": clues.places(line)})
        if (line := clues.line_of_call("from_numpy", "as_tensor", "array")) is not None:
            return Note(code="diagnose.numpy_double", facts={"places": clues.places(line)})
    return None


def explain_type(clues: Clues) -> Note | None:
    """Where a tensor was turned into something else."""
    return _explain_call(clues, "diagnose.left_torch", ("numpy", "tolist", "item"))


def explain_missing_grad(clues: Clues) -> Note | None:
    """Where a tensor was cut off from what it was computed from."""
    return _explain_call(clues, "diagnose.detached", ("detach", "data", "no_grad", "inference_mode", "item", "numpy"))


def _explain_call(clues: Clues, code: str, names: tuple[str, ...]) -> Note | None:
    found = clues.find_use(*names)
    return None if found is None else Note(code=code, facts={"call": found[0], "places": clues.places(found[1])})
