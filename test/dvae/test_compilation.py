"""Machine code on disk: found again, made anew after a change, and done without where there is no place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numba
import pytest

from dvae.compilation import TolerantCache, kept_on_disk, say_once


def test_machine_code_follows_a_change_of_the_functions_that_it_calls(tmp_path: Path) -> None:
    (tmp_path / "whole.py").write_text(
        "import numba, parts\n"
        "from dvae.compilation import kept_on_disk\n"
        "def whole(): return parts.part()\n"
        "whole = kept_on_disk(numba.njit(whole), parts.__file__)\n"
    )
    found = []
    for value in (1, 1, 22):
        (tmp_path / "parts.py").write_text(f"import numba\n@numba.njit\ndef part(): return {value}\n")
        program = "import sys; sys.path.insert(0, sys.argv[1]); from whole import whole; "
        program += "print(whole(), sum(whole.stats.cache_hits.values()))"
        command = [sys.executable, "-B", "-c", program, str(tmp_path)]
        found.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert found == [["1", "0"], ["1", "1"], ["22", "0"]]  # the result, and whether it was on disk


def once() -> int:
    return 7


def test_a_damaged_cache_and_a_full_disk_cost_only_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def hits() -> int:
        function = kept_on_disk(numba.njit(once))
        assert function() == 7
        return sum(function.stats.cache_hits.values())

    assert [hits(), hits()] == [0, 1]
    for path in tmp_path.rglob("*.nb?"):
        path.write_bytes(path.read_bytes()[:50])
    assert [hits(), hits()] == [0, 1]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for path in tmp_path.rglob("*.nbi"):
        path.write_bytes(path.read_bytes()[:50])
    with monkeypatch.context() as patch:  # a damaged index that nothing can be put in the place of
        patch.setattr("numba.core.caching.IndexDataCacheFile._save_index", full)
        assert hits() == 0

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", full)
    for path in tmp_path.rglob("*.nb?"):
        path.unlink()
    assert [hits(), hits()] == [0, 0]


def test_no_place_at_all(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(TolerantCache._impl_class, "_locator_classes", [])
    say_once.cache_clear()
    assert [kept_on_disk(numba.njit(once))() for _ in range(2)] == [7, 7]
    (record,) = caplog.records
    assert "NUMBA_CACHE_DIR" in record.message
