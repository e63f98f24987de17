"""Tracks and speakers as visualization_msgs/MarkerArray, for RViz.

Tracks are drawn on the image plane in the frame of the camera. The image lies in the plane z = 0 with its top left
corner at the origin, `scale` metres for each pixel: boxes (thin where the person is hidden), ids, trails, and an
ellipse of two standard deviations around the centre. Speakers are arrows in the frame of the microphones, in the colour
of the track: long and full for who speaks.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from dvae.audiovisual.scene import Array, Speakers
from dvae.tracking.tracks import Tracks, TrackState
from dvae.vision.colours import track_colour
from dvae_nodes.wire.messages import MessageTypes

ARROW, CYLINDER, LINE_STRIP, TEXT = 0, 3, 4, 9
ADD, DELETE_ALL = 0, 3
TRAIL = 40
GREY = (0.6, 0.6, 0.6)
SILENT = 0.3  # length and opacity of the arrow of who is silent

Place = tuple[float, float] | tuple[float, float, float]


class TrackMarkers:
    """Remembers where people stood, to draw their trails."""

    def __init__(self, types: MessageTypes, scale: float) -> None:
        self.types, self.scale = types, scale
        self._trails: dict[int, deque[tuple[float, float]]] = {}

    def message(self, header: Any, tracks: Tracks) -> Any:
        """visualization_msgs/msg/MarkerArray of all confirmed tracks; what was drawn before is deleted first."""
        ids = tracks.track_id.tolist()
        self._trails = {i: self._trails.get(i, deque(maxlen=TRAIL)) for i in ids}
        markers = [make_marker(self.types, header, "tracks", 0, LINE_STRIP, action=DELETE_ALL)]
        for n, track_id in enumerate(ids):
            x1, y1, x2, y2 = (self.scale * tracks.boxes[n]).tolist()
            self._trails[track_id].append(((x1 + x2) / 2, y2))
            if tracks.state[n] == TrackState.TENTATIVE:
                continue
            hidden = tracks.state[n] == TrackState.OCCLUDED
            spread = 4.0 * self.scale * np.sqrt(tracks.variance[n].reshape(2, 2).mean(axis=0))
            corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)]
            width = (1.0 if hidden else 3.0) * self.scale
            middle = ((x1 + x2) / 2, (y1 + y2) / 2)
            text = f"{track_id}?" if hidden else f"{track_id}"
            size = (float(spread[0]), float(spread[1]), self.scale)
            make = partial(make_marker, self.types, header, number=track_id)
            markers += [
                make("box", kind=LINE_STRIP, points=corners, size=(width, 0.0, 0.0)),
                make("id", kind=TEXT, at=(x1, y1), size=(0.0, 0.0, 18 * self.scale), text=text),
                make("uncertainty", kind=CYLINDER, at=middle, alpha=0.3, size=size),
            ]
            if len(self._trails[track_id]) > 1:
                trail = list(self._trails[track_id])
                markers.append(make("trail", kind=LINE_STRIP, points=trail, size=(self.scale, 0.0, 0.0)))
        return self.types.make("visualization_msgs/msg/MarkerArray", markers=markers)


def speaker_markers(types: MessageTypes, header: Any, speakers: Speakers, elevation: Array, length: float) -> Any:
    """visualization_msgs/msg/MarkerArray of M speakers, at elevations (M,) in rad, 0 where NaN, with arrows of `length`
    m for who speaks; what was drawn before is deleted first."""
    markers = [make_marker(types, header, "speakers", 0, ARROW, action=DELETE_ALL)]
    for m, azimuth in enumerate(speakers.azimuth.tolist()):
        if not math.isfinite(azimuth):
            continue
        up = float(np.nan_to_num(elevation[m]))
        size = length * (1.0 if speakers.speaking[m] else SILENT)
        end = (size * math.cos(up) * math.cos(azimuth), size * math.cos(up) * math.sin(azimuth), size * math.sin(up))
        track, voice = int(speakers.track_id[m]), int(speakers.voice_id[m])
        alpha, colour = 1.0 if speakers.speaking[m] else SILENT, track_colour(track) if track else GREY
        make = partial(make_marker, types, header, number=m, alpha=alpha, colour=colour)
        text = f"{track or '?'} {100 * float(speakers.probability[m]):.0f}%" + (f" voice {voice}" if voice else "")
        shaft = (0.03 * length, 0.06 * length, 0.1 * length)
        markers += [
            make("direction", kind=ARROW, points=[(0.0, 0.0, 0.0), end], size=shaft),
            make("who", kind=TEXT, at=end, size=(0.0, 0.0, 0.1 * length), text=text),
        ]
    return types.make("visualization_msgs/msg/MarkerArray", markers=markers)


def make_marker(
    types: MessageTypes,
    header: Any,
    namespace: str,
    number: int,
    kind: int,
    at: Place = (0.0, 0.0),
    size: tuple[float, float, float] = (0.0, 0.0, 0.0),
    points: Sequence[Place] = (),
    text: str = "",
    alpha: float = 1.0,
    action: int = ADD,
    colour: tuple[float, float, float] | None = None,
) -> Any:
    """visualization_msgs/msg/Marker; places are x, y and, where it is not 0, z in m. The colour is that of the track
    `number` where none is given."""
    make, no_bytes = types.make, types.numbers(np.zeros(0, dtype=np.uint8))
    red, green, blue = colour or track_colour(number)
    return make(
        "visualization_msgs/msg/Marker",
        header=header,
        ns=namespace,
        id=number,
        type=kind,
        action=action,
        pose=make(
            "geometry_msgs/msg/Pose",
            position=_point(types, at),
            orientation=make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
        ),
        scale=make("geometry_msgs/msg/Vector3", x=size[0], y=size[1], z=size[2]),
        color=make("std_msgs/msg/ColorRGBA", r=red, g=green, b=blue, a=alpha),
        lifetime=make("builtin_interfaces/msg/Duration", sec=0, nanosec=0),
        frame_locked=False,
        points=[_point(types, each) for each in points],
        colors=[],
        texture_resource="",
        texture=make("sensor_msgs/msg/CompressedImage", header=header, format="", data=no_bytes),
        uv_coordinates=[],
        text=text,
        mesh_resource="",
        mesh_file=make("visualization_msgs/msg/MeshFile", filename="", data=no_bytes),
        mesh_use_embedded_materials=False,
    )


def _point(types: MessageTypes, place: Place) -> Any:
    x, y, *z = place
    return types.make("geometry_msgs/msg/Point", x=x, y=y, z=z[0] if z else 0.0)
