"""The fork server without a cage, to hold the cage's cost against: kernels share all with the host. Never a product.

Runs in the kernels' environment. Takes the control socket, the folder of `kernel/` and a scratch folder.
"""

import importlib
import os
import sys
from pathlib import Path


def main(control_fd: int, *, kernel_folder: Path, scratch: Path) -> None:
    (scratch / "grader_kernel").symlink_to(kernel_folder)
    sys.path.insert(0, str(scratch))
    confine = importlib.import_module("grader_kernel.confine")
    forkserver = importlib.import_module("grader_kernel.forkserver")

    def only_redirect(limits: dict[str, int], *, filter_program: bytes) -> None:
        os.setsid()
        os.chdir(scratch)
        confine._redirect_standard_streams()

    confine.enter_new_pid_namespace = lambda own_namespace_fd: None
    confine.confine = only_redirect
    forkserver.main(control_fd, [])


if __name__ == "__main__":
    main(int(sys.argv[1]), kernel_folder=Path(sys.argv[2]), scratch=Path(sys.argv[3]))
