"""The rows as a table for the terminal and as the page docs/reliability.md."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from outcome import Effort, Outcome

PACKAGES = ("numpy", "torch", "numba", "soundfile", "soxr", "opencv-python-headless", "rosbags", "ros-rclpy")
TITLES = {
    "sound": "Sound",
    "boxes": "Boxes",
    "bags": "Bags",
    "files": "Files",
    "ROS": "ROS",
    "tracker": "Storms of odd messages",
    "enhancer": "Storms of odd messages",
    "mutated": "Mutated files through the command lines",
    "kills": "kill -9",
    "scarcity": "What a machine may lack",
    "endurance": "For long",
    "bursts": "Bursts",
}
INTRODUCTION = """# Reliability
What was tried on the package, and what it survived. Every row is made by one command, which says of a row that fails
which seed and input failed, and saves them:

    {command}

`bash bench/reliability/run.sh --quick` takes some minutes and tries less of the storms, `--seed N` tries others,
`--only kills` (or another part) one part, `--write FILE` writes this page. A little of each storm is part of the tests
(`test/fuzz`).

A row counts as failed for: an exception other than the `ValueError` that is reported to the user; a traceback, a hang
or more than 1 GiB in a command line; results that are not finite; an id twice; memory that grows; and afterwards, four
people without four stable ids, or clean speech that does not come out as from a program that was just started.
"""


def versions() -> str:
    """Of Python and what matters most."""
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def terminal_table(rows: Sequence[Outcome]) -> str:
    """One line a row, failures marked."""
    width = max((len(row.what) for row in rows), default=0)
    lines = []
    for row in rows:
        state = "not tried" if not row.tried else "ok" if not row.failed else f"{row.failed} FAILED"
        lines.append(f"{row.part:<9} {row.what:<{width}} {row.tried:>7} {state:>10} {row.seconds:7.1f} s  {row.facts}")
    return "\n".join(lines)


def page(rows: Sequence[Outcome], effort: Effort, command: str) -> str:
    """The markdown page."""
    lines = [INTRODUCTION.format(command=command).rstrip()]
    lines += ["", f"Seed {effort.seed}, {len(rows)} rows in {sum(row.seconds for row in rows) / 60:.0f} minutes on"]
    lines += [f"{versions()}, two cores that also did other work."]
    title = ""
    for row in rows:
        if TITLES.get(row.part, row.part) != title:
            title = TITLES.get(row.part, row.part)
            lines += ["", f"## {title}", "| what was tried | times | survived | |", "|---|---|---|---|"]
        survived = "not tried" if not row.tried else "yes" if not row.failed else f"all but {row.failed}"
        cells = (row.what, f"{row.tried:,}", survived, row.facts)
        lines.append("| " + " | ".join(" ".join(cell.replace("|", "/").split()) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def write_page(path: Path, rows: Sequence[Outcome], effort: Effort, command: str) -> None:
    """Write the page."""
    path.write_text(page(rows, effort, command))
