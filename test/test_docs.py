"""README and tutorial are run as they are printed, links lead somewhere, the API reference can be made; every public
name has a docstring."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from import_graph import MODULES

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))


@pytest.mark.filterwarnings("ignore")  # pesq and pystoi on the beginner's model
def test_tutorial_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("test", "config"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "tutorial.md").read_text()
    blocks = re.findall(r"```(python|bash)\n(.*?)```", text, re.DOTALL)
    assert [language for language, _ in blocks].count("python") >= 7
    names: dict[str, Any] = {}
    for language, block in blocks:
        if language == "python":
            exec(compile(block, "tutorial.md", "exec"), names)
        else:
            subprocess.run(["bash", "-euc", block], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    # what the text claims
    assert names["scores"]["trained"] > names["scores"]["untrained"] + 3.0
    assert names["curve"][-1][0] < 0.5 * names["curve"][0][0]
    assert int((names["nats"] > 0.1).sum()) > 3
    for path in ("tutorial.png", "resynthesis.png"):
        assert (tmp_path / path).stat().st_size > 20_000
    assert (tmp_path / "models_mine" / "vae" / "MODEL_CARD.md").is_file()


def test_readme_is_one_page_and_its_library_example_runs() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    boxes, samples = np.array([[100.0, 100.0, 200.0, 400.0]]), np.zeros(1000, np.float32)
    names: dict[str, Any] = {"boxes": boxes, "time": 0.1, "scores": np.ones(1), "samples": samples}
    names |= {
        "positions": 0.045 * np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]]),
        "channels": np.stack([samples] * 4),
    }
    exec(compile(block, "README.md", "exec"), names)
    assert len(names["tracks"].boxes) == 1
    assert len(names["ready"]) + len(names["rest"]) == 1000
    assert [scene.time for scene in names["scenes"]] == []
    assert not len(names["talking"])
    assert type(names["prior"]).__name__ == "RVAE"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *PAGES])
def test_links_of_documents_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{page}: {target}"


def public_parts(node: ast.Module | ast.ClassDef) -> list[ast.FunctionDef | ast.ClassDef]:
    """The public functions and classes of a module, or methods of a class."""
    parts = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.ClassDef)]
    return [each for each in parts if not each.name.startswith("_")]


TREES = {path: ast.parse(path.read_text()) for path in MODULES.values()}
METHODS = [
    (path, method)
    for path, tree in TREES.items()
    for part in public_parts(tree)
    if isinstance(part, ast.ClassDef)
    for method in public_parts(part)
]
# what torch, lightning and rclpy call; of `forward` the class is the docstring
FRAMEWORK = re.compile(r"forward|on_\w+|(load_)?state_dict|(training|validation)_step|configure_optimizers")


@pytest.mark.parametrize("path", TREES, ids=lambda p: str(p.relative_to(ROOT)))
def test_public_names_have_docstrings(path: Path) -> None:
    assert ast.get_docstring(TREES[path])
    assert not [part.name for part in public_parts(TREES[path]) if not ast.get_docstring(part)]


def test_public_methods_have_docstrings_or_override_one_that_has() -> None:
    documented = {method.name for _, method in METHODS if ast.get_docstring(method)}
    bare = [(path, method.name) for path, method in METHODS if method.name not in documented]
    assert not [f"{path.relative_to(ROOT)}: {name}" for path, name in bare if not FRAMEWORK.fullmatch(name)]


def is_there(name: str) -> bool:
    """Whether a dotted name is that of a module, or of something in it."""
    parts = name.split(".")
    known = next(count for count in range(len(parts), 0, -1) if ".".join(parts[:count]) in MODULES)
    text = MODULES[".".join(parts[:known])].read_text()
    return known == len(parts) or re.search(rf"\b{parts[known]}\b", text) is not None


@pytest.mark.parametrize("folder", ["dvae", "nodes", "bench", "config", "docs", "."])
def test_modules_that_texts_name_are_there(folder: str) -> None:
    texts = (ROOT / folder).glob("*.md" if folder == "." else "**/*")
    for path in [path for path in texts if path.suffix in {".py", ".md", ".yaml", ".sh", ".cfg"}]:
        names = re.findall(r"(?<![\w/])dvae(?:_nodes)?(?:\.\w+)+", path.read_text())
        assert not [name for name in names if not is_there(name)], path


def test_api_reference_can_be_made(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pdoc", "-d", "google", "--output-directory", str(tmp_path), "dvae"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    modules = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "dvae").rglob("*.py")]
    for module in modules:
        assert (tmp_path / str(module).removesuffix("/__init__")).with_suffix(".html").is_file(), module
    page = (tmp_path / "dvae" / "models" / "srnn.html").read_text()
    assert "Sequential neural models with stochastic layers" in page
