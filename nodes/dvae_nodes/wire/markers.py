"""Tracks as visualization_msgs/MarkerArray, drawn on the image plane in the frame of the camera.

The image lies in the plane z = 0 with its top left corner at the origin, `scale` metres for each pixel: boxes (thin
where the person is hidden), ids, trails, and an ellipse of two standard deviations around the centre.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from dvae.tracking.tracks import Tracks, TrackState
from dvae.vision.colours import track_colour
from dvae_nodes.wire.messages import MessageTypes

LINE_STRIP, TEXT, CYLINDER = 4, 9, 3
ADD, DELETE_ALL = 0, 3
TRAIL = 40


class TrackMarkers:
    """Remembers where people stood, to draw their trails."""

    def __init__(self, types: MessageTypes, scale: float) -> None:
        self.types, self.scale = types, scale
        self._trails: dict[int, deque[tuple[float, float]]] = {}

    def message(self, header: Any, tracks: Tracks) -> Any:
        """visualization_msgs/msg/MarkerArray of all confirmed tracks; what was drawn before is deleted first."""
        ids = tracks.track_id.tolist()
        self._trails = {i: self._trails.get(i, deque(maxlen=TRAIL)) for i in ids}
        markers = [self._marker(header, "tracks", 0, LINE_STRIP, action=DELETE_ALL)]
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
            markers += [
                self._marker(header, "box", track_id, LINE_STRIP, points=corners, size=(width, 0.0, 0.0)),
                self._marker(header, "id", track_id, TEXT, at=(x1, y1), size=(0.0, 0.0, 18 * self.scale), text=text),
                self._marker(header, "uncertainty", track_id, CYLINDER, at=middle, alpha=0.3,
                             size=(float(spread[0]), float(spread[1]), self.scale)),
            ]  # fmt: skip
            if len(self._trails[track_id]) > 1:
                trail = list(self._trails[track_id])
                markers.append(
                    self._marker(header, "trail", track_id, LINE_STRIP, points=trail, size=(self.scale, 0.0, 0.0))
                )
        return self.types.make("visualization_msgs/msg/MarkerArray", markers=markers)

    def _marker(
        self,
        header: Any,
        namespace: str,
        track_id: int,
        kind: int,
        at: tuple[float, float] = (0.0, 0.0),
        size: tuple[float, float, float] = (0.0, 0.0, 0.0),
        points: list[tuple[float, float]] | None = None,
        text: str = "",
        alpha: float = 1.0,
        action: int = ADD,
    ) -> Any:
        make, no_bytes = self.types.make, self.types.numbers(np.zeros(0, dtype=np.uint8))
        red, green, blue = track_colour(track_id)
        return make(
            "visualization_msgs/msg/Marker",
            header=header,
            ns=namespace,
            id=track_id,
            type=kind,
            action=action,
            pose=make(
                "geometry_msgs/msg/Pose",
                position=make("geometry_msgs/msg/Point", x=at[0], y=at[1], z=0.0),
                orientation=make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
            ),
            scale=make("geometry_msgs/msg/Vector3", x=size[0], y=size[1], z=size[2]),
            color=make("std_msgs/msg/ColorRGBA", r=red, g=green, b=blue, a=alpha),
            lifetime=make("builtin_interfaces/msg/Duration", sec=0, nanosec=0),
            frame_locked=False,
            points=[make("geometry_msgs/msg/Point", x=x, y=y, z=0.0) for x, y in points or []],
            colors=[],
            texture_resource="",
            texture=make("sensor_msgs/msg/CompressedImage", header=header, format="", data=no_bytes),
            uv_coordinates=[],
            text=text,
            mesh_resource="",
            mesh_file=make("visualization_msgs/msg/MeshFile", filename="", data=no_bytes),
            mesh_use_embedded_materials=False,
        )
