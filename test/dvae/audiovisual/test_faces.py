"""Faces go to the people who carry them."""

from __future__ import annotations

import numpy as np
import pytest

from dvae.audiovisual.faces import match_faces

PEOPLE = np.array([[100.0, 100, 200, 400], [150, 110, 250, 410], [400, 50, 520, 470]])


def face(column: float, top: float, height: float = 40.0) -> list[float]:
    return [column - 15, top, column + 15, top + height]


def test_each_face_has_its_person_also_where_boxes_overlap() -> None:
    found = match_faces(np.array([face(200, 115), face(460, 52), face(152, 104)]), PEOPLE)
    assert found.row.tolist() == [1, 2, 0]
    assert (found.confidence > 0.8).all()
    assert (found.confidence <= 1.0).all()


def test_a_face_where_nobodys_head_is() -> None:
    found = match_faces(np.array([face(460, 300), face(600, 60), [np.nan] * 4, [460, 70, 460, 70]]), PEOPLE)
    assert found.row.tolist() == [-1, -1, -1, -1]
    assert not found.confidence.any()


def test_a_person_has_one_face_and_the_nearer_one_counts() -> None:
    found = match_faces(np.array([face(155, 100), face(150, 104)]), PEOPLE[:1])
    assert found.row.tolist() == [-1, 0]


def test_a_box_of_the_face_itself_and_nobody() -> None:
    one = np.array([face(300, 200)])
    assert match_faces(one, one).confidence[0] > 0.9
    assert match_faces(one, np.zeros((0, 4))).row.tolist() == [-1]
    assert match_faces(np.zeros((0, 4)), PEOPLE).row.shape == (0,)


@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_only_proportions_count(scale: float) -> None:
    faces = np.array([face(200, 115), face(460, 62), face(152, 104)])
    np.testing.assert_allclose(match_faces(scale * faces, scale * PEOPLE), match_faces(faces, PEOPLE))
