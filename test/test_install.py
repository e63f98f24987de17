"""What is installed: on a robot by rosdep and pip, without ROS by pip alone, and the same of everything."""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import xml.etree.ElementTree as ElementTree
from configparser import ConfigParser

import pytest
from import_graph import ROOT

# rosdep key of each requirement that Ubuntu has a package of
APT = {
    "numpy": "python3-numpy",
    "scipy": "python3-scipy",
    "pyyaml": "python3-yaml",
    "tqdm": "python3-tqdm",
    "soundfile": "python3-soundfile",
    "opencv-python-headless": "python3-opencv",
    "matplotlib": "python3-matplotlib",
}
PACKAGE = ElementTree.parse(ROOT / "package.xml").getroot()


def names(lines: list[str]) -> set[str]:
    """Of requirements, without versions and remarks."""
    found = [re.match(r"[\w-]+", line.strip()) for line in lines]
    return {match[0].lower() for match in found if match}


def setup_argument(name: str) -> ast.expr:
    (call,) = [
        node
        for node in ast.walk(ast.parse((ROOT / "setup.py").read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setup"
    ]
    return next(keyword.value for keyword in call.keywords if keyword.arg == name)


def test_rosdep_and_the_requirements_of_robots_give_all_that_is_needed() -> None:
    needed = names(ast.literal_eval(setup_argument("install_requires")))
    keys = {element.text for element in PACKAGE.iter("exec_depend")}
    pip = names((ROOT / "requirements.txt").read_text().splitlines())
    assert {name for name in needed if APT.get(name) not in keys} <= pip
    assert not [key for key in keys if key and key.endswith("-pip")]  # refused by Ubuntu 24.04, and by a release
    assert not keys & {"python3-torch", "python3-numba"}  # Ubuntu 24.04 has no such packages
    readme = (ROOT / "README.md").read_text()
    assert "-r src/dvae_perception/requirements.txt" in readme
    assert not re.search(r"pip install (?!-r|'?\.)\w", readme.split("## On a robot")[1].split("\n## ")[0])


def test_versions_agree_and_the_changelog_is_as_bloom_reads_it() -> None:
    version = PACKAGE.findtext("version")
    assert ast.literal_eval(setup_argument("version")) == version
    title, *lines = (ROOT / "CHANGELOG.rst").read_text().splitlines()
    assert lines[0] == f"Changelog for package {PACKAGE.findtext('name')}"
    assert title == lines[1] == "^" * len(lines[0])
    heads = [above for above, line in itertools.pairwise(lines) if line and line == "-" * len(above)]
    assert heads[0] == "Forthcoming"
    assert re.fullmatch(rf"{re.escape(str(version))} \(\d{{4}}-\d\d-\d\d\)", heads[1])
    assert not (ROOT / "CHANGELOG.md").exists()


def programs() -> dict[str, str]:
    parser = ConfigParser()
    parser.read(ROOT / "nodes" / "programs.cfg")
    lines = parser["options.entry_points"]["console_scripts"].strip().splitlines()
    return {name.strip(): target.strip() for name, _, target in (line.partition("=") for line in lines)}


@pytest.mark.parametrize(("name", "target"), programs().items())
def test_programs_are_there(name: str, target: str) -> None:
    module, _, function = target.partition(":")
    assert callable(getattr(importlib.import_module(module), function)), name


def test_programs_without_ros_are_the_same_for_pip_and_for_colcon() -> None:
    scripts = ast.literal_eval(setup_argument("entry_points"))["console_scripts"]
    of_pip = {name.strip(): target.strip() for name, _, target in (line.partition("=") for line in scripts)}
    assert of_pip.items() <= programs().items()
    assert {name for name in programs() if name.startswith("dvae-")} == set(of_pip)


def test_launch_files_start_programs_that_are_there() -> None:
    started = [
        match
        for path in (ROOT / "launch").glob("*.py")
        for match in re.findall(r'executable="(\w+)"', path.read_text())
    ]
    assert len(started) >= 4
    assert set(started) <= set(programs())
