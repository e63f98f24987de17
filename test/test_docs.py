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
    boxes = np.array([[100.0, 100.0, 200.0, 400.0]])
    names: dict[str, Any] = {"boxes": boxes, "time": 0.1, "scores": np.ones(1), "samples": np.zeros(1000, np.float32)}
    exec(compile(block, "README.md", "exec"), names)
    assert len(names["tracks"].boxes) == 1
    assert len(names["ready"]) + len(names["rest"]) == 1000
    assert type(names["prior"]).__name__ == "RVAE"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *PAGES])
def test_links_of_documents_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{page}: {target}"


def public_names(path: Path) -> list[tuple[str, ast.AST]]:
    """The module, its public functions and classes, and the public methods of these."""
    tree = ast.parse(path.read_text())
    found: list[tuple[str, ast.AST]] = [(path.stem, tree)]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found.append((node.name, node))
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "dvae").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_public_names_have_docstrings(path: Path) -> None:
    missing = [name for name, node in public_names(path) if not ast.get_docstring(node)]  # type: ignore[arg-type]
    assert not missing


def test_api_reference_can_be_made(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pdoc", "-d", "google", "--output-directory", str(tmp_path), "dvae"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    modules = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "dvae").rglob("*.py")]
    for module in modules:
        assert (tmp_path / str(module).removesuffix("/__init__")).with_suffix(".html").is_file(), module
    page = (tmp_path / "dvae" / "models" / "srnn.html").read_text()
    assert "Sequential neural models with stochastic layers" in page
