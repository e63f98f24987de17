"""dvae-track DET.txt OUT.txt --image-size W H --fps F"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from dvae.cli.common import PART_FAILED, one_line, run_command, settings_from_options
from dvae.files import keep_inputs

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    from dvae.tracking.tracks import Tracks

    Array = NDArray[float64]

MANY = 0.25  # of the boxes, of the width of the image
FEW = 20  # boxes that say nothing yet


def build_parser() -> argparse.ArgumentParser:
    """The options of dvae-track."""
    parser = argparse.ArgumentParser(
        prog="dvae-track",
        description="Track people in detections. Both files are MOTChallenge text: frame,id,left,top,width,height,"
        "confidence with frames counted from 1, or from 0, which OUT then does too (the id of detections is not "
        "read; without confidence it is 1). Frames without detections may be left out.",
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


def command(arguments: argparse.Namespace) -> int:
    """Track as the arguments say; 1 where no track came of it."""
    import numpy as np

    from dvae.data.motchallenge import first_frame, occupied_frames, read_camera_motion, read_rows, write_rows
    from dvae.tracking.account import strange_scores, summary, why_nothing
    from dvae.tracking.config import TrackerConfig
    from dvae.tracking.online import OnlineTracker
    from dvae.tracking.recording import NumberedFrame, Recording
    from dvae.tracking.smoothing import LagSmoother

    if not 0 < arguments.fps < math.inf or min(arguments.image_size) <= 0:
        raise ValueError(f"expected positive --fps and --image-size, got {arguments.fps} and {arguments.image_size}")
    keep_inputs(arguments.target, [path for path in (arguments.detections, arguments.camera) if path])
    (config,) = settings_from_options((TrackerConfig,), arguments.set)
    rows = with_scores(read_rows(arguments.detections))
    size = (arguments.image_size[0], arguments.image_size[1])
    say_if_far_out(rows, size)
    motion = read_camera_motion(arguments.camera) if arguments.camera else {}
    for note in config.notes():
        say(note)
    tracker = OnlineTracker.load(arguments.model, config, size)
    smoother = LagSmoother(arguments.lag) if arguments.lag else None
    recording, ids = Recording(tracker, smoother, arguments.fps, first_frame(rows), motion), set[int]()
    with tqdm(occupied_frames(rows), arguments.detections.name, len(np.unique(rows[:, 0])), unit="frame") as frames:
        found = recording.track(NumberedFrame(number, frame.boxes, frame.scores) for number, frame in frames)
        write_rows(arguments.target, shown_rows(found, arguments.predicted, ids))
    account = recording.account
    print(f"{recording.num_frames} frames, {len(ids)} tracks: {arguments.target}")
    if arguments.camera and not any(0 < frame < recording.num_frames for frame in motion):
        say(f"{arguments.camera}: no map for any of {recording.num_frames} frames, which are counted from 0")
    if account.maps:
        say(f"{arguments.camera}: {account.maps} maps left out, no camera moves like that: is it a GMC file?")
    if ids:
        for note in filter(None, (summary(account, config, size), strange_scores(account))):
            say(f"{arguments.detections}: {note}")
        return 0
    say(f"{arguments.detections}: {why_nothing(account, config, size)}")
    return PART_FAILED


def with_scores(rows: Array) -> Array:
    """The rows; where all scores are -1, none is given, and that is said."""
    from dvae.data.motchallenge import given_scores

    given = given_scores(rows)
    if given is not rows:
        say(f"all {len(rows)} scores are -1, which says that there is none: taken as 1")
    return given


def say_if_far_out(rows: Array, size: tuple[int, int]) -> None:
    """Where boxes are corners, or many lie more than half outside the image at its right or lower side, say so."""
    from dvae.data.motchallenge import corners

    corner, extent = rows[:, 2:4], rows[:, 4:6]
    is_out = ((corner < size) & (corner + 0.5 * extent > size)).any(axis=1)
    x, y = corners(rows)[:, 2:].max(axis=0, initial=0.0)
    meant = (
        f"(they reach to {x:.0f} x {y:.0f}): left,top,width,height are expected, not corners; or is --image-size wrong?"
    )
    if len(rows) and is_out.mean() > MANY:
        say(
            f"{is_out.sum()} of {len(rows)} boxes lie more than half outside the image of {size[0]} x {size[1]} {meant}"
        )
    # right sides are above every left side, wherever people are; their widths are not
    elif len(rows) >= FEW and (extent > corner).all() and corner[:, 0].max() > MANY * size[0]:
        say(f"all {len(rows)} boxes are wider than they are far from the left, and taller than from the top {meant}")


def shown_rows(
    results: Iterable[tuple[int, Tracks]], with_predicted: bool, ids: set[int]
) -> Iterator[tuple[int, int, Array, float]]:
    """Rows to write of each frame's tracks; `ids` gets all that are in them."""
    from dvae.tracking.tracks import TrackState

    for number, tracks in results:
        shown = tracks.state != TrackState.TENTATIVE if with_predicted else tracks.visible
        for n in shown.nonzero()[0].tolist():
            ids.add(int(tracks.track_id[n]))
            yield number, int(tracks.track_id[n]), tracks.boxes[n], float(tracks.confidence[n])


def say(text: str) -> None:
    """A note to the user."""
    print(f"dvae-track: {one_line(text)}", file=sys.stderr)


def main() -> int:
    """Entry point."""
    return run_command(command, build_parser())


if __name__ == "__main__":
    raise SystemExit(main())
