"""dvae-train RECIPE.yaml"""

from __future__ import annotations

import argparse
from pathlib import Path

from dvae.cli.common import add_data_option, run_command


def build_parser() -> argparse.ArgumentParser:
    """The options of dvae-train."""
    parser = argparse.ArgumentParser(
        prog="dvae-train",
        description="Train a model from a recipe (see config/train). The best weights so far are always in the output "
        "folder, with a model card; a run that was killed goes on with --resume.",
    )
    parser.add_argument("recipe", type=Path, metavar="RECIPE.yaml", help="what to train, on what and how")
    add_data_option(parser)
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="where the model goes (default: models/NAME of the recipe)"
    )
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="logs and the state to resume from (default: runs/NAME)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last epoch in the work folder")
    parser.add_argument("--device", default="auto", help="auto, cpu or gpu (default: auto)")
    return parser


def command(arguments: argparse.Namespace) -> None:
    """Train as the arguments say."""
    from dvae.training.fit import fit  # torch and Lightning take seconds to import: not for --help
    from dvae.training.recipe import load_recipe

    recipe = load_recipe(arguments.recipe)
    output = arguments.output or Path("models") / recipe.name
    work = arguments.work or Path("runs") / recipe.name
    fit(recipe, arguments.data, output, work, arguments.resume, arguments.device)
    print(f"best model: {output}")


def main() -> int:
    """Entry point."""
    return run_command(command, build_parser())


if __name__ == "__main__":
    raise SystemExit(main())
