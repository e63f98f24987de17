"""Makes test/data/demo_array.flac and demo_speakers.csv: two of the people in the demo's video, who speak in turn from
where they walk, as four microphones beside the camera would hear them. Only needed to make them anew.

python bench/audiovisual/demo_array.py    in the environment of bench/audiovisual/setup.sh, with DVAE_DATA

All of it is simulated: the video has no sound. Where the two are is what our own detector and tracker say of the video
(smoothed), through a camera that is assumed: a pinhole with a view of 90 degrees, and people of 1.7 m; the microphones
are at the camera, in the open, over a floor that reflects. The noise is that of a robot, from a generator.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d
from talk import FRAME, HOP, MICROPHONES, RATE, Room, Turn, heard_walking, robot_noise, speaking_times

from dvae.audiovisual.geometry import CalibratedMap, CameraModel
from dvae.signal.audio_file import read_mono, write_audio
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker
from dvae.vision.hog import HogDetector

TARGET = Path(__file__).resolve().parents[2] / "test" / "data"
VIEW, SIZE = 90.0, (768, 576)  # degrees from the left to the right edge, and pixels, of the assumed camera
READERS = ("libri_226-122538-0000.flac", "libri_458-126290-0000.flac")  # of speech/valid
SNR_DB, LEVEL = 10.0, 0.03
PEOPLE = (1, 4)  # ids of our tracker: two whom nobody else hides while they speak
TURNS = (
    *(Turn(0, 0.6, 2.1), Turn(1, 2.3, 3.5), Turn(0, 3.3, 4.7), Turn(1, 4.9, 7.2), Turn(0, 7.5, 8.9)),
    Turn(1, 9.3, 11.2),
)


class OpenPlace(Room):
    """No walls, but a floor that swallows 30 % of what it reflects."""

    def responses(self, places: np.ndarray) -> list[np.ndarray]:
        """As `Room.responses`."""
        import pyroomacoustics

        nothing, floor = pyroomacoustics.Material(1.0), pyroomacoustics.Material(0.3)
        sides = dict.fromkeys(("east", "west", "north", "south", "ceiling"), nothing)
        room = pyroomacoustics.ShoeBox(self.size, fs=RATE, materials={**sides, "floor": floor}, max_order=1)
        for place in self.inside(places):
            room.add_source(place)
        room.add_microphone_array((self.microphones + MICROPHONES).T)
        room.compute_rir()
        longest = max(len(r) for one in room.rir for r in one)
        padded = [[np.pad(r, (0, longest - len(r))) for r in one] for one in room.rir]
        return list(np.swapaxes(np.array(padded), 0, 1))


def two_people(video: Path) -> tuple[np.ndarray, np.ndarray, float]:
    """Boxes (2, T, 4) of PEOPLE in all images, smoothed over 0.6 s; whether they are seen (2, T); images a second."""
    capture = cv2.VideoCapture(str(video))
    rate, count = capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    detector, tracker = HogDetector(), OnlineTracker.load("motion_srnn", TrackerConfig(), SIZE)
    boxes = np.full((len(PEOPLE), count, 4), np.nan)
    for index in range(count):
        _, image = capture.read()
        found, scores = detector.detect(image)
        tracks = tracker.update(found, (index + 1) / rate, scores)
        for person, track_id in enumerate(PEOPLE):
            mine = (tracks.track_id == track_id) & tracks.visible
            if mine.any():
                boxes[person, index] = tracks.boxes[mine][0]
    tracked, images = np.isfinite(boxes[..., 0]), np.arange(count)
    for person, side in np.ndindex(len(PEOPLE), 4):
        known = tracked[person]
        boxes[person, :, side] = np.interp(images, images[known], boxes[person, known, side])
    return gaussian_filter1d(boxes, 0.6 * rate, axis=1, mode="nearest"), tracked, rate


def mouths(boxes: np.ndarray) -> np.ndarray:
    """Boxes (T, 4) -> places of mouths (T, 3) in m, from the microphones."""
    geometry = CalibratedMap(CameraModel.from_field_of_view(VIEW, SIZE))
    rays, distance = geometry.mouths(boxes)
    return geometry.pose.to_microphones(rays * distance[:, None])


def main() -> None:
    """Write both files."""
    boxes, tracked, rate = two_people(TARGET / "demo_video.mp4")
    num_samples = round(boxes.shape[1] / rate * RATE)
    times = np.arange(num_samples // HOP + 2) * HOP / RATE
    at = np.minimum((times * rate).astype(int), boxes.shape[1] - 1)
    folder = Path(os.environ["DVAE_DATA"]) / "speech" / "valid"
    place = OpenPlace(np.array([60.0, 60.0, 30.0]), np.array([30.0, 30.0, 8.0]), 0.0, 0.0)
    heard, speaking = np.zeros((len(MICROPHONES), num_samples)), []
    for person, name in enumerate(READERS):
        said, voice = read_mono(folder / name, RATE), np.zeros(num_samples)
        first = 0
        for turn in (turn for turn in TURNS if turn.person == person):
            length = round((turn.end - turn.start) * RATE)
            voice[round(turn.start * RATE) :][:length] = said[first : first + length]
            first += length
        image = heard_walking(voice, mouths(boxes[person])[at], place)
        speaking.append(speaking_times(voice))
        heard += image / image[0][np.repeat(speaking[-1], FRAME)].std()
    noise = place.responses(np.array([[-0.1, 0.05, -0.4]]))[0]
    motors = robot_noise(num_samples, np.random.default_rng(4))
    around = np.array([np.convolve(motors, response)[:num_samples] for response in noise])
    heard += around / around.std() * 10 ** (-SNR_DB / 20)
    write_audio(TARGET / "demo_array.flac", (LEVEL * heard).astype(np.float32), RATE)
    with (TARGET / "demo_speakers.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["frame", "person", "left", "top", "right", "bottom", "speaks"])
        for frame in range(boxes.shape[1]):
            now = round(frame / rate * RATE / FRAME)
            for person, seen in enumerate(tracked[:, frame]):
                box = np.round(boxes[person, frame], 1) if seen else 4 * [np.nan]
                rows.writerow([frame, person, *box, int(speaking[person][now])])


if __name__ == "__main__":
    main()
