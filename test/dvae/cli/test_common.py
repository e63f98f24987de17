from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dvae.cli.common import one_line, run_command, settings_from_options
from dvae.enhancement.activity import ActivityConfig
from dvae.tracking.config import TrackerConfig

COMMANDS = ["dvae.cli.track", "dvae.cli.enhance", "dvae.cli.train", "dvae.cli.evaluate", "dvae_nodes.replay"]
Run = Callable[..., int]


@pytest.mark.parametrize("module", COMMANDS)
def test_help(module: str, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(module, "--help")
    assert stopped.value.code == 0
    assert "usage: dvae-" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        (
            "dvae.cli.enhance",
            ("no.wav", "out.wav"),
            "expected an audio file or a folder, got no.wav, which does not exist",
        ),
        ("dvae.cli.enhance", ("text.wav", "out.wav"), "expected an audio file that can be decoded, got text.wav"),
        ("dvae.cli.enhance", ("nan.wav", "out.wav"), "expected finite samples, got NaN or infinity in nan.wav"),
        ("dvae.cli.enhance", ("nan.wav", "out.mp3"), "expected OUT to end in .wav, "),
        (
            "dvae.cli.enhance",
            ("nan.wav", "new/../nan.wav"),
            "expected an output that is none of the inputs, got new/..",
        ),
        ("dvae.cli.enhance", (".", "./"), "expected an output that is none of the inputs, got ."),
        ("dvae.cli.enhance", (".", "out.wav"), "expected a folder for OUT, because IN is one, got the name of a file"),
        ("dvae.cli.enhance", ("16.wav", "/dev/full"), "cannot write /dev/full: No space left on device"),
        ("dvae.cli.enhance", ("16.wav", "/proc/out.wav"), "cannot write /proc/out.wav: No such file or directory"),
        ("dvae.cli.enhance", ("16.wav", "/proc/zz/out.wav"), "cannot write to the folder /proc/zz: No such file or"),
        ("dvae.cli.enhance", (".", "/proc/zz"), "cannot write to the folder /proc/zz: No such file or directory"),
        ("dvae.cli.enhance", ("16.wav", "16.wav/x.wav"), "cannot write to the folder 16.wav: a file is there"),
        (
            "dvae.cli.enhance",
            ("16.wav", "o.flac"),
            "expected what FLAC can hold, got 16 channels at 16000 Hz for o.flac (a .wav holds most): FLAC has at",
        ),
        (
            "dvae.cli.enhance",
            ("nan.wav", "o.wav", "--model", "nothing"),
            "expected a model folder or one of quality, low_latency,",
        ),
        (
            "dvae.cli.track",
            ("no.txt", "o.txt", "--image-size", "9", "9", "--fps", "5", "--set", "min_score=["),
            "min_score: expected YAML, got",
        ),
        ("dvae.cli.enhance", ("nan.wav", "o.wav", "--min-gain", "2"), "min_gain: expected a value in [0, 1], got 2.0"),
        (
            "dvae.cli.track",
            ("text.wav", "o.txt", "--image-size", "9", "9", "--fps", "5"),
            "text.wav, line 1: expected frame,id,",
        ),
        (
            "dvae.cli.track",
            ("no.txt", "o.txt", "--image-size", "9", "9", "--fps", "5"),
            "expected a MOTChallenge text file",
        ),
        ("dvae.cli.track", ("no.txt", "o.txt", "--image-size", "9", "9", "--fps", "0"), "expected positive --fps"),
        ("dvae.cli.evaluate", ("tracking", "--sequences", "x", "--detections", "y"), "is not a folder: pass --data"),
        ("dvae_nodes.replay", ("no.mcap", "out"), "expected a bag, got no.mcap, which does not exist"),
        ("dvae_nodes.replay", ("text.wav", "out"), "expected a ROS 2 bag (mcap or sqlite3), got text.wav"),
    ],
)
def test_mistakes_are_one_line(
    module: str,
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVAE_DATA", raising=False)
    Path("text.wav").write_text("hello")
    import soundfile

    soundfile.write("16.wav", np.zeros((100, 16)), 16000)
    soundfile.write("nan.wav", np.array([0.0, np.nan]), 16000, subtype="FLOAT")
    assert run(module, *arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1


def test_settings_go_to_the_one_that_has_them() -> None:
    activity, tracker = settings_from_options((ActivityConfig, TrackerConfig), ["confirm_hits=5", "silence_db=-50"])
    assert (activity.silence_db, tracker.confirm_hits) == (-50.0, 5)


def test_a_misspelt_setting_is_looked_for_among_all_of_them() -> None:
    message = "unknown key 'silence_dbb' for ActivityConfig, TrackerConfig; the nearest valid key is 'silence_db'"
    with pytest.raises(ValueError, match=message):
        settings_from_options((ActivityConfig, TrackerConfig), ["silence_dbb=3"])


def test_messages_are_one_line_whatever_a_file_is_called() -> None:
    assert one_line(ValueError("got a\nb\udcff\x1b[31m \u00e9")) == "got a b\\udcff\\x1b[31m \u00e9"
    assert one_line(OSError(28, "No space left on device")) == "No space left on device"
    assert one_line(OSError(13, "Permission denied", "a.wav")) == "a.wav: Permission denied"


def test_status_of_a_command_and_of_one_that_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["command"])
    cleaned, before = [], signal.getsignal(signal.SIGTERM)
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored

    def stopped_by(number: int) -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            cleaned.append(number)

    statuses = [
        run_command(command, argparse.ArgumentParser())
        for command in (
            lambda _: None,
            lambda _: 1,
            lambda _: stopped_by(signal.SIGTERM),
            lambda _: stopped_by(signal.SIGINT),
        )
    ]
    signal.signal(signal.SIGINT, ours)
    assert statuses == [0, 1, 143, 130]
    assert cleaned == [signal.SIGTERM, signal.SIGINT]
    assert signal.getsignal(signal.SIGTERM) is before
