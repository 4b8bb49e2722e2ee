"""What notebooks compute on, and which of it a worker takes up."""

from enum import StrEnum


class Device(StrEnum):
    """What an assignment is meant for."""

    CPU = "cpu"
    CUDA = "cuda"
    """Its runs wait for a worker with a GPU."""
    ANY = "any"
    """Its notebooks are right on both; whoever is free runs them."""


WITHOUT_GPU = frozenset({Device.CPU, Device.ANY})
"""What a worker without a GPU takes up."""
WITH_GPU = frozenset({Device.CUDA, Device.ANY})
"""The same with one: a notebook that needs none never takes it."""
