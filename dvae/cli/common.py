"""What the command lines share: a caller's mistake is one line on stderr and exit status 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path


def run_command(command: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> int:
    """Parse the arguments and run `command`; returns the exit status."""
    arguments = parser.parse_args()
    try:
        command(arguments)
    except (ValueError, OSError) as error:
        message = " ".join(str(error).split())
        print(f"{parser.prog}: error: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted", file=sys.stderr)
        return 130
    return 0


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """--data FOLDER, by default the environment variable DVAE_DATA."""
    folder = os.environ.get("DVAE_DATA")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(folder) if folder else None,
        metavar="FOLDER",
        help="folder that holds the data sets (default: the environment variable DVAE_DATA)",
    )
