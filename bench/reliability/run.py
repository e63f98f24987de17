"""What the package survives, in one table: bash bench/reliability/run.sh [--quick] [--seed N] [--only PART ...]"""

from __future__ import annotations

import argparse
import shutil
import sys
import warnings
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))

from outcome import Effort, Outcome
from table import terminal_table, write_page

from dvae.threads import use_one_thread

PARTS = ("kinds", "storm_tracker", "storm_enhancer", "storm_files", "kills", "scarcity", "endurance", "bursts")
FOLDER = Path("out/reliability")


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: less than ten minutes")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--only", nargs="+", default=PARTS, metavar="PART", choices=PARTS, help=", ".join(PARTS))
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where failures are saved (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page, such as docs/reliability.md")
    return parser


def main() -> int:
    """Run the parts, print the table; 1 when anything failed."""
    arguments = build_parser().parse_args()
    use_one_thread()
    warnings.simplefilter("ignore", RuntimeWarning)  # of numpy, on numbers that are none
    shutil.rmtree(arguments.folder, ignore_errors=True)
    effort = Effort(arguments.seed, arguments.quick, arguments.folder.resolve())
    effort.folder.mkdir(parents=True)
    rows: list[Outcome] = []
    for part in arguments.only:
        rows += import_module(part).outcomes(effort)
    print(terminal_table(rows))
    for text in effort.failures:
        print("FAILED", text)
    if arguments.write:
        quick = " --quick" * arguments.quick + f" --seed {arguments.seed}" * (arguments.seed != 0)
        write_page(arguments.write, rows, effort, f"bash bench/reliability/run.sh{quick} --write docs/reliability.md")
    return int(any(row.failed for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
