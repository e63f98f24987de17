"""Names of nodes as a parameter or a command line gives them."""

from __future__ import annotations

from typing import Any


def split_names(given: Any) -> list[str]:
    """A list, or a text with or without brackets, separated by commas or spaces -> the names, each once."""
    names = given.strip(" []").replace(",", " ").split() if isinstance(given, str) else list(given or [])
    return list(dict.fromkeys(str(name).strip(" '\"") for name in names))
