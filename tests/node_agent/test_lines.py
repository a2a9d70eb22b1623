from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from node_agent.lines import Block, LineBuffer, OverLong


def split(content: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(content[:size])
        content = content[size:]
    return [*pieces, content]


@given(
    st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=20),
    st.lists(st.integers(1, 40), max_size=30),
    st.integers(0, 1000),
)
def test_lines_come_out_whole_and_once_however_they_are_read(
    lines: list[bytes], sizes: list[int], offset: int
) -> None:
    limit = 12
    content = b"".join(line + b"\n" for line in lines) + b"half"
    buffer = LineBuffer(offset, limit)
    at = offset
    found: list[bytes] = []
    for piece in split(content, sizes):
        for out in buffer.feed(piece):
            assert out.offset == at
            at = out.end_offset
            if isinstance(out, Block):
                found += out.data.split(b"\n")[:-1]
            else:
                found.append(b"over")
    assert found == [line if len(line) <= limit else b"over" for line in lines]
    assert buffer.start == at == offset + len(content) - len(b"half")


def test_an_endless_line_does_not_grow_the_buffer() -> None:
    buffer = LineBuffer(limit=1000)
    for _ in range(100):
        assert buffer.feed(b"x" * 500) == []
    assert len(buffer._half) <= 1000
    out = buffer.feed(b"x\n{}\n")
    assert isinstance(out[0], OverLong)
    assert (out[0].offset, out[0].end_offset, out[0].sample) == (0, 50_002, b"x" * 200)
    assert out[1:] == [Block(50_002, b"{}\n")]
