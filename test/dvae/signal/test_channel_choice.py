"""Text for channels."""

from __future__ import annotations

import pytest

from dvae.signal.channel_choice import channels_text, parse_channels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", None),
        (" ALL ", None),
        ("1-4", (0, 1, 2, 3)),
        ("1,3", (0, 2)),
        ("2", (1,)),
        ("6, 1 - 2", (5, 0, 1)),
        ("64", (63,)),
    ],
)
def test_numbers_begin_at_one(text: str, expected: tuple[int, ...] | None) -> None:
    assert parse_channels(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "0", "0-3", "4-1", "1-", "-2", "a", "1;2", "1 2", "1 2-3", "1-1 2", "1,,2", "65", "1-999", "1.5", "1-2-3"],
)
def test_anything_else_is_one_line(text: str) -> None:
    with pytest.raises(ValueError, match='channels: expected "all" or numbers from 1 to 64 such as "1-4"') as error:
        parse_channels(text)
    assert repr(text) in str(error.value)


def test_a_channel_is_not_used_twice() -> None:
    with pytest.raises(ValueError, match="which has a channel twice"):
        parse_channels("1-3,2")


def test_the_shortest_text_is_read_again() -> None:
    for indices, text in (([0, 1, 2, 3], "1-4"), ([1, 2, 3, 4, 5], "2-6"), ([0, 2, 3], "1,3-4"), ([7], "8")):
        assert channels_text(indices) == text
        assert parse_channels(text) == tuple(indices)
