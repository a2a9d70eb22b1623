"""Columns as bytes, for what the catalogue keeps beside the files.

Enters: arrays and strings by name. Leaves: bytes, and back. zstd over msgpack; little-endian.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
_MOST = 1 << 31
"""Bytes that a body may unpack to; it is our own."""


def pack(arrays: Arrays) -> bytes:
    """These arrays, whatever their types and shapes."""
    plain = {
        name: (array.dtype.str, array.shape, np.ascontiguousarray(array).tobytes())
        for name, array in arrays.items()
    }
    return compressed(msgspec.msgpack.encode(plain))


def unpack(body: bytes) -> dict[str, NDArray[Any]]:
    """What `pack` was given."""
    plain = msgspec.msgpack.decode(
        decompressed(body), type=dict[str, tuple[str, tuple[int, ...], bytes]]
    )
    return {
        name: np.frombuffer(data, dtype).reshape(shape)
        for name, (dtype, shape, data) in plain.items()
    }


def compressed(body: bytes) -> bytes:
    """zstd, its size stated."""
    return zstandard.ZstdCompressor(level=3).compress(body)


def decompressed(body: bytes) -> bytes:
    """What was compressed."""
    return zstandard.ZstdDecompressor().decompress(body, max_output_size=_MOST)
