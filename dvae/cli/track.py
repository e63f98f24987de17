"""dvae-track DET.txt OUT.txt --image-size W H --fps F"""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from dvae.cli.common import run_command, settings_from_options


def build_parser() -> argparse.ArgumentParser:
    """The options of dvae-track."""
    parser = argparse.ArgumentParser(
        prog="dvae-track",
        description="Track people in detections. Both files are MOTChallenge text: frame,id,left,top,width,height,"
        "confidence with frames counted from 1 (the id of detections is not read). Frames without detections may "
        "be left out.",
        epilog="example: dvae-track det.txt tracks.txt --image-size 1920 1080 --fps 30",
    )
    parser.add_argument("detections", type=Path, metavar="DET.txt", help="the detections to read")
    parser.add_argument("target", type=Path, metavar="OUT.txt", help="the tracks to write")
    parser.add_argument(
        "--image-size",
        type=int,
        nargs=2,
        required=True,
        metavar=("W", "H"),
        help="width and height of the image in pixels",
    )
    parser.add_argument("--fps", type=float, required=True, metavar="F", help="frames per second")
    parser.add_argument(
        "--model", default="motion_srnn", help="name of a shipped model, or a folder (default: %(default)s)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the tracker, e.g. --set max_missed_seconds=2.0; may be given several times",
    )
    parser.add_argument(
        "--camera",
        type=Path,
        metavar="GMC.txt",
        help="motion of the camera, if known: frame from 0 and six numbers of an affine map in each line",
    )
    parser.add_argument(
        "--lag",
        type=int,
        default=0,
        metavar="L",
        help="smooth with the L frames that follow, and fill gaps that end within them (default: 0, online)",
    )
    parser.add_argument(
        "--predicted", action="store_true", help="also write the boxes of people who are not seen in a frame"
    )
    return parser


def command(arguments: argparse.Namespace) -> None:
    """Track as the arguments say."""
    import numpy as np

    from dvae.data.motchallenge import by_frame, read_camera_motion, read_rows, write_rows
    from dvae.tracking.config import TrackerConfig
    from dvae.tracking.online import OnlineTracker
    from dvae.tracking.smoothing import LagSmoother
    from dvae.tracking.tracks import Tracks, TrackState

    if arguments.fps <= 0 or min(arguments.image_size) <= 0:
        raise ValueError(f"expected positive --fps and --image-size, got {arguments.fps} and {arguments.image_size}")
    (config,) = settings_from_options((TrackerConfig,), arguments.set)
    frames = by_frame(read_rows(arguments.detections))
    size = (arguments.image_size[0], arguments.image_size[1])
    tracker = OnlineTracker.load(arguments.model, config, size)
    motion = read_camera_motion(arguments.camera, len(frames)) if arguments.camera else [None] * len(frames)
    smoother = LagSmoother(arguments.lag) if arguments.lag else None
    results: list[Tracks] = []
    for index, frame in enumerate(tqdm(frames, desc=arguments.detections.name, unit="frame")):
        time = index / arguments.fps
        tracks = tracker.update(frame.boxes, time, frame.scores, camera=motion[index])
        if smoother is None:
            results.append(tracks)
        elif smoothed := smoother.update(time, tracks):
            results.append(smoothed.tracks)
    results += [late.tracks for late in smoother.flush()] if smoother else []
    rows = []
    for number, tracks in enumerate(results, start=1):
        shown = tracks.state != TrackState.TENTATIVE if arguments.predicted else tracks.visible
        for n in np.flatnonzero(shown):
            rows.append((number, int(tracks.track_id[n]), tracks.boxes[n], float(tracks.confidence[n])))
    write_rows(arguments.target, rows)
    print(f"{len(frames)} frames, {len({row[1] for row in rows})} tracks: {arguments.target}")


def main() -> int:
    """Entry point."""
    return run_command(command, build_parser())


if __name__ == "__main__":
    raise SystemExit(main())
