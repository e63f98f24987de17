"""Tables of text: one line for each row, printed as soon as it is known."""

from __future__ import annotations

import re
from string import Formatter
from typing import NamedTuple

SPEC = re.compile(r"(?P<side>[<>]?)(?P<width>\d+)(?P<comma>,?)(?:\.\d+)?(?P<kind>[df]?)")


class Column(NamedTuple):
    """Format of the values, what stands before them, and how wide they are."""

    spec: str
    before: str
    width: int


class Table:
    """Columns of fixed width from a template of format fields, whose names are the titles.

    Table("{sequence:12}{MOTA:7.2f} {FP:6d}") has a text of 12 letters, a number with two digits behind the point and a
    count; what stands between fields stands in every line. ValueError for a field without a width.
    """

    def __init__(self, template: str) -> None:
        self._columns: list[Column] = []
        self.header = ""  # the titles, each at the side of its values
        for before, title, spec, _ in Formatter().parse(template):
            found = SPEC.fullmatch(spec or "")
            if title is None or found is None:
                raise ValueError(f"expected fields with a width, such as {{IDF1:8.2f}}, got {before}{title}:{spec}")
            width, side = int(found["width"]), found["side"] or (">" if found["kind"] or found["comma"] else "<")
            self._columns.append(Column(spec or "", before, width))
            self.header += f"{before}{title:{side}{width}}"
        self.header = self.header.rstrip()

    def row(self, *values: object) -> str:
        """One line; None leaves a column empty. ValueError unless there is a value for each column."""
        if len(values) != len(self._columns):
            raise ValueError(f"expected {len(self._columns)} values, got {len(values)}")
        cells = zip(self._columns, values, strict=True)
        return "".join(
            column.before + (" " * column.width if value is None else format(value, column.spec))
            for column, value in cells
        ).rstrip()
