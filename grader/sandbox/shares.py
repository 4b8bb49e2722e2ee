"""One share of the processor for each kernel, however many threads it has, where no control group sees to that.

Linux gives each thread of equal niceness the same, so that a notebook with sixty threads would get sixty times what
another gets. A step of niceness divides a thread's weight by 1.25: after enough steps many weigh what one does.
"""

import contextlib
import math
import os
from typing import Final

from grader.sandbox.process_tree import list_processes, list_threads

_STEP: Final = 1.25
_NICEST: Final = 19


def share_evenly(pid: int) -> None:
    """Let all threads of a kernel's tree together weigh what one thread of ours does.

    It only ever gets nicer: Linux lets an ordinary user take nothing back.
    """
    threads = [thread for process in list_processes(pid) for thread in list_threads(process)]
    wanted = niceness_of(len(threads))
    for thread in threads if wanted else ():
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended, or is nobody's of ours by now
            if os.getpriority(os.PRIO_PROCESS, thread) < wanted:
                os.setpriority(os.PRIO_PROCESS, thread, wanted)


def niceness_of(threads: int) -> int:
    """The niceness at which so many threads weigh no more than one at 0 does, as far as there is such a one."""
    return min(_NICEST, math.ceil(math.log(max(1, threads), _STEP)))
