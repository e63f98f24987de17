"""Frames and transforms: chains in both directions against scipy, gaps, circles, nonsense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from recordings import types_with
from scipy.spatial.transform import Rotation

from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.transforms import TransformTree

TYPES = types_with()


def stamped(parent: str, child: str, moved: Any = (0.0, 0.0, 0.0), turned: Any = (0.0, 0.0, 0.0, 1.0)) -> Any:
    x, y, z, w = turned
    return TYPES.make(
        "geometry_msgs/msg/TransformStamped",
        header=convert.make_header(TYPES, 1, parent),
        child_frame_id=child,
        transform=TYPES.make(
            "geometry_msgs/msg/Transform",
            translation=TYPES.make("geometry_msgs/msg/Vector3", x=moved[0], y=moved[1], z=moved[2]),
            rotation=TYPES.make("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w),
        ),
    )


def test_a_chain_up_and_down_is_the_product_of_matrices(rng: np.random.Generator) -> None:
    """base is the parent of body and head; microphones hang on the body, camera and its lens on the head."""
    tree, matrix = TransformTree(), {}
    for parent, child in [("base", "body"), ("body", "mics"), ("base", "head"), ("head", "cam"), ("cam", "lens")]:
        turned, moved = Rotation.from_rotvec(rng.normal(size=3)), rng.normal(size=3)
        tree.add(stamped(parent, child, moved, turned.as_quat()))
        matrix[parent, child] = np.block([[turned.as_matrix(), moved[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]])
    mics = matrix["base", "body"] @ matrix["body", "mics"]
    lens = matrix["base", "head"] @ matrix["head", "cam"] @ matrix["cam", "lens"]
    expected = np.linalg.inv(lens) @ mics
    found = tree.lookup("lens", "/mics")
    np.testing.assert_allclose(found.rotation, expected[:3, :3], atol=1e-12)
    np.testing.assert_allclose(found.translation, expected[:3, 3], atol=1e-12)
    back = tree.lookup("mics", "lens").after(found)
    np.testing.assert_allclose(back.rotation, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(back.translation, 0.0, atol=1e-12)
    same = tree.lookup("lens", "lens")
    np.testing.assert_array_equal(same.rotation, np.eye(3))


def test_the_newest_counts_and_only_changes_are_changes() -> None:
    tree = TransformTree()
    tree.add(stamped("base", "head", (0.0, 0.0, 1.0)))
    tree.add(stamped("base", "head", (0.0, 0.0, 1.0)))
    assert tree.num_changes == 1
    tree.add(stamped("base", "head", (0.0, 0.0, 2.0)))
    assert tree.num_changes == 2
    assert tree.lookup("base", "head").translation.tolist() == [0.0, 0.0, 2.0]


def test_what_is_not_connected_is_said_with_what_is_known() -> None:
    tree = TransformTree()
    with pytest.raises(ValueError, match="connect 'mics' with 'lens', got mics and lens"):
        tree.lookup("lens", "mics")
    tree.add(stamped("body", "mics"))
    tree.add(stamped("head", "lens"))
    with pytest.raises(ValueError, match="connect 'mics' with 'lens', got mics -> body and lens -> head"):
        tree.lookup("lens", "mics")
    tree.add(stamped("head", "body"))
    tree.lookup("lens", "mics")
    tree.add(stamped("mics", "head"))
    with pytest.raises(ValueError, match="got a circle: mics -> body -> head -> mics"):
        tree.lookup("lens", "mics")


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (("base", "base"), "between two frames, got parent 'base' and child 'base'"),
        (("", "lens"), "between two frames, got parent '' and child 'lens'"),
        (("base", "lens", (0.0, np.nan, 0.0)), "base to lens: expected finite numbers and a unit quaternion"),
        (("base", "lens", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)), r"unit quaternion, got .* \[0.0, 0.0, 0.0, 0.0\]"),
        (("base", "lens", (0.0, 0.0, 0.0), (np.nan, 0.0, 0.0, 1.0)), "unit quaternion"),
    ],
)
def test_no_transform(wrong: Any, text: str) -> None:
    tree = TransformTree()
    with pytest.raises(ValueError, match=text):
        tree.add(stamped(*wrong))
    assert tree.num_changes == 0
