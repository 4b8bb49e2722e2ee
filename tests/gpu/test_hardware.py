"""Real CUDA in real kernels: what they see, what bounds them, what comes back, and what the next one finds."""

import time
from collections.abc import Mapping

import pytest

from grader.catalog import bundled, parse, read_bundle
from grader.domain.cage import not_proved
from grader.domain.execution import CellState, Execution, Limits, Outcome, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.probe import TakeNames
from grader.domain.values import ArrayValue, Value
from grader.flow.prove import prove
from grader.sandbox.canary.cage import Canary
from grader.sandbox.canary.gpu import GpuTrial

GIB = 1024**3
LIMITS = Limits(gpu_memory_bytes=2 * GIB, memory_bytes=8 * GIB, total_s=90.0, question_s=60.0)
PATTERN = 0xA5


def run(runner, *sources: str, limits: Limits = LIMITS, names: tuple[str, ...] = ()) -> Execution:
    cells = [
        Cell(index=index, kind=CellKind.CODE, source=source, cell_id=f"cell-{index}")
        for index, source in enumerate(sources)
    ]
    probe = TakeNames(key="names", names=names)
    plan = QuestionPlan(question_id=QuestionId("q1"), code_cells=tuple(range(len(cells))), probes=(probe,))
    return runner.run(Notebook(cells=tuple(cells)), plan=(plan,), limits=limits)


def values(execution: Execution) -> Mapping[str, Value]:
    assert [(one.state, one.error) for one in execution.cells] == [(CellState.OK, None)] * len(execution.cells)
    return execution.replies["names"].values


def printed(execution: Execution) -> str:
    values(execution)
    return "".join(output.text for one in execution.cells for output in one.outputs)


def test_cuda_works_in_a_kernel_and_is_seen_from_outside(runner, gpu, kernel_python):
    trial = GpuTrial(Canary(runner, kernel_python=kernel_python), runner=runner, gpu=gpu)
    trial.try_gpu()
    print(f"\n{gpu.card.name}: CUDA takes {gpu.most_held_bytes / 1024**2:.0f} MiB with 64 MiB of a notebook's own")


def test_the_canary_holds_in_a_cage_with_a_gpu(runner, kernel_python):
    assert not_proved(Canary(runner, kernel_python=kernel_python).try_cage()) == ()


def test_a_kernel_sees_one_gpu_and_the_name_that_the_driver_gives_it(runner, gpu):
    look = "import torch; print(torch.cuda.is_available(), torch.cuda.device_count(), torch.cuda.get_device_name())"
    assert printed(run(runner, look)) == f"True 1 {gpu.card.name}\n"


def test_values_come_back_with_their_device(runner):
    source = (
        "import torch\n"
        "t = torch.arange(6.0, device='cuda').reshape(2, 3).requires_grad_()\n"
        "(t.T @ t).sum().backward()\n"
        "half, flipped, kept = t.half(), t.flip(0).T, t.detach().cpu()"
    )
    found = values(run(runner, source, names=("t", "half", "flipped", "kept")))
    assert all(isinstance(value, ArrayValue) for value in found.values())
    assert [found[name].device for name in ("t", "half", "flipped", "kept")] == ["cuda:0", "cuda:0", "cuda:0", "cpu"]
    assert found["t"].data == found["kept"].data
    assert found["t"].grad.device == "cuda:0"
    assert (found["half"].dtype, found["flipped"].shape) == ("float16", (3, 2))


@pytest.mark.parametrize(
    "greedy",
    [
        pytest.param("t = torch.ones(3 << 28, device='cuda'); time.sleep(30)", id="at once"),
        pytest.param("kept = [torch.ones(1 << 26, device='cuda') for _ in range(64)]; time.sleep(30)", id="in pieces"),
        pytest.param(
            "if os.fork() == 0:\n    t = torch.ones(3 << 28, device='cuda')\n    time.sleep(30)\ntime.sleep(30)",
            id="in a child",
        ),
    ],
)
def test_who_takes_too_much_is_ended_and_the_memory_is_free_again(runner, greedy):
    execution = run(runner, "import os, time, torch", greedy)
    assert execution.outcome is Outcome.OUT_OF_GPU_MEMORY
    began = time.monotonic()
    assert (
        printed(run(runner, "import torch; print(torch.ones(1 << 26, device='cuda').sum().item())")) == "67108864.0\n"
    )
    print(f"\nthe next notebook was over {time.monotonic() - began:.1f} s after that one")


def test_who_keeps_the_gpu_for_too_long_is_ended(runner):
    limits = Limits(gpu_memory_bytes=2 * GIB, memory_bytes=8 * GIB, gpu_s=2.0)
    execution = run(runner, "import torch, time; t = torch.ones(1, device='cuda'); time.sleep(60)", limits=limits)
    assert execution.outcome is Outcome.TIMED_OUT


def test_nobody_finds_what_an_earlier_notebook_left_in_the_memory(runner):
    fill = f"import torch; t = torch.full((1 << 28,), {PATTERN}, dtype=torch.uint8, device='cuda'); t[-1].item()"
    look = "import torch; t = torch.empty(1 << 28, dtype=torch.uint8, device='cuda')\n"
    values(run(runner, fill))
    assert printed(run(runner, f"{look}print(int(torch.count_nonzero(t == {PATTERN})) > (1 << 20))")) == "False\n"


def test_training_on_the_gpu_ends_where_it_does_on_the_cpu(runner):
    source = """
import torch
def train(device):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    x = torch.randn(64, 8)
    y = x.sum(1, keepdim=True)
    net, x, y = net.to(device), x.to(device), y.to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for _ in range(50):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()
print(abs(train('cpu') - train('cuda')) < 1e-4)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(8, 2)), batch_size=4, num_workers=2)
print(sum(batch.cuda().sum().item() for (batch,) in loader))
"""
    assert printed(run(runner, source)) == "True\n16.0\n"


def test_a_bundled_assignment_for_any_device_is_proved_on_the_gpu(runner):
    loaded = parse(read_bundle(bundled()["gpu-device"]))
    expected = prove(loaded, runner=runner, secret=b"s" * 32)
    assert expected.environment == runner.environment


def test_what_the_first_use_of_cuda_costs(runner):
    """No limit: printed for who decides whether a warm context would be worth anything."""
    source = (
        "import time, torch\nbegan = time.perf_counter()\ntorch.ones(1, device='cuda')\ntorch.cuda.synchronize()\n"
        "print(f'{(time.perf_counter() - began) * 1000:.0f}')"
    )
    costs = [int(printed(run(runner, source))) for _ in range(5)]
    print(f"\nfirst use of CUDA in a kernel: {sorted(costs)} ms")
