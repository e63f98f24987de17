"""The layout that users rely on, and the direction of dependencies: every import in the source is looked at."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROS = {
    "rclpy",
    "launch",
    "launch_ros",
    "std_msgs",
    "sensor_msgs",
    "vision_msgs",
    "audio_common_msgs",
    "diagnostic_msgs",
    "rcl_interfaces",
    "builtin_interfaces",
    "cv_bridge",
    "message_filters",
    "dvae_perception",
}
# inside dvae, what each folder may import: never one to its right
LEVELS = [
    {"configuration", "threads", "__init__", ""},
    {"signal", "distributions"},
    {"models", "inference", "arrays"},
    {"tracking", "enhancement", "separation", "vision"},
    {"data"},
    {"training", "evaluation"},
    {"cli"},
]
NEEDS_NO_ROS = [  # replay and what it uses; cv_bridge is imported inside a function, where it is installed
    *(ROOT / "nodes" / "dvae_nodes" / name for name in ("__init__.py", "replay.py", "lifecycle/reporting.py")),
    *sorted((ROOT / "nodes" / "dvae_nodes" / "wire").glob("*.py")),
    *sorted((ROOT / "nodes" / "dvae_nodes" / "pipelines").glob("*.py")),
]


def imports(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def level(module: str) -> int:
    folder = module.split(".")[1] if "." in module else ""
    return next(i for i, names in enumerate(LEVELS) if folder in names)


@pytest.mark.parametrize("path", sorted((ROOT / "dvae").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_library_imports_no_ros_and_nothing_above_it(path: Path) -> None:
    own = level(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for module in imports(path):
        top = module.split(".")[0]
        assert top not in ROS, f"{path}: the library imports {module}"
        assert top != "dvae_nodes", f"{path}: the library imports a node"
        if top == "dvae" and path.name != "__init__.py":
            assert level(module) <= own, f"{path}: {module} is above it"


@pytest.mark.parametrize("path", NEEDS_NO_ROS, ids=lambda p: str(p.relative_to(ROOT)))
def test_replay_and_what_it_uses_import_no_ros(path: Path) -> None:
    assert not {m.split(".")[0] for m in imports(path)} & (ROS - {"cv_bridge"})


def test_top_level() -> None:
    expected = {
        "package.xml",
        "CMakeLists.txt",
        "setup.py",
        "pyproject.toml",
        "launch",
        "nodes",
        "msg",
        "config",
        "models",
        "test",
        "README.md",
        "dvae",
    }
    assert expected <= {path.name for path in ROOT.iterdir()}


@pytest.mark.parametrize("path", sorted((ROOT / "msg").glob("*.msg")), ids=lambda p: p.name)
def test_every_message_field_has_a_comment(path: Path) -> None:
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            assert "#" in line, f"{path.name}: no meaning for {line!r}"
