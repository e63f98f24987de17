"""The layout that users rely on, and the direction of dependencies."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from import_graph import IMPORTS, MODULES, ROOT, between_rooms, circle, forbidden, imports, room

ROS = {
    "rclpy",
    "launch",
    "launch_ros",
    "std_msgs",
    "sensor_msgs",
    "vision_msgs",
    "visualization_msgs",
    "audio_common_msgs",
    "hri_msgs",
    "tf2_msgs",
    "geometry_msgs",
    "diagnostic_msgs",
    "rcl_interfaces",
    "builtin_interfaces",
    "cv_bridge",
    "message_filters",
    "dvae_perception",
}


def test_every_import_goes_down_and_siblings_know_nothing_of_each_other() -> None:
    assert not forbidden(IMPORTS)


def test_no_circles_of_modules_or_rooms() -> None:
    assert not circle(IMPORTS)
    rooms = circle(between_rooms())
    assert not rooms, sorted(
        f"{name} -> {target}"
        for name, targets in IMPORTS.items()
        for target in targets & set(MODULES)
        if room(name) != room(target) and {room(name), room(target)} <= set(rooms)
    )


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("dvae.tracking.wrong", "from dvae.enhancement import step"),
        ("dvae.tracking.wrong", "import dvae.enhancement.step"),
        ("dvae.tracking.wrong", "def f():\n    from dvae.vision.hog import HogDetector"),
        ("dvae.tracking.wrong", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import dvae.data.crops"),
        ("dvae.tracking.wrong", "from ..enhancement.step import load_enhancer"),
        ("dvae.tracking.deep.wrong", "from ...evaluation import table"),
        ("dvae.tracking.wrong", "from dvae import training"),
        ("dvae.tracking.wrong", "from dvae import OnlineTracker"),
        ("dvae.training.wrong", "from dvae.evaluation import table"),
        ("dvae.signal.wrong", "from dvae.models import dvae"),
        ("dvae.evaluation.wrong", "from dvae.cli.common import below"),
        ("dvae.threads", "import dvae_nodes.wire.messages"),
        ("dvae_nodes.wire.wrong", "from ..pipelines import tracker"),
        ("dvae_nodes.pipelines.wrong", "from dvae_nodes import replay"),
    ],
)
def test_wrong_imports_are_seen(name: str, source: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(source)
    (found,) = forbidden({**IMPORTS, name: imports(name, path)})
    assert found.startswith(f"{name} -> dvae")


def test_circles_are_seen(tmp_path: Path) -> None:
    path, known = tmp_path / "one.py", {**MODULES, "dvae.data.one": tmp_path, "dvae.data.two": tmp_path}
    found = dict(IMPORTS)
    for name, source in (
        ("dvae.data.one", "from dvae.data import two"),
        ("dvae.data.two", "def f():\n    import dvae.data.one"),
    ):
        path.write_text(source)
        found[name] = imports(name, path, known)
    assert set(circle(found)) == {"dvae.data.one", "dvae.data.two"}
    path.write_text("from dvae.models import rvae")  # inference may know models, or the other way round
    both = {**IMPORTS, "dvae.inference.one": imports("dvae.inference.one", path)}
    path.write_text("from dvae.inference import one")
    both["dvae.models.two"] = imports("dvae.models.two", path, {**MODULES, "dvae.inference.one": path})
    assert not forbidden(both)
    assert not circle(both)
    assert set(circle(between_rooms(both))) == {"inference", "models"}


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) not in {"nodes", "lifecycle"}])
def test_library_wire_and_pipelines_import_no_ros(name: str) -> None:
    allowed = {"message_filters"} if room(name) == "wire" else set()  # in functions, where they are installed
    assert not {target.split(".")[0] for target in IMPORTS[name]} & (ROS - allowed)
    assert not {target.split(".")[0] for target in imports(name, MODULES[name], top_only=True)} & ROS


def test_replay_can_be_imported_without_ros() -> None:
    waiting, seen = ["dvae_nodes.replay"], set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        packages = {name[:i] for i, letter in enumerate(name) if letter == "."}
        found = imports(name, MODULES[name], top_only=True) | packages
        assert not {target.split(".")[0] for target in found} & ROS, name
        waiting += sorted((found & set(MODULES)) - seen)
    assert "dvae_nodes.wire.messages" in seen


@pytest.mark.parametrize("path", sorted((ROOT / "bench").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_benchmarks_do_not_import_command_lines(path: Path) -> None:
    assert not {target for target in imports(path.stem, path) if target.startswith("dvae.cli")}


@pytest.mark.parametrize("path", sorted((ROOT / "launch").glob("*.py")), ids=lambda p: p.name)
def test_launch_files_start_programs_and_import_none(path: Path) -> None:
    assert not {
        target for target in imports(path.stem, path) if target.split(".")[0] in {"dvae", "dvae_nodes", "rclpy"}
    }


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


def born_outside_init(tree: ast.Module) -> list[str]:
    """Attributes of self that a method sets and neither `__init__` nor the body of the class does."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        methods = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
        known = {
            name.id
            for part in node.body
            if isinstance(part, ast.Assign | ast.AnnAssign)
            for name in ast.walk(part)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        known |= stored(methods["__init__"]) if "__init__" in methods else set()
        found += [f"{node.name}.{name}: {each}" for name, part in methods.items() for each in stored(part) - known]
    return found


def stored(method: ast.FunctionDef) -> set[str]:
    return {
        node.attr
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def test_no_attribute_is_born_outside_init() -> None:
    for name, path in MODULES.items():
        assert not born_outside_init(ast.parse(path.read_text())), name
    late = "class A:\n    def __init__(self): self.x = 1\n    def reset(self): self.x, self.y = 2, 3\n"
    assert born_outside_init(ast.parse(late)) == ["A.reset: y"]
