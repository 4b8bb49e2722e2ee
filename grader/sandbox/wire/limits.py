"""What the wire can carry: sizes, depths, dtypes, layouts, and the reasons for which a value stays in its kernel."""

import struct
from collections.abc import Mapping
from typing import Final, TypeAlias

FRAME_MAX_BYTES: Final = 24 * 1024**2
"""Of one reply, header included; the kernel is told to stay under it."""
HEADER_MAX_BYTES: Final = 2 * 1024**2
NODES_MAX: Final = 20_000
"""Values in one reply, those inside lists and dicts counted."""
DEPTH_MAX: Final = 12
TEXT_MAX_CHARS: Final = 64 * 1024
NAME_MAX_CHARS: Final = 4000
"""Of a name that is asked for: an author's expression may be long and have several lines."""
INT_MAX_BITS: Final = 8192
NDIM_MAX: Final = 64
ELEMENTS_MAX: Final = 2**40
"""Product of a shape's dimensions, empty ones left out: an empty array must not claim sizes that NumPy refuses."""
STORED_MAX_BYTES: Final = 128 * 1024**2
"""Of all replies of one execution, decompressed."""
ALWAYS_STORED_BYTES: Final = 256
"""A value of this size is stored even over the cap: its digest would hardly be smaller."""
NAMES_SECONDS: Final = 5.0
"""Budget for taking names out; only an author's expressions can take longer than moments."""

DTYPE_BYTES: Final[Mapping[str, int]] = {
    "bool": 1,
    "uint8": 1,
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
    "int8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
}
REASONS: Final = frozenset(
    {"type", "too_large", "too_deep", "layout", "quantized", "meta", "device", "unreadable"},
)
SEQUENCES: Final = frozenset({"list", "tuple", "Size"})
STRIDED: Final = "strided"
LAYOUTS: Final = frozenset({STRIDED, "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc"})
LENGTH: Final = struct.Struct(">I")

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
