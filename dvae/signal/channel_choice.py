"""Which channels of a recording are used: "all", or numbers from 1 on such as "1-4", "1,3" or "2"."""

from __future__ import annotations

import re

ALL_CHANNELS = "all"
MAX_CHANNELS = 64
_AROUND_SIGN = re.compile(r" *([,-]) *")  # "1 2" is not 12
_RANGE = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")


def parse_channels(text: str) -> tuple[int, ...] | None:
    """Indices from 0 on, in the order of the text; None for "all". ValueError for anything else."""
    if text.strip().lower() == ALL_CHANNELS:
        return None
    found: list[int] = []
    for part in _AROUND_SIGN.sub(r"\1", text.strip()).split(","):
        match = _RANGE.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last <= MAX_CHANNELS:
            raise ValueError(_expected(text))
        found += range(first - 1, last)
    if len(set(found)) < len(found):
        raise ValueError(f"{_expected(text)}, which has a channel twice")
    return tuple(found)


def _expected(text: str) -> str:
    return f'channels: expected "all" or numbers from 1 to {MAX_CHANNELS} such as "1-4" or "1,3", got {text!r}'


def channels_text(indices: list[int]) -> str:
    """Indices from 0 on, ascending -> the shortest text for `parse_channels`."""
    parts: list[list[int]] = []
    for index in indices:
        if parts and index == parts[-1][1] + 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ",".join(str(a + 1) if a == b else f"{a + 1}-{b + 1}" for a, b in parts)
