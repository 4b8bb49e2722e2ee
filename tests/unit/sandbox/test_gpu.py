"""One GPU: what a cage shows of it, when it counts as free, and what is refused."""

import asyncio
from pathlib import Path

import pytest
from card import MIB, FileNvml, card, device_folder

from grader.domain.execution import Limits
from grader.domain.text import Language, Note
from grader.errors import GpuTooSmall, GpuUnavailable
from grader.feedback.catalogue import sentence
from grader.sandbox.gpu.choose import choose_cards
from grader.sandbox.gpu.gpu import Gpu
from grader.sandbox.gpu.nvml import DriverNvml, NvmlTrouble
from grader.sandbox.gpu.parts import find_parts

LIMITS = Limits(gpu_memory_bytes=64 * MIB)


@pytest.fixture
def nvml():
    with device_folder(0, 1) as devices:
        yield FileNvml(devices, card(minor=0), card(minor=1))


def gpu_of(nvml, *, slots=1, **facts):
    return Gpu(card(**facts), nvml=nvml, slots=slots, devices=nvml.devices, patience_s=0.0)


def prove_free(gpu, limits=LIMITS):
    asyncio.run(gpu.prove_free(limits))


def test_a_cage_is_shown_its_own_card_and_no_other(nvml):
    parts = find_parts(card(minor=1), nvml=nvml, devices=nvml.devices)
    assert sorted(map(str, parts.nodes)) == ["/dev/nvidia-uvm", "/dev/nvidia1", "/dev/nvidiactl"]
    assert parts.environment["CUDA_VISIBLE_DEVICES"] == "GPU-1"
    assert parts.traits == {"gpu": "Paper 1", "driver": "1.2.3"}


def test_the_driver_s_own_nodes_are_shown_where_there_are_any(nvml):
    (nvml.devices / "nvidia-modeset").touch()
    assert Path("/dev/nvidia-modeset") in find_parts(card(), nvml=nvml, devices=nvml.devices).nodes


@pytest.mark.parametrize("name", ["nvidia1", "nvidiactl", "nvidia-uvm"])
def test_a_node_that_is_missing_is_named(nvml, name):
    (nvml.devices / name).unlink()
    with pytest.raises(GpuUnavailable) as caught:
        find_parts(card(minor=1), nvml=nvml, devices=nvml.devices)
    assert (caught.value.reason, caught.value.facts["node"]) == ("no_node", str(nvml.devices / name))


@pytest.mark.parametrize(
    ("folder", "shown", "searched"),
    [
        pytest.param(None, {}, None, id="nobody knows"),
        pytest.param("/usr/lib", {}, None, id="where the loader looks anyway"),
        pytest.param("/usr/local/nvidia/lib64", {}, "/usr/local/nvidia/lib64", id="shown anyway, and not looked at"),
        pytest.param("/run/driver/lib", {"/opt/driver": "/run/driver/lib"}, "/opt/driver", id="not shown anyway"),
    ],
)
def test_the_driver_s_libraries_are_found_inside(nvml, folder, shown, searched):
    nvml.library_folder = None if folder is None else Path(folder)
    parts = find_parts(card(), nvml=nvml, devices=nvml.devices)
    assert {str(inside): str(outside) for inside, outside in parts.libraries.items()} == shown
    assert parts.environment.get("LD_LIBRARY_PATH") == searched


def test_a_card_that_nobody_uses_is_free(nvml):
    gpu = gpu_of(nvml)
    prove_free(gpu)
    prove_free(gpu)


def test_what_the_driver_holds_by_itself_is_nobody_s_fault(nvml):
    nvml.nobodys_mib = 100
    gpu = gpu_of(nvml)
    prove_free(gpu)
    nvml.nobodys_mib = 150
    prove_free(gpu)


def test_memory_that_is_nobody_s_and_was_not_there_before_is_told(nvml):
    gpu = gpu_of(nvml)
    prove_free(gpu)
    nvml.nobodys_mib += 65
    with pytest.raises(GpuUnavailable) as caught:
        prove_free(gpu)
    assert (caught.value.reason, caught.value.facts) == ("memory_held", {"gpu": "Paper 1", "mib": 65})


def test_a_card_is_free_again_once_the_memory_is(nvml):
    gpu = gpu_of(nvml)
    prove_free(gpu)
    nvml.nobodys_mib += 65
    with pytest.raises(GpuUnavailable):
        prove_free(gpu)
    nvml.nobodys_mib -= 65
    prove_free(gpu)


@pytest.mark.parametrize(
    ("mib", "is_free"),
    [
        pytest.param(184, True, id="enough is left"),
        pytest.param(185, False, id="a notebook would not get what it may use"),
    ],
)
def test_what_other_programs_hold_matters_where_it_would_be_missed(nvml, mib, is_free):
    gpu = gpu_of(nvml)
    prove_free(gpu)
    nvml.others = {4_000_000: mib * MIB}
    if is_free:
        prove_free(gpu)
        return
    with pytest.raises(GpuUnavailable) as caught:
        prove_free(gpu)
    assert caught.value.facts["mib"] == 1


@pytest.mark.parametrize(
    ("slots", "mib", "fits"),
    [
        pytest.param(1, 248, True, id="all of it but what the driver holds"),
        pytest.param(1, 249, False, id="more than there is"),
        pytest.param(2, 124, True, id="its share"),
        pytest.param(2, 125, False, id="more than its share"),
    ],
)
def test_an_assignment_gets_no_more_than_a_slot_s_share(nvml, slots, mib, fits):
    gpu = gpu_of(nvml, slots=slots)
    limits = Limits(gpu_memory_bytes=mib * MIB)
    if fits:
        prove_free(gpu, limits)
        return
    with pytest.raises(GpuTooSmall) as caught:
        prove_free(gpu, limits)
    assert caught.value.facts == {"gpu": "Paper 1", "wanted": mib, "has": 248 // slots}


def test_a_driver_that_does_not_answer_stops_the_card(nvml):
    nvml.is_silent = True
    with pytest.raises(GpuUnavailable) as caught:
        prove_free(gpu_of(nvml))
    assert caught.value.reason == "silent"


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        pytest.param("all", [0, 1], id="all"),
        pytest.param(" none ", [], id="none"),
        pytest.param("GPU-1", [1], id="by UUID"),
        pytest.param("1, 0", [1, 0], id="by number"),
        pytest.param("1,GPU-1", [1], id="one of them twice"),
    ],
)
def test_the_settings_choose_among_the_gpus(wanted, chosen):
    cards = (card(minor=0), card(minor=1))
    assert [one.minor for one in choose_cards(cards, wanted=wanted)] == chosen


def test_a_gpu_that_is_named_and_not_here_is_missed():
    with pytest.raises(GpuUnavailable) as caught:
        choose_cards((card(minor=0),), wanted="0, 7,GPU-9")
    assert caught.value.facts == {"gpu": "7, GPU-9"}


@pytest.mark.skipif(any(Path("/dev").glob("nvidiactl")), reason="this machine has NVIDIA's driver")
def test_a_machine_without_a_driver_says_so():
    with pytest.raises(NvmlTrouble, match=r"\w"):
        DriverNvml()


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    "error",
    [
        GpuUnavailable("memory_held", gpu="L4", mib=7),
        GpuUnavailable("no_cuda", gpu="L4", what="RuntimeError"),
        GpuUnavailable("no_node", gpu="L4", node="/dev/nvidia-uvm"),
        GpuUnavailable("not_found", gpu="L4"),
        GpuUnavailable("none"),
        GpuUnavailable("not_watched", gpu="L4"),
        GpuUnavailable("silent", gpu="L4", what="lost"),
        GpuTooSmall(gpu="L4", wanted=9, has=7),
    ],
    ids=str,
)
def test_each_reason_is_told_with_its_facts(error, language):
    told = sentence(Note(code=error.note.code, facts=error.facts), language)
    assert [str(fact) for fact in error.facts.values() if str(fact) not in told] == []
