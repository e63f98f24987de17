"""Tracks drawn on images."""

from __future__ import annotations

import numpy as np

from dvae.vision.painter import GREY, WHITE, PaintedTrack, TrackPainter


def track(x: float, is_tentative: bool = False, is_hidden: bool = False) -> PaintedTrack:
    return PaintedTrack(1, np.array([x, 40.0, x + 30, 90.0]), np.full(4, 100.0), is_tentative, is_hidden)


def test_each_state_is_drawn_in_its_way_and_the_image_stays() -> None:
    image = np.zeros((120, 200, 3), dtype=np.uint8)
    seen = TrackPainter().draw(image, [track(50)])
    hidden = TrackPainter().draw(image, [track(50, is_hidden=True)])
    tentative = TrackPainter().draw(image, [track(50, is_tentative=True)])
    assert not image.any()
    assert seen[60, 51].any()  # a thick side
    assert not hidden[60, 51].any()
    assert hidden[65, 65 - 20].any()  # two standard deviations from the centre
    assert not seen[65, 65 - 20].any()
    assert tuple(tentative[60, 50]) == GREY
    assert not tentative[30].any()  # no label


def test_trails_are_as_long_as_asked_and_end_with_their_track() -> None:
    image, painter = np.zeros((120, 200, 3), dtype=np.uint8), TrackPainter(trail_length=3)
    for x in range(0, 100, 20):
        drawn = painter.draw(image, [track(float(x))])
    assert drawn[90, 60].any()  # between the feet at 55, 75 and 95
    assert not drawn[90, 40].any()
    painter.draw(image, [])
    alone = painter.draw(image, [track(80.0)])
    assert not alone[90, 60].any()


def test_who_speaks_has_a_bubble_above_the_head_and_inside_the_image() -> None:
    image = np.zeros((120, 200, 3), dtype=np.uint8)
    white = [
        (TrackPainter().draw(image, [track(x)._replace(speaking=p)]) == WHITE).all(axis=-1)
        for x, p in ((50.0, 0.0), (50.0, 0.9), (190.0, 0.9))
    ]
    assert not white[0].any()  # silent: no bubble
    rows, columns = np.nonzero(white[1])
    assert rows.max() <= 40  # over the box
    assert columns.min() >= 65 - 2  # from the head on
    assert white[1].sum() > 400
    assert white[2].sum() > 400  # at the edge it moves in, whole
