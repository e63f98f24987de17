"""The frames of a robot as /tf and /tf_static say them, and the transform from one of them to another.

Each frame has one parent. The newest transform of a frame counts: who looks from a moving head sees where it is now.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]


class Transform(NamedTuple):
    """Coordinates in one frame from those in another: there = rotation @ here + translation."""

    rotation: Array  # (3, 3)
    translation: Array  # (3,), m

    def after(self, first: Transform) -> Transform:
        """First the other one, then this."""
        return Transform(self.rotation @ first.rotation, self.rotation @ first.translation + self.translation)

    def inverse(self) -> Transform:
        """The way back."""
        return Transform(self.rotation.T, -self.rotation.T @ self.translation)


class Edge(NamedTuple):
    """What is known of a frame: its parent, and the transform to it."""

    parent: str
    transform: Transform


class TransformTree:
    """`add` what messages say, `lookup` between any two frames that are connected."""

    def __init__(self) -> None:
        self._edges: dict[str, Edge] = {}  # by the child
        self.num_changes = 0  # grows whenever a lookup may have another result

    def add(self, stamped: Any) -> str:
        """A geometry_msgs/TransformStamped; ValueError for one that is no transform between two frames. Returns the
        parent that the frame had before, where that was another one, else ""."""
        parent, child = frame_name(stamped.header.frame_id), frame_name(stamped.child_frame_id)
        moved, turned = stamped.transform.translation, stamped.transform.rotation
        translation = np.array([moved.x, moved.y, moved.z], dtype=np.float64)
        quaternion = np.array([turned.x, turned.y, turned.z, turned.w], dtype=np.float64)
        if not parent or not child or parent == child:
            raise ValueError(f"expected a transform between two frames, got parent {parent!r} and child {child!r}")
        if not np.isfinite(translation).all() or not abs(np.linalg.norm(quaternion) - 1.0) < 0.01:
            got = f"{translation.tolist()} and {quaternion.tolist()}"
            raise ValueError(f"{parent} to {child}: expected finite numbers and a unit quaternion, got {got}")
        edge = Edge(parent, Transform(Rotation.from_quat(quaternion).as_matrix(), translation))
        known = self._edges.get(child)
        if known is None or known.parent != parent or not _is_same(known.transform, edge.transform):
            self._edges[child] = edge
            self.num_changes += 1
        return known.parent if known is not None and known.parent != parent else ""

    def lookup(self, target: str, source: str) -> Transform:
        """From coordinates in the frame `source` to those in `target`; ValueError, with what is known of either, where
        they are not connected."""
        up, down = self._ancestors(frame_name(source)), self._ancestors(frame_name(target))
        common = next((frame for frame in up if frame in down), None)
        if common is None:
            known = f"{' -> '.join(up)} and {' -> '.join(down)}"
            raise ValueError(f"expected transforms that connect {source!r} with {target!r}, got {known}")
        return down[common].inverse().after(up[common])

    def _ancestors(self, frame: str) -> dict[str, Transform]:
        """The frame itself and those above it, with the transforms to them; ValueError for a circle."""
        found = {frame: Transform(np.eye(3), np.zeros(3))}
        while (edge := self._edges.get(frame)) is not None:
            if edge.parent in found:
                circle = " -> ".join([*list(found)[list(found).index(edge.parent) :], edge.parent])
                raise ValueError(f"expected frames in a tree, got a circle: {circle}")
            found[edge.parent] = edge.transform.after(found[frame])
            frame = edge.parent
        return found


def frame_name(name: str) -> str:
    """Without the slash that some drivers still put before it."""
    return name.removeprefix("/")


def _is_same(first: Transform, second: Transform) -> bool:
    return all(np.allclose(one, other, rtol=0.0, atol=1e-9) for one, other in zip(first, second, strict=True))
