"""dvae-evaluate enhancement | tracking | tracking3 | resynthesis | generation | latents"""

from __future__ import annotations

import argparse

from dvae.cli import evaluate_enhancement, evaluate_speech, evaluate_tracking
from dvae.cli.common import run_command


def build_parser() -> argparse.ArgumentParser:
    """The options of dvae-evaluate; each task says by `run` what it does."""
    parser = argparse.ArgumentParser(
        prog="dvae-evaluate", description="Score the shipped models, or yours, on data of yours."
    )
    tasks = parser.add_subparsers(dest="task", required=True)
    evaluate_enhancement.add_parser(tasks)
    evaluate_speech.add_parsers(tasks)
    evaluate_tracking.add_parsers(tasks)
    return parser


def command(arguments: argparse.Namespace) -> None:
    """Evaluate as the arguments say."""
    arguments.run(arguments)


def main() -> int:
    """Entry point."""
    return run_command(command, build_parser())


if __name__ == "__main__":
    raise SystemExit(main())
