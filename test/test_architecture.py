"""The page on the architecture says what the code does."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from import_graph import MODULES, ROOT, arrows, between_rooms, room

PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_picture_of_the_rooms_is_the_one_of_the_imports() -> None:
    picture = re.search(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
    assert picture is not None
    drawn = re.findall(r"(\w+) --> (\w+)", picture[1])
    assert len(set(drawn)) == len(drawn)
    assert set(drawn) == arrows(between_rooms())
    assert set(between_rooms()) == set(re.findall(r"^ {8}(\w+)$", picture[1], re.MULTILINE))


def test_table_of_the_rooms_has_every_import() -> None:
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", PAGE, re.MULTILINE)
    assert {name: set(re.findall(r"\w+", imported)) for name, imported in rows} == between_rooms()


@pytest.mark.parametrize("walk", ["A box", "A sample"])
def test_walks_enter_each_room_once_and_name_what_there_is(walk: str) -> None:
    section = re.search(rf"^## {walk}, from message to message\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None
    steps = re.findall(r"^\d+\. \*\*(\w+)\*\* ((?:`[\w/.]+`,?\s+)*`[\w/.]+`):", section[1], re.MULTILINE)
    assert len(steps) == len(re.findall(r"^\d+\.", section[1], re.MULTILINE)) >= 5
    rooms = [name for name, _ in steps]
    assert len(set(rooms)) == len(rooms)
    for name, named in steps:
        path = None
        for word in re.findall(r"`([\w/.]+)`", named):
            if word.endswith(".py"):
                path = ROOT / word
                assert path in MODULES.values()
                assert name == room(next(module for module, file in MODULES.items() if file == path))
            else:
                assert path is not None
                assert word in defined(path), f"{walk}: no {word} in {path}"


def defined(path: Path) -> set[str]:
    """Functions, classes and methods of a file: step, Tracker, Tracker.update."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return found
