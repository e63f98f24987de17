"""The state of a run: what is damaged, missing or of another recipe is one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dvae.models.trajectory_srnn import TrajectorySRNN, TrajectorySRNNConfig
from dvae.training.motion import MotionTask
from dvae.training.recipe import Optimisation
from dvae.training.state import KEYS, WholeCheckpoints, check_state, state_to_resume


def task(hidden_size: int = 4) -> MotionTask:
    return MotionTask(TrajectorySRNN(TrajectorySRNNConfig(hidden_size=hidden_size)), Optimisation(), 0.1)


def whole_state() -> dict[str, Any]:
    return {**dict.fromkeys(KEYS), "state_dict": task().state_dict()}


def test_a_state_that_is_whole(tmp_path: Path) -> None:
    WholeCheckpoints().save_checkpoint(whole_state(), tmp_path / "work" / "last.ckpt")
    check_state(tmp_path / "work" / "last.ckpt", task())
    assert state_to_resume(tmp_path / "work", True) == tmp_path / "work" / "last.ckpt"
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["last.ckpt"]


def test_a_kill_while_it_is_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint(whole_state(), last)
    before = last.read_bytes()

    def half(_: object, stream: Any) -> None:
        stream.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        WholeCheckpoints().save_checkpoint(whole_state(), last)
    assert last.read_bytes() == before


def test_damage_is_one_line(tmp_path: Path) -> None:
    last = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint(whole_state(), last)
    data = last.read_bytes()
    for broken in (b"", b"junk", data[: len(data) // 2], bytes(100) + data[100:], data[:-30], b"PK" + bytes(1000)):
        last.write_bytes(broken)
        with pytest.raises(ValueError, match=r"^--resume: .*last.ckpt is damaged \(.*\); --work FOLDER .*$"):
            check_state(last, task())


def test_the_state_of_another_run(tmp_path: Path) -> None:
    last = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint(whole_state(), last)
    with pytest.raises(ValueError, match=r"state of another recipe: .*: expected \(20, .*got \(16, "):
        check_state(last, task(5))
    torch.save({"epoch": 1}, last)
    with pytest.raises(ValueError, match="state of another recipe: no global_step"):
        check_state(last, task())
