"""What is asked of NVIDIA's management library, which tells about GPUs without touching CUDA."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

_T = TypeVar("_T")


class NvmlTrouble(Exception):
    """NVML is not there, or does not answer."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One GPU."""

    uuid: str
    name: str
    minor: int
    """The n of /dev/nvidia<n>."""
    memory_bytes: int


class Nvml(Protocol):
    """Every method raises NvmlTrouble where there is no answer."""

    @property
    def driver(self) -> str:
        """Its version."""

    @property
    def library_folder(self) -> Path | None:
        """Where the driver's libraries lie; None where that cannot be told."""

    def list_cards(self) -> tuple[Card, ...]:
        """In the order of their minor numbers."""

    def used_bytes(self, card: Card) -> int:
        """Of its memory, by whomever."""

    def list_processes(self, card: Card) -> Mapping[int, int | None]:
        """Bytes by process number, as this process sees it; None where the driver does not tell how many."""


class DriverNvml:
    """The library that comes with the driver, through NVIDIA's own binding."""

    def __init__(self) -> None:
        """Raises NvmlTrouble where there is no driver."""
        import pynvml  # the binding loads the library when it is asked to begin, never when it is imported

        self._library = pynvml
        self._ask(pynvml.nvmlInit)

    @property
    def driver(self) -> str:
        return str(self._ask(self._library.nvmlSystemGetDriverVersion))

    @property
    def library_folder(self) -> Path | None:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
        return next((Path(line.split()[-1]).parent for line in lines if "/libnvidia-ml.so" in line), None)

    def list_cards(self) -> tuple[Card, ...]:
        count = self._ask(self._library.nvmlDeviceGetCount)
        cards = [self._read_card(self._ask(self._library.nvmlDeviceGetHandleByIndex, index)) for index in range(count)]
        return tuple(sorted(cards, key=lambda card: card.minor))

    def used_bytes(self, card: Card) -> int:
        return int(self._ask(self._library.nvmlDeviceGetMemoryInfo, self._find(card)).used)

    def list_processes(self, card: Card) -> Mapping[int, int | None]:
        handle = self._find(card)
        lists = (
            self._library.nvmlDeviceGetComputeRunningProcesses,
            self._library.nvmlDeviceGetGraphicsRunningProcesses,
        )
        return {entry.pid: entry.usedGpuMemory for ask in lists for entry in self._ask(ask, handle)}

    def _find(self, card: Card) -> Any:  # noqa: ANN401 - a handle of the library's
        return self._ask(self._library.nvmlDeviceGetHandleByUUID, card.uuid)

    def _read_card(self, handle: Any) -> Card:  # noqa: ANN401 - a handle of the library's
        return Card(
            uuid=str(self._ask(self._library.nvmlDeviceGetUUID, handle)),
            name=str(self._ask(self._library.nvmlDeviceGetName, handle)),
            minor=int(self._ask(self._library.nvmlDeviceGetMinorNumber, handle)),
            memory_bytes=int(self._ask(self._library.nvmlDeviceGetMemoryInfo, handle).total),
        )

    def _ask(self, function: Callable[..., _T], *arguments: object) -> _T:
        try:
            return function(*arguments)
        except self._library.NVMLError as error:
            raise NvmlTrouble(str(error)) from error
