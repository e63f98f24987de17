"""Odd numbers, texts, stamps and bytes, each from a random generator that is passed in."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np

Rng = np.random.Generator
NUMBERS = [
    *(np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e-300, 1e-163, 1e-45, 5e-324, 1e-9, 1e9, 1e19, 1e38, -1e38),
    *(1e40, 1e100, 1e154, 1e155, 1e160, 1e200, 1e300, 1e308, -1e308, 2.0**31, 2.0**53, 2.0**63, 0.5, 100.0, 255.0),
]
TEXTS = [
    "", "person", "Person", " person ", "0", "1", "-1", "nan", "человек", "人", "👤", "é", "e\u0301", "\u202eperson",
    "a" * 10_000, "x,y", "x y", "\n", "\t", "\x00", "'; --", "/etc/passwd", "%s%n", "{}", "\ufeff", "\ud7ff",
]  # fmt: skip


def pick(rng: Rng, values: list[Any]) -> Any:
    """One of them."""
    return values[int(rng.integers(len(values)))]


def number(rng: Rng) -> float:
    """An odd one, or any size there is."""
    kind = rng.random()
    if kind < 0.6:
        return float(pick(rng, NUMBERS))
    size = float(10.0 ** rng.uniform(-320, 308))
    return size if kind < 0.85 else -size


def stamp_of(nanoseconds: int) -> Any:
    """builtin_interfaces/msg/Time, in the range that its fields have."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return SimpleNamespace(sec=int(np.clip(seconds, -(2**31), 2**31 - 1)), nanosec=int(rest))


def stamp(rng: Rng, last: int, step: int) -> Any:
    """The next stamp after `last` ns as sensors give it, mostly: also the same again, late, zero, in 2038."""
    kind = rng.random()
    if kind < 0.8:
        return stamp_of(last + step)
    jump = int(10.0 ** rng.uniform(3, 18))
    choices = [
        stamp_of(last),
        stamp_of(0),
        stamp_of(last - step // 2),
        stamp_of(last - jump),
        stamp_of(last + jump),
        stamp_of(last + 3 * step),
        SimpleNamespace(sec=2**31 - 1, nanosec=999_999_999),
        SimpleNamespace(sec=-(2**31), nanosec=0),
        SimpleNamespace(sec=1, nanosec=2**32 - 1),
        stamp_of(last + 100 * step),
    ]
    return pick(rng, choices)


def mutated(data: bytes, rng: Rng, tokens: list[bytes]) -> bytes:
    """Bytes cut, doubled, flipped, overwritten, with tokens put in: one to four such changes."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        size = max(len(out), 1)
        at, length = int(rng.integers(size)), int(min(10 ** rng.uniform(0, 3.5), size))
        kind = int(rng.integers(9))
        if kind == 0:
            del out[at:]
        elif kind == 1:
            del out[at : at + length]
        elif kind == 2:
            out[at:at] = out[at : at + length]
        elif kind == 3:
            out[at : at + length] = bytes(length)
        elif kind == 4:
            out[at : at + 1] = bytes([int(rng.integers(256))])
        elif kind == 5 and out:
            out[at % len(out)] ^= 1 << int(rng.integers(8))
        elif kind == 6:
            out[at : at + 4] = int(rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1])).to_bytes(4, "little")
        elif kind == 7 and tokens:
            out[at : at + int(rng.integers(2)) * 4] = pick(rng, tokens)
        elif kind == 8:
            early = int(rng.integers(min(size, 64)))  # headers are where most is decided
            out[early : early + 1] = bytes([int(rng.integers(256))])
    return bytes(out)


def mutated_text(text: bytes, rng: Rng, tokens: list[bytes]) -> bytes:
    """One to three of the numbers or words replaced by a token, or a line doubled, left out or moved; half of the time
    bytes as in any other file."""
    if rng.random() < 0.3:
        return mutated(text, rng, tokens)
    for _ in range(int(rng.integers(1, 4))):
        kind, lines = rng.random(), text.split(b"\n")
        words = list(re.finditer(rb"[\w.+-]+", text))
        at = int(rng.integers(len(lines)))
        if kind < 0.7 and words:
            word = pick(rng, words)
            text = text[: word.start()] + pick(rng, tokens) + text[word.end() :]
            continue
        line = lines.pop(at)
        if kind < 0.8:
            lines[at:at] = [line, line]
        elif kind < 0.9:
            lines.insert(int(rng.integers(len(lines) + 1)), line)
        text = b"\n".join(lines)
    return text
