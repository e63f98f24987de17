"""Who imports whom, in the library and the nodes: every import in the source, those in functions and for type checkers
too."""

from __future__ import annotations

import ast
import graphlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NODES = ROOT / "nodes" / "dvae_nodes"
# A room imports what stands in the lines above it. With a comma between them, one may know the other; those apart by
# a bar know nothing of each other.
LAYERS = """
    compilation, configuration, files, threads
    signal, distributions
    models, inference, arrays
    tracking | enhancement | separation | vision
    audiovisual
    data
    training | evaluation
    cli
    dvae
    wire
    lifecycle
    bags | pipelines
    nodes
"""


def modules(folder: Path, package: str) -> dict[str, Path]:
    """Dotted name -> file of every module of a package; packages without .__init__."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        name = ".".join((package, *path.relative_to(folder).with_suffix("").parts))
        found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules(ROOT / "dvae", "dvae") | modules(NODES, "dvae_nodes")


def imports(name: str, path: Path, known: dict[str, Path] = MODULES, top_only: bool = False) -> set[str]:
    """Dotted names of what a file imports anywhere in it, or at the top of it; modules as far as they are known."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    for node in outside_functions(tree) if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*parts, *filter(None, [node.module])])
            full = {f"{base}.{alias.name}" for alias in node.names}
            found |= {each if each in known else base for each in full}
    return found


def outside_functions(node: ast.AST) -> list[ast.AST]:
    """What runs, or a type checker reads, when a module is imported."""
    found = [node]
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found += outside_functions(child)
    return found


def room(module: str) -> str:
    """dvae.tracking.online -> tracking; dvae_nodes.tracker -> nodes; dvae itself, the door -> dvae."""
    top, *rest = module.split(".")
    if top == "dvae_nodes":
        return rest[0] if rest and f"{top}.{rest[0]}" in PACKAGES else "nodes"
    return rest[0] if rest else "dvae"


PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py"}
IMPORTS = {name: imports(name, path) for name, path in MODULES.items()}


def forbidden(imported: dict[str, set[str]], layers: str = LAYERS) -> list[str]:
    """Imports against the direction, each as "importer -> imported"."""
    lines = [line.strip() for line in layers.strip().splitlines()]
    height = {name: i for i, line in enumerate(lines) for name in re.split(r"[|,]\s*|\s+", line) if name}
    apart = {i for i, line in enumerate(lines) if "|" in line}
    found = []
    for name, targets in imported.items():
        for target in sorted(targets & set(imported)):
            here, there = room(name), room(target)
            if name == "dvae" or here == there:  # the door shows what is inside
                continue
            if height[there] > height[here] or (height[there] == height[here] and height[here] in apart):
                found.append(f"{name} -> {target}")
    return found


def circle(imported: dict[str, set[str]]) -> list[str]:
    """Names along a circle, empty where there is none."""
    try:
        graphlib.TopologicalSorter(imported).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def between_rooms(imported: dict[str, set[str]] = IMPORTS) -> dict[str, set[str]]:
    """Room -> rooms that it imports, without the door."""
    found: dict[str, set[str]] = {room(name): set() for name in imported if name != "dvae"}
    for name, targets in imported.items():
        if name != "dvae":
            found[room(name)] |= {room(target) for target in targets & set(imported)} - {room(name), "dvae"}
    return found


def below(rooms: dict[str, set[str]], start: str) -> set[str]:
    """All rooms that can be reached from one."""
    return rooms[start].union(*(below(rooms, each) for each in rooms[start]))


def arrows(rooms: dict[str, set[str]]) -> set[tuple[str, str]]:
    """Imports that do not follow from others: the picture shows these, the table below it all."""
    return {
        (here, there)
        for here, targets in rooms.items()
        for there in targets
        if not any(there in below(rooms, other) for other in targets - {there})
    }
