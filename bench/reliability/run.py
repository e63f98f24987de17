"""What the package survives, in one table: python bench/reliability/run.py [--quick] [--seed N] [--only PART ...]"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))

from outcome import Effort, Outcome

from dvae.threads import use_one_thread

PARTS = ("kinds", "storm_tracker", "storm_enhancer", "storm_files", "kills", "scarcity", "endurance", "bursts")


def main() -> int:
    """Run the parts, print the table; 1 when anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=PARTS, metavar="PART", choices=PARTS)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    use_one_thread()
    effort = Effort(arguments.seed, arguments.quick, arguments.folder or Path(tempfile.mkdtemp()))
    rows: list[Outcome] = []
    for part in arguments.only:
        for row in import_module(part).outcomes(effort):
            print(row, flush=True)
            rows.append(row)
    for text in effort.failures[:60]:
        print("FAILED", text)
    return int(any(row.failed for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
