"""Which tracked person a face belongs to: the one whose head is where the face is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dvae.audiovisual.scene import Array
from dvae.tracking.boxes import Boxes

HEAD = 0.6  # where the middle of a face is below the top of its person's box, in heights of the face
LEAST = 0.5  # confidence of a pair


class Faces(NamedTuple):
    """Of F faces, row for row."""

    row: NDArray[np.int64]  # (F,), of the person, -1 for nobody
    confidence: Array  # (F,), in [0, 1]


def match_faces(faces: Boxes, people: Boxes) -> Faces:
    """Faces (F, 4) and people (N, 4) in one image as x1, y1, x2, y2 -> each face's person, at most one face a person.

    The confidence is 1 - distance / diagonal of the face, of its middle from where the person's head should be, as that
    of hri_face_body_matcher; pairs below `LEAST` are none.
    """
    size = faces[:, 2:] - faces[:, :2]  # (F, 2)
    middle = 0.5 * (faces[:, :2] + faces[:, 2:])
    column = 0.5 * (people[:, 0] + people[:, 2])
    head = people[:, 1] + HEAD * size[:, 1:]  # (F, N)
    away = np.hypot(middle[:, :1] - column, middle[:, 1:] - head)
    confidence = np.nan_to_num(np.maximum(0.0, 1.0 - away / np.maximum(np.hypot(*size.T)[:, None], 1e-9)))
    row, sure = np.full(len(faces), -1, dtype=np.int64), np.zeros(len(faces))
    for face, person in zip(*linear_sum_assignment(-confidence), strict=True):
        if confidence[face, person] >= LEAST:
            row[face], sure[face] = person, confidence[face, person]
    return Faces(row, sure)
