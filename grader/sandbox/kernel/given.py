"""Gives a question the reference's values in the place of the student's: what follow-through, and nothing else, needs.

The code is the reference's and runs where the student's code has run before it: whatever that has changed, nothing of
an execution that was given anything leaves but verdicts.
"""

import builtins
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display
from matplotlib import pyplot

from .deadline import Deadline
from .quiet import Undisturbed

# A student may replace builtins; what this module defines, and what it runs, looks them up in a copy made before.
_BUILTINS = {**vars(builtins), "display": display, "get_ipython": get_ipython}
globals()["__builtins__"] = _BUILTINS

_figure_numbers, _close_figure = pyplot.get_fignums, pyplot.close


def give(shell: Any, request: dict[str, Any]) -> bool:  # noqa: ANN401 - IPython's, or a fake
    """Run the source in a namespace of its own and put the wanted names into the student's; False where it failed.

    Args:
        shell: the kernel's InteractiveShell; only `user_ns` and `display_pub` are used.
        request: `source`, `names` and `seconds`.
    """
    namespace: dict[str, Any] = {"__name__": "__main__", "__builtins__": _BUILTINS}
    try:
        with Undisturbed(shell), Deadline(request["seconds"]) as deadline:
            deadline.run(_run_quietly, request["source"], namespace)
    except BaseException:  # noqa: BLE001 - whatever the student's changes make of it; the host is told that it failed
        return False
    given = {name: namespace[name] for name in request["names"] if name in namespace}
    shell.user_ns.update(given)
    return True


def _run_quietly(source: str, namespace: dict[str, Any]) -> None:
    open_before = set(_figure_numbers())
    try:
        exec(compile(source, "<given>", "exec"), namespace)  # noqa: S102 - the reference's own code, in the cage
    finally:
        # A figure that stays open would be shown by the student's next cell, as if drawn there.
        for number in set(_figure_numbers()) - open_before:
            _close_figure(number)
