"""What the command lines share: a caller's mistake is one line on stderr and exit status 2."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


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


def below(root: Path | None, folder: Path) -> Path:
    """`folder` below the data folder, or as it is when that exists."""
    if folder.is_dir():
        return folder
    if root is None:
        raise ValueError(f"{folder} is not a folder: pass --data FOLDER or set DVAE_DATA")
    return root / folder


def add_enhancer_options(parser: argparse.ArgumentParser) -> None:
    """--preset and --model of the streaming enhancer."""
    from dvae.enhancement.config import PRESETS

    parser.add_argument("--preset", default="quality", choices=tuple(PRESETS), help="default: %(default)s")
    parser.add_argument("--model", default="", help="a shipped model or a folder, instead of the preset's")


def settings_from_options(configs: Sequence[type], options: Sequence[str]) -> list[Any]:
    """NAME=VALUE options -> one instance of each of the frozen dataclasses `configs`, or ValueError."""
    import yaml

    from dvae.configuration import from_mapping, unknown_key

    values: list[dict[str, Any]] = [{} for _ in configs]
    names = [{field.name for field in dataclasses.fields(config)} for config in configs]
    for text in options:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"expected NAME=VALUE, got {text!r}")
        owner = next((i for i, known in enumerate(names) if name in known), None)
        if owner is None:
            owners = ", ".join(config.__name__ for config in configs)
            raise ValueError(unknown_key(name, owners, sorted(set().union(*names))))
        values[owner][name] = yaml.safe_load(value)
    return [from_mapping(config, found) for config, found in zip(configs, values, strict=True)]
