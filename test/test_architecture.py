"""The page on the architecture says what the code does."""

from __future__ import annotations

import re

from import_graph import ROOT, arrows, between_rooms

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
