"""AV16.3: people who walk about and talk in a meeting room, seen by three cameras around a table with microphones.

G. Lathoud, J.-M. Odobez, D. Gatica-Perez, "AV16.3: an audio-visual corpus for speaker localization and tracking" (MLMI
2004), in the files `data_av_seq<S>_cam<C>.mat` of annotations: where each mouth was (by calibrated cameras), where it
is in the image while it is in view, and directions that were found in the sound, sorted by who spoke. There is no sound
of the array. The directions are given as a finder would give them, all in one row; who spoke is for scoring only. Files
`DOA_measurements_*` hold directions (`Z_doa`) that were chosen by the truth: they are no measurement and are not read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.audiovisual.geometry import CameraModel, Pose

Array = NDArray[np.float64]
IMAGE_SIZE = (360, 288)
ARRAY = np.array([0.0, 0.4, 0.0])  # m, the middle of the microphones
AUDIO_BEGINS = 10.0  # s, of the clock of images and mouths
HEAD_HEIGHT, WIDTH_RATIO, MOUTH_HEIGHT = 0.25, 0.8, 0.75  # m, and fractions of it, the mouth's from the top


class Recording(NamedTuple):
    """One sequence by one camera: T frames, P persons, D directions that were heard."""

    name: str
    camera: CameraModel
    pose: Pose  # of the frame of the microphones in that of the camera
    time: Array  # (T,), s, of the frames
    mouth: Array  # (T, P, 3), m, in the frame of the microphones; NaN where it was not measured
    seen: Array  # (T, P, 2), pixels, of the mouth; NaN while it is out of view
    heard_time: Array  # (D,), s, ascending
    heard_azimuth: Array  # (D,), rad, of all who speak
    heard_person: NDArray[np.int64]  # (D,), from 0, who it was: for scoring only

    def azimuths(self) -> Array:
        """Of the mouths from the microphones, (T, P), rad."""
        return np.asarray(np.arctan2(self.mouth[..., 1], self.mouth[..., 0]))

    def heads(self) -> Array:
        """Boxes (T, P, 4) in pixels of heads of usual size around the mouths that are in view, NaN elsewhere."""
        above, below = np.array([0.0, 0.0, MOUTH_HEIGHT * HEAD_HEIGHT]), np.array([0.0, 0.0, HEAD_HEIGHT])
        top, mouth, chin = (self._projected(self.mouth + end) for end in (above, 0.0 * above, above - below))
        y1, y2 = self.seen[..., 1] + (top - mouth)[..., 1], self.seen[..., 1] + (chin - mouth)[..., 1]
        half = 0.5 * WIDTH_RATIO * (y2 - y1)
        return np.stack([self.seen[..., 0] - half, y1, self.seen[..., 0] + half, y2], axis=-1)

    def _projected(self, points: Array) -> Array:
        """(T, P, 3) of the frame of the microphones -> pixels (T, P, 2)."""
        return self.camera.pixels(self.pose.to_camera(points.reshape(-1, 3))).reshape(*points.shape[:2], 2)

    def speaking(self, window: float = 0.4) -> NDArray[np.bool_]:
        """(T, P): whether a direction of this person was heard within `window` s around the frame. Made of the very
        directions that are given: it tells how well they are put to persons, not how well speech is found."""
        found = np.zeros(self.seen.shape[:2], dtype=bool)
        for person in range(self.seen.shape[1]):
            times = self.heard_time[self.heard_person == person]
            first, last = (np.searchsorted(times, self.time + side * window / 2.0) for side in (-1.0, 1.0))
            found[:, person] = last > first
        return found


def read_recording(folder: Path, sequence: int, camera: int) -> Recording:
    """`data_av_seq<sequence>_cam<camera>.mat` of the folder; ValueError for a file that is not there or no such one."""
    path = folder / f"data_av_seq{sequence}_cam{camera}.mat"
    data = _read(path)
    try:
        time = _seconds(data.Timingcam)
        places = [getattr(data.MouthGT3D, f"person{p}") for p in range(1, len(data.MouthGT3D._fieldnames) + 1)]
        mouth = np.stack([_at(time, rows[:, 0], rows[:, 2:5]) - ARRAY for rows in places], axis=1)
        heard = [getattr(data.experiment, f"ExData{p}") for p in range(1, len(places) + 1)]
        lens, pose = _calibration(data.cam[camera - 1], data.align_mat)
        seen = np.moveaxis(np.array(data.posGT.X_true, dtype=np.float64)[[0, 2]], 0, -1)
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected annotations of AV16.3, got a file without them: {error}") from error
    seen[(seen == 0.0).any(axis=-1)] = np.nan
    times, azimuths = np.concatenate(heard).T
    person = np.repeat(np.arange(len(heard)), [len(rows) for rows in heard])
    order = np.argsort(times, kind="stable")
    return Recording(
        path.stem.removeprefix("data_av_"), lens, pose, time, mouth, seen.reshape(len(time), len(places), 2),
        AUDIO_BEGINS + times[order], np.radians(azimuths[order]), person[order],
    )  # fmt: skip


def _read(path: Path) -> Any:
    from scipy.io import loadmat

    try:
        return loadmat(path, squeeze_me=True, struct_as_record=False)["Data"]
    except OSError as error:
        raise ValueError(f"expected a file of AV16.3, got {path}: {error.strerror or error}") from error
    except (KeyError, ValueError, TypeError, NotImplementedError) as error:
        raise ValueError(f"{path}: expected a MATLAB file with annotations of AV16.3 (Data), got {error}") from error


def _seconds(timing: Array) -> Array:
    """Times (T, 2) written as seconds.frames at 25 frames a second, 10.24 for 10 s and 24 frames -> (T,) in s."""
    whole = np.floor(timing[:, 0] + 1e-6)
    return np.asarray(whole + np.round(100.0 * (timing[:, 0] - whole)) / 25.0)


def _at(time: Array, given: Array, values: Array) -> Array:
    """Values (R, 3) at given times (R,), at the times (T,) between them, NaN before, after and in gaps of 0.2 s."""
    found = np.stack([np.interp(time, given, column, np.nan, np.nan) for column in values.T], axis=1)
    after = np.clip(np.searchsorted(given, time), 1, len(given) - 1)
    found[given[after] - given[after - 1] > 0.2] = np.nan
    return found


def _calibration(camera: Any, to_images: Array) -> tuple[CameraModel, Pose]:
    """The camera, and the pose of the frame whose origin is in the middle of the microphones."""
    matrix = np.array(camera.K, dtype=np.float64)
    extrinsic = np.linalg.inv(matrix) @ camera.Pmat @ np.linalg.inv(to_images)
    left, scale, right = np.linalg.svd(extrinsic[:, :3])
    rotation = left @ right  # the nearest; they are rotations but for the last digits
    return CameraModel(matrix, camera.kc, "plumb_bob", IMAGE_SIZE), Pose(
        rotation, extrinsic[:, 3] / scale.mean() + rotation @ ARRAY
    )
