"""What the command lines share: a caller's mistake is one line on stderr and exit status 2."""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvae.files import printable

PART_FAILED = 1  # exit status: part of the work could not be done
WRONG_USE = 2
MAX_NUMBER = 1_000_000  # of an option that counts


class Terminated(BaseException):
    """SIGTERM came: the command ends as on Ctrl-C, by way of its `finally`."""


def run_command(command: Callable[[argparse.Namespace], int | None], parser: argparse.ArgumentParser) -> int:
    """Parse the arguments and run `command`; returns the exit status, which is what `command` returns, or 0."""
    arguments = parser.parse_args()
    try:
        with terminated_by_signal():
            return command(arguments) or 0
    except (ValueError, OSError, MemoryError) as error:
        message = one_line(error) or "not enough memory"
        print(f"{parser.prog}: error: {message}", file=sys.stderr)
        return WRONG_USE
    except (KeyboardInterrupt, Terminated) as stopped:
        is_terminated = isinstance(stopped, Terminated)
        print(f"{parser.prog}: {'terminated' if is_terminated else 'interrupted'}", file=sys.stderr)
        return 128 + (signal.SIGTERM if is_terminated else signal.SIGINT)


@contextmanager
def terminated_by_signal() -> Iterator[None]:
    """Inside, SIGTERM raises `Terminated`, so that nothing half done stays behind."""

    def terminate(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def one_line(what: object) -> str:
    """Text, or what an error says, for a terminal."""
    if isinstance(what, OSError) and what.strerror:  # without its number
        what = f"{what.filename}: {what.strerror}" if what.filename else what.strerror
    return printable(what)


def integer(minimum: int, maximum: int = MAX_NUMBER) -> Callable[[str], int]:
    """The type of an option that is a whole number from `minimum` to `maximum`."""

    def number(text: str) -> int:
        value = int(text)
        if not minimum <= value <= maximum:
            raise argparse.ArgumentTypeError(f"expected {minimum} to {maximum:,}, got {text:.20}")
        return value

    number.__name__ = "whole number"  # what argparse says of other text
    return number


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
    from dvae.configuration import from_mapping, parse_yaml, unknown_key

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
        try:
            values[owner][name] = parse_yaml(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return [from_mapping(config, found) for config, found in zip(configs, values, strict=True)]
