from __future__ import annotations

from dataclasses import dataclass

import pytest

from dvae.configuration import from_mapping, setting


@dataclass(frozen=True)
class Example:
    """For the tests."""

    rate: float = setting(1.0, "a rate", minimum=0.0, maximum=2.0)
    count: int = setting(3, "a count")
    mode: str = setting("a", "a mode", choices=("a", "b"))


def test_values_are_taken_and_whole_numbers_become_floats() -> None:
    assert from_mapping(Example, {"rate": 2, "mode": "b"}) == Example(rate=2.0, mode="b")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rat": 1.0}, "unknown key 'rat' for Example; the nearest valid key is 'rate'"),
        ({"rate": 2.5}, r"rate: expected a value in \[0, 2\], got 2.5"),
        ({"count": 1.5}, "count: expected int, got 1.5"),
        ({"count": True}, "count: expected int, got True"),
        ({"mode": "c"}, "mode: expected one of a, b, got 'c'"),
    ],
)
def test_mistakes_name_key_expected_and_got(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_mapping(Example, values)
