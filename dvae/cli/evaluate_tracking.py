"""dvae-evaluate tracking | tracking3: the tracker on MOTChallenge folders."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from dvae.cli.common import add_data_option, below, integer


def add_parsers(tasks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of both tasks."""
    tracking = tasks.add_parser(
        "tracking",
        help="MOTA, IDF1 and identity switches of the online tracker on MOTChallenge folders",
        description="Track the detections of every sequence below a folder and score the tracks against its truth "
        "(motmetrics, IoU 0.5).",
    )
    tracking.set_defaults(run=evaluate_tracking)
    add_sequence_options(tracking)
    tracking.add_argument("--model", default="motion_srnn", help="a shipped model or a folder (default: %(default)s)")
    three = tasks.add_parser(
        "tracking3",
        help="MixDVAE, Deep AR and VKF on scenes of three people, the protocol of the thesis",
        description="Cut scenes of three people and T frames out of every sequence below a folder, follow them with "
        "the sequence algorithm, and print standard scores (motmetrics, IoU 0.5) beside those of the thesis' scorer.",
    )
    three.set_defaults(run=evaluate_tracking3)
    add_sequence_options(three)
    three.add_argument(
        "--frames", type=integer(1), nargs="+", default=[60, 120, 300], metavar="T", help="default: 60 120 300"
    )
    three.add_argument("--per-window", type=integer(1), default=20, help="scenes of each window (default: %(default)s)")
    three.add_argument("--preset", default="default", choices=("default", "paper"), help="default: %(default)s")
    three.add_argument("--seed", type=integer(0), default=1, help="of the choice of scenes (default: %(default)s)")


def add_sequence_options(parser: argparse.ArgumentParser) -> None:
    """Which MOTChallenge folders, and which of their detections."""
    add_data_option(parser)
    parser.add_argument("--sequences", type=Path, required=True, help="folder of sequences, below --data")
    parser.add_argument("--detections", required=True, help="name of the file in det/, without .txt")


def evaluate_tracking(arguments: argparse.Namespace) -> None:
    """Print one row for each sequence and one for all."""
    from dvae.evaluation.table import Table
    from dvae.evaluation.tracking import score_tracking, sequence_folders
    from dvae.models.store.checkpoint import load_as
    from dvae.models.trajectory_srnn import TrajectorySRNN

    folders = sequence_folders(below(arguments.data, arguments.sequences), arguments.detections)
    rows, seconds = score_tracking(load_as(TrajectorySRNN, arguments.model), folders, arguments.detections)
    table = Table(
        "{sequence:24}{MOTA:7.2f}{MOTP:7.2f}{IDF1:7.2f}{switches:10d}{tracked:9d}{lost:6d}{FP:8d}{FN:8d}",
    )
    print(table.header)
    for name, scores in rows.items():
        print(table.row(name, *scores))
    p50, p99 = 1e3 * np.percentile(seconds, [50, 99])
    print(f"step p50 {p50:.2f} ms, p99 {p99:.2f} ms")


def evaluate_tracking3(arguments: argparse.Namespace) -> None:
    """Print one row for each length, method and scorer."""
    from dvae.evaluation.table import Table
    from dvae.evaluation.three_tracks import draw_scenes
    from dvae.evaluation.tracking import sequence_folders
    from dvae.evaluation.tracking3 import score_three_tracks
    from dvae.tracking.sequence.mixdvae import PRESETS

    folders = sequence_folders(below(arguments.data, arguments.sequences), arguments.detections)
    table = Table(
        "{T:4d} {scenes:6d} {method:20} {scoring:9}"
        "{MOTA:8.1f}{MOTP:8.1f}{IDF1:8.1f}{IDS:8d}{MT:8d}{ML:8d}{FP:8d}{FN:8d} {s each:8.3f}"
    )
    print(table.header)
    for num_frames in arguments.frames:
        rng = np.random.default_rng(arguments.seed)
        scenes = [
            s for f in folders for s in draw_scenes(f, arguments.detections, num_frames, arguments.per_window, rng)
        ]
        if not scenes:
            print(f"{num_frames:4d} {0:6d} no three people are there for so long")
            continue
        for row in score_three_tracks(scenes, PRESETS[arguments.preset]):
            print(table.row(num_frames, len(scenes), row.method, row.scoring, *row.scores, row.seconds))
