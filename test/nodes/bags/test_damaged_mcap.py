"""What is left of a chunk that was cut or damaged."""

from __future__ import annotations

import lz4.frame
import numpy as np
import pytest
from rosbags.rosbag2 import storage_mcap

from dvae_nodes.bags.damaged_mcap import decompressed, records, strings

DATA = np.random.default_rng(0).integers(0, 40, 500_000, dtype=np.uint8).tobytes()
PACKED = {"zstd": storage_mcap.zstd.compress(DATA), "lz4": lz4.frame.compress(DATA), "": DATA}


@pytest.mark.parametrize("kind", ["zstd", "lz4"])
def test_the_beginning_of_a_compressed_chunk(kind: str) -> None:
    assert decompressed(PACKED[kind], kind) == DATA
    half = decompressed(PACKED[kind][: len(PACKED[kind]) // 2], kind)
    assert len(half) > 100_000
    assert DATA.startswith(half)
    damaged = bytearray(PACKED[kind])
    damaged[4 : len(damaged) // 2 : 50] = bytes(len(range(4, len(damaged) // 2, 50)))
    assert len(decompressed(bytes(damaged), kind)) < len(DATA)
    assert decompressed(DATA, "snappy") == b""


def test_records_end_where_one_is_not_whole() -> None:
    two = b"\x05\x02" + bytes(7) + b"ab" + b"\x06\x01" + bytes(7) + b"c"
    assert [(kind, bytes(body)) for kind, body in records(memoryview(two))] == [(5, b"ab"), (6, b"c")]
    assert [kind for kind, _ in records(memoryview(two[:-1]))] == [5]
    assert [kind for kind, _ in records(memoryview(two[:11] + b"\x06" + b"\xff" * 8 + b"c"))] == [5]


def test_strings() -> None:
    assert strings(memoryview(b"\x02\0\0\0ab\0\0\0\0c"), 2) == ["ab", ""]
