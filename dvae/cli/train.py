"""dvae-train RECIPE"""

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
    parser.add_argument(
        "recipe",
        metavar="RECIPE",
        help="what to train, on what and how: a YAML file, or the name of one in config/train",
    )
    add_data_option(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="where the model goes (default: models/NAME of the recipe, if there is none yet)",
    )
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="logs and the state to resume from (default: runs/NAME)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last epoch in the work folder")
    parser.add_argument(
        "--speech",
        type=Path,
        metavar="FOLDER",
        help="train on the audio files of this folder instead of the recipe's speech; LibriSpeech, VoiceBank "
        "and WSJ0 are split as they are meant to be, of other folders a tenth validates",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="SECTION.KEY=VALUE",
        help="change the recipe, for example optimisation.epochs=5",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"), help="default: auto")
    parser.add_argument("--devices", type=int, default=1, metavar="N", help="GPUs (or CPU processes) of this machine")
    parser.add_argument("--nodes", type=int, default=1, metavar="N", help="machines; start the command on each of them")
    return parser


def command(arguments: argparse.Namespace) -> None:
    """Train as the arguments say."""
    from dvae.training.fit import Hardware, fit  # torch and Lightning take seconds to import: not for --help
    from dvae.training.recipe import find_recipe, load_recipe

    recipe = load_recipe(find_recipe(arguments.recipe), arguments.changes)
    if arguments.speech:
        recipe = recipe.with_speech(arguments.speech.expanduser())
        print(recipe.card["data"])
    output = arguments.output or Path("models") / recipe.name
    if (output / "model.yaml").exists() and not (arguments.output or arguments.resume):
        raise ValueError(f"expected no model in {output} yet, got one: --output FOLDER goes elsewhere or replaces it")
    work = arguments.work or Path("runs") / recipe.name
    hardware = Hardware(arguments.device, arguments.devices, arguments.nodes)
    if fit(recipe, arguments.data, output, work, arguments.resume, hardware):
        print(f"best model: {output}; curves: tensorboard --logdir {work}")


def main() -> int:
    """Entry point."""
    return run_command(command, build_parser())


if __name__ == "__main__":
    raise SystemExit(main())
