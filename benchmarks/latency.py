"""Upload to stored score over HTTP for homework 8, one at a time, beside a plain nbclient run of the same notebook.

    .venv/bin/python benchmarks/latency.py [--rounds N]

Each round does both, one after the other, so that the ratio holds on a machine that is shared and noisy.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from service import running_service  # noqa: E402  # after its folder is on the path

NOTEBOOK = ROOT / "tests/golden/torch-tensor/full/colab_roll_call.ipynb"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        install_kernelspec(Path(folder) / "jupyter")
        with running_service(Path(folder) / "data") as service:
            client = service.add_member("benchmark")
            warm_up = client.hand_in(fresh_bytes(-1)).json()
            client.wait_for_result(warm_up["id"])
            ours, plain = [], []
            for number in range(rounds):
                plain.append(timed(lambda: run_plainly(NOTEBOOK.read_bytes())))
                ours.append(timed(lambda number=number: hand_in_and_wait(client, fresh_bytes(number))))
    print(f"{'':24}{'p50':>10}{'min':>10}{'max':>10}")
    for name, times in (("plain nbclient", plain), ("upload to stored score", ours)):
        print(f"{name:24}{statistics.median(times):9.3f}s{min(times):9.3f}s{max(times):9.3f}s")
    ratio = statistics.median(plain) / statistics.median(ours)
    print(f"upload to stored score takes 1/{ratio:.1f} of the plain run (wanted: at most 1/10), {rounds} rounds")


def hand_in_and_wait(client, data: bytes) -> None:
    submission = client.hand_in(data).json()
    while client.get(f"/submissions/{submission['id']}").json()["state"] != "finished":
        time.sleep(0.005)


def fresh_bytes(number: int) -> bytes:
    """The notebook with one more comment: the same bytes would return the earlier submission."""
    notebook = json.loads(NOTEBOOK.read_bytes())
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": f"round {number}"})
    return json.dumps(notebook).encode()


def run_plainly(data: bytes) -> None:
    notebook = nbformat.reads(data.decode(), as_version=4)
    NotebookClient(notebook, kernel_name="students", allow_errors=True, timeout=120).execute()


def install_kernelspec(folder: Path) -> None:
    """The students' environment as an ordinary Jupyter kernel, with nothing around it."""
    spec = folder / "kernels" / "students"
    spec.mkdir(parents=True)
    python = ROOT / ".venv-kernel" / "bin" / "python"
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "students", "language": "python"}))
    os.environ["JUPYTER_PATH"] = str(folder)


def timed(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
