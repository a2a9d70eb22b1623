"""Inventories as the journal keeps them: whole now and then, else as what differs from the last
whole one.

Enters: a serialized inventory and the body of the entry that it may be told by. Leaves: a body, and
the inventory again, byte for byte: a restart replays what was told. A body is a zstd frame, of a
difference with the whole inventory as its dictionary; `base` is the entry's column that says which:
None a body as an earlier release wrote it, plain; 0 a whole one; else the `seq` of the whole one.
A server in churn changes a few lines of hundreds each time, and tells all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import zstandard

from hub.defaults import MAX_MESSAGE_BYTES

WHOLE_AGAIN = 0.5
"""A difference of this share of a whole body is no gain any more: the next whole one."""


@dataclass(frozen=True, slots=True)
class Base:
    """A whole inventory that others are told by."""

    seq: int
    inventory: bytes
    body_bytes: int


def difference(inventory: bytes, base: Base) -> bytes | None:
    """The body by this base; None where a whole one is better."""
    body = zstandard.ZstdCompressor(3, dict_data=_dictionary(base.inventory)).compress(inventory)
    return body if len(body) < base.body_bytes * WHOLE_AGAIN else None


def whole(inventory: bytes) -> bytes:
    """The body of a whole one."""
    return zstandard.ZstdCompressor(3).compress(inventory)


def read_whole(body: bytes, base: int | None) -> bytes:
    """The inventory of a body that needs no other."""
    if base is None:
        return body
    return zstandard.ZstdDecompressor().decompress(body, MAX_MESSAGE_BYTES)


def read_difference(body: bytes, inventory: bytes) -> bytes:
    """The inventory of a body, by the whole one."""
    decompressor = zstandard.ZstdDecompressor(dict_data=_dictionary(inventory))
    return decompressor.decompress(body, MAX_MESSAGE_BYTES)


def _dictionary(inventory: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(inventory, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
