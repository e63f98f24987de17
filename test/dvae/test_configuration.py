from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dvae.configuration import MAX_YAML, from_mapping, parse_yaml, read_yaml, setting


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
        ({"rate": 10**400}, "rate: expected float, got 1000.* ...$"),
        ({1: 2}, "unknown key '1' for Example"),
        ([1], r"expected keys and values for Example, got \[1\]"),
        (None, "expected keys and values for Example, got None"),
        ({"count": ["x"] * 10**5}, r"count: expected int, got \['x', .* ...$"),
    ],
)
def test_mistakes_name_key_expected_and_got(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_mapping(Example, values)


def bomb(first: str, level: str) -> str:
    """Ten levels, each nine times the one before."""
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{i}: &a{i} {level.replace('+', ','.join([f'*a{i - 1}'] * 9))}" for i in range(1, 10)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", r"^expected YAML, got expected ',' or ']', but got ':' \(line 3\)"),
        ("a: 1\n\tb: 2", r"^expected YAML, got found character .* \(line 2\)"),
        (
            bomb("[x, x]", "[+]"),
            "^expected YAML, got .* of at most 100,000 characters once its aliases are written out",
        ),
        (bomb("{x: 1}", "{<<: [+]}"), "once its aliases are written out"),
        ("a: &a [*a]", "nested too deeply or contains itself"),
        ("[" * 20000, "nested too deeply or contains itself"),
        ("x" * (MAX_YAML + 1), "expected YAML of at most 100,000 characters, got more"),
        ("!!python/object:os.system {}", r"^expected YAML, got could not determine a constructor .* \(line 1\)"),
        ("!!timestamp x", "^expected YAML, got "),
        ("!!int ''", "^expected YAML, got "),
        ("2026-13-45", "^expected YAML, got month must be in"),
        ("1:" * 400 + "1.5", "^expected YAML, got int too large"),
        ("a: \x00", "^expected YAML, got "),
        ("--- 1\n--- 2", r"^expected YAML, got but found another document \(line 2\)"),
        ("{[1]: 2}", r"^expected YAML, got found unhashable key \(line 1\)"),
    ],
)
def test_text_that_is_no_yaml(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        parse_yaml(text)
    assert len(str(raised.value)) < 200


def test_no_text_gives_anything_but_values_or_a_value_error(rng: Any) -> None:
    """All short texts of what YAML gives a meaning to, and long random ones."""
    letters = ["a", "1", ":", " ", "-", "\n", "[", "]", "{", "}", ",", "&a ", "*a", "!", "!!int ", "<<", "'", "|", "#"]
    texts = ["".join(text) for n in (1, 2, 3) for text in itertools.product(letters, repeat=n)]
    texts += ["".join(rng.choice(letters, 40)) for _ in range(2000)]
    outcomes = set()
    for text in texts:
        try:
            parse_yaml(text)
            outcomes.add("value")
        except ValueError:
            outcomes.add("error")
    assert outcomes == {"value", "error"}


def test_a_file_is_named_and_read_no_further_than_needed(tmp_path: Path) -> None:
    assert parse_yaml("") is None
    path = tmp_path / "a.yaml"
    path.write_text("base: &base {rate: 1}\nmore: {<<: *base, mode: b}\n")  # aliases of a sane size are fine
    assert read_yaml(path) == {"base": {"rate": 1}, "more": {"rate": 1, "mode": "b"}}
    path.write_bytes(b"a: \xff")
    with pytest.raises(ValueError, match=r"a.yaml: 'utf-8' codec"):
        read_yaml(path)
    with pytest.raises(ValueError, match="/dev/zero: expected YAML of at most"):
        read_yaml(Path("/dev/zero"))
