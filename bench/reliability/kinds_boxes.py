"""Detections as trackers meet them, one check for each kind of trouble."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import odd
import samples
from make_bag import audio_types
from outcome import checks
from programs import Run, run
from storm_files import SIZE
from storm_tracker import STEP, frame_of, walkers

from dvae.signal.audio_clock import NANOSECONDS
from dvae.tracking.online import OnlineTracker
from dvae_nodes.lifecycle.pipeline import Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.tracker import TrackerNodeConfig, TrackerPipeline

FRAMES = 90
SECONDS = 60.0


def track(folder: Path, text: str, *options: object) -> Run:
    """dvae-track on a text; never a traceback."""
    (folder / "det.txt").write_text(text, encoding="utf-8")
    ended = run("dvae-track", [folder / "det.txt", folder / "out.txt", *SIZE, *options], folder, SECONDS)
    assert not ended.wrong(), ended.wrong()
    return ended


def rows(change: Callable[[int, list[str]], list[list[str]]]) -> str:
    """Good detections, each row changed."""
    lines = []
    for line in samples.detections_text(FRAMES).splitlines():
        values = line.split(",")
        lines += [",".join(each) for each in change(int(values[0]), values)]
    return "\n".join(lines) + "\n"


def gives_four(ended: Run) -> str:
    """Four people have four tracks."""
    assert ended.status == 0, ended.error[-200:]
    assert " 4 tracks" in ended.out, (ended.out, ended.error[-200:])
    return "4 people, 4 tracks"


def said(ended: Run, *words: str) -> str:
    """What was left out is said, with its number."""
    text = ended.out + ended.error
    assert any(word in text for word in words), f"expected a word of {words}, got {text[-300:]}"
    return f"said, with {words[0]}"


def scores(folder: Path) -> str:
    """Scores that are unknown, too low, no numbers; percent and logits."""
    for score in ("-1", "0", "-0.5", "0.45", "nan", "3.2", "90", "inf"):
        ended = track(folder, rows(lambda _, v, score=score: [[*v[:6], score, *v[7:]]]))
        if " 4 tracks" not in ended.out:
            said(ended, str(4 * FRAMES))
    return "tracks, or their number and why none"


def wrong_size(folder: Path) -> str:
    (folder / "det.txt").write_text(rows(lambda _, v: [v]))
    size = ["--image-size", 640, 480, "--fps", 30]
    ended = run("dvae-track", [folder / "det.txt", folder / "out.txt", *size], folder, SECONDS)
    assert not ended.wrong(), ended.wrong()
    return said(ended, "640")


def empty(folder: Path) -> str:
    ended = track(folder, "")
    assert ended.status or "no " in (ended.out + ended.error), ended.out
    return "said"


def camera_is_detections(folder: Path) -> str:
    (folder / "gmc.txt").write_text(samples.detections_text(FRAMES))
    ended = track(folder, samples.detections_text(FRAMES), "--camera", folder / "gmc.txt")
    assert ended.status == 2, ended.out
    return "refused in a line"


def slow_detector(folder: Path) -> str:
    for each in (2, 3, 5):
        gives_four(track(folder, rows(lambda frame, v, each=each: [v] if frame % each == 1 else [])))
    return "every 2nd, 3rd, 5th frame: 4 tracks"


def twice(folder: Path) -> str:
    return gives_four(track(folder, rows(lambda _, v: [v, v])))


def text_of_tools(folder: Path) -> str:
    """A byte order mark, a header, frames from 0, blanks and semicolons, CRLF."""
    good = samples.detections_text(FRAMES)
    texts = ["\ufeff" + good, "frame,id,left,top,width,height,conf,x,y,z\n" + good, good.replace("\n", "\r\n")]
    texts += [good.replace(",", " "), rows(lambda frame, v: [[str(frame - 1), *v[1:]]]), good + "\n\n"]
    for text in texts:
        gives_four(track(folder, text))
    return f"{len(texts)} kinds of text: 4 tracks"


def frame_numbers(folder: Path) -> str:
    """Unix time as frame number costs nothing and is said."""
    began = time.perf_counter()
    ended = track(folder, rows(lambda frame, v: [[str(1_700_000_000 + frame), *v[1:]]]))
    assert time.perf_counter() - began < 20, "too slow"
    assert ended.status == 2 or " 4 tracks" in ended.out, ended.out
    return "read, or refused at once"


def long_file(folder: Path) -> str:
    """The cost follows the rows."""
    began = time.perf_counter()
    ended = track(folder, samples.detections_text(3000))
    took = time.perf_counter() - began
    assert ended.status == 0, ended.error
    assert took < 30, f"{took:.0f} s for 3,000 frames"
    return f"3,000 frames in {took:.1f} s"


def many_classes(_: Path) -> str:
    tracker, times = OnlineTracker.load(), []
    for frame in range(2000):
        began = time.thread_time()
        tracker.update(walkers(frame), frame / 30, labels=np.arange(4) + 4 * frame)
        times.append(time.thread_time() - began)
    ratio = np.median(times[1500:]) / np.median(times[100:500])
    assert ratio < 2.0, f"the last frames take {ratio:.1f} times as long"
    return f"2,000 frames of new classes, the last take {ratio:.1f} times as long"


def ids_after(box: Any = None, camera: Any = None) -> list[int]:
    """Visible ids of four people after one odd box or map in frame 20."""
    tracker = OnlineTracker.load(image_size=(1920, 1080))
    for frame in range(81):
        odd_now = frame == 20
        boxes = walkers(frame) if box is None or not odd_now else np.vstack([walkers(frame), [box]])
        tracks = tracker.update(boxes, frame / 30, camera=camera if odd_now else None)
        assert all(np.isfinite(values).all() for values in tracks._asdict().values()), (frame, box, camera)
    return sorted(tracks.track_id[tracks.visible].tolist())


def impossible_boxes(_: Path) -> str:
    sides = [1e-300, 1e-163, 1e-160, 1e-20, 1e6, 1e20, 1e100, 1e154, 1e155, 1e160, 1e308]
    boxes = [[x, x, x + side, x + side] for side in sides for x in (0.0, 500.0, -side / 2)]
    for box in [*boxes, [np.nan] * 4, [0, 0, np.inf, 1], [5, 5, 5, 5], [9, 9, 1, 1]]:
        assert ids_after(box) == [1, 2, 3, 4], (box, ids_after(box))
    return f"{len(boxes) + 4} boxes: four ids stay"


def impossible_maps(_: Path) -> str:
    good = np.eye(2, 3)
    maps = [good * 1e200, good * 0, np.ones((2, 3)), good * [[-1], [1]], good * 1e-200, good + [[0, 0, 1e300]] * 2]
    for found in maps:
        assert ids_after(camera=found) == [1, 2, 3, 4], (found, ids_after(camera=found))
    return f"{len(maps)} maps: four ids stay"


def stamps(_: Path) -> str:
    """All zero, or standing still: said, and a way out offered."""
    for stamp in (odd.stamp_of(0), odd.stamp_of(5 * NANOSECONDS)):
        log: list[str] = []
        pipeline = TrackerPipeline(audio_types(False), Settings(), Reporter(log.append))
        for frame in range(30):
            pipeline.on_detections(frame_of(stamp, walkers(frame)), frame * STEP)
        assert any("arrival" in text for text in log), log
    pipeline = TrackerPipeline(audio_types(False), Settings(TrackerNodeConfig(stamp="arrival")), Reporter(log.append))
    results = 0
    for frame in range(30):
        outputs = pipeline.on_detections(frame_of(odd.stamp_of(0), walkers(frame)), (frame + 1) * STEP)
        results += sum(output.topic == "tracks" for output in outputs)
    assert results == 30, results
    return "said; stamp=arrival: 30 of 30 frames"


def class_never(_: Path) -> str:
    log: list[str] = []
    settings = Settings(TrackerNodeConfig(class_id="pedestrian"))
    pipeline = TrackerPipeline(audio_types(False), settings, Reporter(log.append))
    for frame in range(300):
        pipeline.on_detections(frame_of(odd.stamp_of((frame + 1) * STEP), walkers(frame)), frame * STEP)
    assert any("person" in text for text in log), log
    return "said, with the classes that came"


CHECKS = checks(
    "boxes",
    {
        "scores of -1, 0, 0.45, NaN, logits, percent": scores,
        "an image size that is not that of the boxes": wrong_size,
        "an empty file": empty,
        "detections given as camera maps": camera_is_detections,
        "a class that never arrives": class_never,
        "a detector on every 2nd, 3rd, 5th frame": slow_detector,
        "boxes that no image can hold": impossible_boxes,
        "camera maps that no camera makes": impossible_maps,
        "each person boxed twice": twice,
        "frame numbers that are Unix time": frame_numbers,
        "a hundred seconds of detections": long_file,
        "class ids without bound": many_classes,
        "text as tools write it": text_of_tools,
        "stamps that do not advance": stamps,
    },
)
