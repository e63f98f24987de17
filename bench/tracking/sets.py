"""The benchmark's sequences: truth, detections and known camera motion, read from the folder in DVAE_DATA."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from dvae.data.motchallenge import FrameBoxes, by_frame, read_camera_motion, read_ground_truth, read_rows, read_sequence
from dvae.tracking.boxes import iou

SETS = {  # name -> folder, detections, second half of each sequence only
    "MOT17 POI": ("mot/MOT17", "poi", False),
    "MOT17 YOLOX, second halves": ("mot/MOT17", "yolox_ablation", True),
    "DanceTrack YOLOX": ("mot/DanceTrack", "yolox", False),
    "PETS09-S2L1": ("mot/MOT15", "frcnn_sort", False),
    "PETS09-S2L1 HOG": ("mot/MOT15", "hog", False),
}
HOG_VIDEO = ("PETS09-S2L1", "video/vtest.avi")  # the same 795 frames


class Clip(NamedTuple):
    """One sequence as trackers see it; detections (K, 5) for each frame: x1, y1, x2, y2, score."""

    name: str
    frames_per_second: float
    image_size: tuple[int, int]
    truth: list[FrameBoxes]
    detections: list[np.ndarray]
    camera: list[np.ndarray | None]  # affine map (2, 3) of the frame before to this one


def data_folder() -> Path:
    """DVAE_DATA; exits with what is missing."""
    folder = os.environ.get("DVAE_DATA")
    if not folder or not (Path(folder) / "mot").is_dir():
        raise SystemExit(f"expected a folder with mot/ in it as DVAE_DATA, got {folder!r}")
    return Path(folder)


def hog_detections(root: Path, cache: Path) -> Path:
    """Our HOG detector over the video of PETS09-S2L1, once."""
    target = cache / "hog.txt"
    if not target.is_file():
        import cv2
        from tqdm import tqdm

        from dvae.vision.hog import HogDetector

        detector, video = HogDetector(), cv2.VideoCapture(str(root / HOG_VIDEO[1]))
        rows = []
        for frame in tqdm(range(1, int(video.get(cv2.CAP_PROP_FRAME_COUNT)) + 1), desc="HOG", unit="frame"):
            boxes, scores = detector.detect(video.read()[1])
            for (x1, y1, x2, y2), score in zip(boxes.tolist(), scores.tolist(), strict=True):
                rows.append(f"{frame},-1,{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{score:.4f}\n")
        cache.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(rows))
    return target


def read_set(name: str, cache: Path) -> list[Clip]:
    """All clips of one of SETS."""
    folder, detector, second_half = SETS[name]
    root, clips = data_folder(), []
    for path in sorted((root / folder).glob("*/gt/gt.txt")):
        sequence = read_sequence(path.parent.parent)
        file = path.parent.parent / "det" / f"{detector}.txt"
        if detector == "hog" and sequence.name == HOG_VIDEO[0]:
            file = hog_detections(root, cache)
        if not file.is_file():
            continue
        rows, true_rows = read_rows(file), read_ground_truth(path)
        length = int(max(rows[:, 0].max(), true_rows[:, 0].max()))
        first = length // 2 if second_half else 0
        found = [np.column_stack([f.boxes, f.scores]) for f in by_frame(rows, length)]
        motion = path.parent.parent / "gmc.txt"
        maps = read_camera_motion(motion) if motion.is_file() else {}
        camera = [maps.get(index) for index in range(length)]
        truth = by_frame(true_rows, length)
        rate, size = sequence.frames_per_second, sequence.image_size
        clips.append(Clip(sequence.name, rate, size, truth[first:], found[first:], camera[first:]))
    return clips


def owners(clip: Clip) -> list[np.ndarray]:
    """For each frame the index in the truth of each detection's person, -1 for clutter."""
    found = []
    for truth, detections in zip(clip.truth, clip.detections, strict=True):
        overlap = iou(truth.boxes, detections[:, :4])
        rows, columns = linear_sum_assignment(np.where(overlap >= 0.5, 1.0 - overlap, 9.0))
        owner = np.full(len(detections), -1)
        good = overlap[rows, columns] >= 0.5
        owner[columns[good]] = rows[good]
        found.append(owner)
    return found
