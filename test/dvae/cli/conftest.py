from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the main of a module with arguments, as the command does; gives its exit status."""

    def command(module: str, *arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["command", *map(str, arguments)])
        return int(importlib.import_module(module).main())

    return command
