from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_agent.stamps import all_utc_ns, parse_ns
from tests.node_agent.build import stamp


@given(st.integers(0, 4_100_000_000_000_000_000))
def test_every_nanosecond_is_read_exactly(ns: int) -> None:
    assert all_utc_ns([stamp(ns)]) == [parse_ns(stamp(ns))] == [ns]


@given(
    st.lists(st.integers(0, 4_100_000_000), min_size=1, max_size=40), st.integers(1, 999_999_999)
)
def test_many_at_once_are_what_each_is(seconds: list[int], fraction: int) -> None:
    times = [second * 1_000_000_000 + fraction for second in seconds]
    assert all_utc_ns(list(map(stamp, times))) == times


def test_an_offset_is_subtracted() -> None:
    assert [parse_ns("2026-11-22T12:55:26.1573+02:00")] == all_utc_ns(["2026-11-22T10:55:26.1573Z"])
    assert [parse_ns("2026-11-22T05:25:26-05:30")] == all_utc_ns(["2026-11-22T10:55:26Z"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-22",
        "2026-11-22T10:55:26.Z",
        "2026-11-22T10:55:26.1234567890Z",
        "2026-13-22T10:55:26.1Z",
        "2026-11-22 10:55:26.1Z",
        "9999-11-22T10:55:26.1Z",
        "1969-12-31T23:59:59.9Z",
        "2026-11-22T10:55:26.١Z",
        "1795344926123456789Z",
        "1232026-11-22T10:55:26.456789Z",
        "2026-11-22T10:55:26.12345678,Z",
        "2026-11-22T10:55:26.1234e6789Z",
    ],
)
def test_what_is_no_stamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a time|out of range|month"):
        all_utc_ns(["2026-11-22T10:55:26.157397754Z", text])
