"""dvae-evaluate enhancement | tracking | tracking3 | resynthesis | generation | latents"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dvae.cli.common import add_data_option, below, run_command
from dvae.cli.evaluate_enhancement import add_parser as add_enhancement_parser
from dvae.cli.evaluate_enhancement import evaluate_enhancement
from dvae.cli.evaluate_speech import add_parsers as add_speech_parsers
from dvae.cli.evaluate_speech import evaluate_generation, evaluate_latents, evaluate_resynthesis


def build_parser() -> argparse.ArgumentParser:
    """The options of dvae-evaluate."""
    parser = argparse.ArgumentParser(
        prog="dvae-evaluate", description="Score the shipped models, or yours, on data of yours."
    )
    tasks = parser.add_subparsers(dest="task", required=True)
    add_enhancement_parser(tasks)
    add_speech_parsers(tasks)
    tracking = tasks.add_parser(
        "tracking",
        help="MOTA, IDF1 and identity switches of the online tracker on MOTChallenge folders",
        description="Track the detections of every sequence below a folder and score the tracks against its truth "
        "(motmetrics, IoU 0.5).",
    )
    add_sequence_options(tracking)
    tracking.add_argument("--model", default="motion_srnn", help="a shipped model or a folder (default: %(default)s)")
    three = tasks.add_parser(
        "tracking3",
        help="MixDVAE, Deep AR and VKF on scenes of three people, the protocol of the thesis",
        description="Cut scenes of three people and T frames out of every sequence below a folder, follow them with "
        "the sequence algorithm, and print standard scores (motmetrics, IoU 0.5) beside those of the thesis' scorer.",
    )
    add_sequence_options(three)
    three.add_argument("--frames", type=int, nargs="+", default=[60, 120, 300], metavar="T", help="default: 60 120 300")
    three.add_argument("--per-window", type=int, default=20, help="scenes of each window (default: %(default)s)")
    three.add_argument("--preset", default="default", choices=("default", "paper"), help="default: %(default)s")
    three.add_argument("--seed", type=int, default=1, help="of the choice of scenes (default: %(default)s)")
    return parser


def add_sequence_options(parser: argparse.ArgumentParser) -> None:
    """Which MOTChallenge folders, and which of their detections."""
    add_data_option(parser)
    parser.add_argument("--sequences", type=Path, required=True, help="folder of sequences, below --data")
    parser.add_argument("--detections", required=True, help="name of the file in det/, without .txt")


def sequence_folders(root: Path, detections: str) -> list[Path]:
    """Folders with truth and the detections; ValueError when there is none."""
    folders = sorted(path.parent.parent for path in root.glob("*/gt/gt.txt"))
    folders = [folder for folder in folders if (folder / "det" / f"{detections}.txt").is_file()]
    if not folders:
        raise ValueError(f"expected sequences with gt/gt.txt and det/{detections}.txt below {root}, got none")
    return folders


def evaluate_tracking(arguments: argparse.Namespace) -> None:
    """Print one row for each sequence and one for all."""
    from dvae.data.motchallenge import FrameBoxes, by_frame, read_ground_truth, read_rows, read_sequence
    from dvae.evaluation.metrics.tracking import tracking_scores
    from dvae.models.store.checkpoint import load_model
    from dvae.models.store.find import find_model
    from dvae.models.trajectory_srnn import TrajectorySRNN
    from dvae.tracking.online import OnlineTracker

    folders = sequence_folders(below(arguments.data, arguments.sequences), arguments.detections)
    model = load_model(TrajectorySRNN, find_model(arguments.model))
    results: dict[str, tuple[list[FrameBoxes], list[FrameBoxes]]] = {}
    steps: list[float] = []
    for folder in tqdm(folders, unit="sequence"):
        sequence = read_sequence(folder)
        truth = by_frame(read_ground_truth(folder / "gt" / "gt.txt"), sequence.num_frames)
        tracker = OnlineTracker(model, image_size=sequence.image_size)
        result = []
        for index, frame in enumerate(
            by_frame(read_rows(folder / "det" / f"{arguments.detections}.txt"), sequence.num_frames)
        ):
            began = time.perf_counter()
            tracks = tracker.update(frame.boxes, index / sequence.frames_per_second, frame.scores)
            steps.append(time.perf_counter() - began)
            seen = tracks.visible
            result.append(FrameBoxes(tracks.boxes[seen], tracks.track_id[seen], tracks.confidence[seen]))
        results[sequence.name] = (truth, result)
    print(f"{'sequence':24}   MOTA   MOTP   IDF1  switches  tracked  lost      FP      FN")
    for name, chosen in [*((name, {name: results[name]}) for name in results), ("all", results)]:
        s = tracking_scores(chosen)
        counts = f"{s.switches:9d} {s.mostly_tracked:8d} {s.mostly_lost:5d} {s.false_positives:7d} {s.misses:7d}"
        print(f"{name:24} {s.mota:6.2f} {s.motp:6.2f} {s.idf1:6.2f} {counts}")
    p50, p99 = 1e3 * np.percentile(steps, [50, 99])
    print(f"step p50 {p50:.2f} ms, p99 {p99:.2f} ms")


METHODS = {  # rows of the tracking3 table: name -> shipped model; None: the linear-Gaussian motion of VKF
    "MixDVAE": "motion_srnn_absolute",
    "Deep AR": "motion_deep_ar_absolute",
    "VKF": None,
    "MixDVAE, relative": "motion_srnn",
    "Deep AR, relative": "motion_deep_ar",
}


def evaluate_tracking3(arguments: argparse.Namespace) -> None:
    """Print one row for each length, method and scorer."""
    from dvae.evaluation.three_tracks import draw_scenes, score_scenes
    from dvae.models.store.checkpoint import load_model
    from dvae.models.store.find import find_model
    from dvae.models.trajectory_srnn import TrajectorySRNN
    from dvae.tracking.motion.kalman import LinearGaussian
    from dvae.tracking.sequence.mixdvae import PRESETS, track_sequence

    folders = sequence_folders(below(arguments.data, arguments.sequences), arguments.detections)
    columns = ("MOTA", "MOTP", "IDF1", "IDS", "MT", "ML", "FP", "FN")
    print(
        f"{'T':>4} {'scenes':>6} {'method':20} {'scoring':9}" + "".join(f"{name:>8}" for name in columns) + "   s each"
    )
    for num_frames in arguments.frames:
        rng = np.random.default_rng(arguments.seed)
        scenes = [
            s for f in folders for s in draw_scenes(f, arguments.detections, num_frames, arguments.per_window, rng)
        ]
        if not scenes:
            print(f"{num_frames:4d} {0:6d} no three people are there for so long")
            continue
        for method, name in METHODS.items():
            model = load_model(TrajectorySRNN, find_model(name)) if name else LinearGaussian()
            began = time.process_time()
            found = [
                track_sequence(model, scene.frames(), scene.start(), PRESETS[arguments.preset], seed=i)
                for i, scene in enumerate(tqdm(scenes, desc=f"T={num_frames} {method}", unit="scene", leave=False))
            ]
            seconds = (time.process_time() - began) / len(scenes)
            for scoring in ("standard", "paper's"):
                s = score_scenes(scenes, found, scoring == "paper's")
                counts = "".join(f"{value:8d}" for value in s[3:])
                scores = f"{s.mota:8.1f}{s.motp:8.1f}{s.idf1:8.1f}{counts}"
                print(f"{num_frames:4d} {len(scenes):6d} {method:20} {scoring:9}{scores} {seconds:8.3f}")


def command(arguments: argparse.Namespace) -> None:
    """Evaluate as the arguments say."""
    tasks = {
        "enhancement": evaluate_enhancement,
        "tracking": evaluate_tracking,
        "tracking3": evaluate_tracking3,
        "resynthesis": evaluate_resynthesis,
        "generation": evaluate_generation,
        "latents": evaluate_latents,
    }
    tasks[arguments.task](arguments)


def main() -> int:
    """Entry point."""
    return run_command(command, build_parser())


if __name__ == "__main__":
    raise SystemExit(main())
