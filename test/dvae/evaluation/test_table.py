from __future__ import annotations

import pytest

from dvae.evaluation.table import Table


def test_titles_stand_at_the_side_of_their_values() -> None:
    table = Table("{sequence:9}{MOTA:7.2f} {FP:4d}  {past:>4}{parameters:12,}{s each:<8.1f}")
    lines = [table.header, table.row("one", 12.345, 7, "GEN", 1234567, 2.0)]
    assert lines == [
        "sequence    MOTA   FP  past  parameters" + "s each",
        "one        12.35    7   GEN   1,234,567" + "2.0",
    ]


def test_what_is_not_known_leaves_its_column_empty() -> None:
    table = Table("{:6}{HOTA:8.1f}{p50 ms:8.2f}{Switches:9d}")
    assert table.row("ours", 1.0, None, 3) == "ours       1.0                3"
    assert table.row("ours", 1.0, 2.0, None) == "ours       1.0    2.00"


def test_a_table_that_is_none() -> None:
    with pytest.raises(ValueError, match="expected 2 values, got 1"):
        Table("{a:3}{b:3d}").row("x")
    for template in ("{a:3}{b}", "{a:.2f}", "{a:3} ms"):
        with pytest.raises(ValueError, match="expected fields with a width"):
            Table(template)
