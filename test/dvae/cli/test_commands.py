from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from dvae.data.motchallenge import by_frame, read_ground_truth, read_rows
from dvae.enhancement.adaptive.noise_networks import NoisySpeech, NoisySpeechConfig
from dvae.models.store.checkpoint import save_model
from dvae.signal.audio_file import read_audio, read_mono, write_audio

DATA = Path(__file__).resolve().parents[2] / "data"
COMMANDS = ["dvae.cli.track", "dvae.cli.enhance", "dvae.cli.train", "dvae.cli.evaluate", "dvae_nodes.replay"]


def run(module: str, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["command", *map(str, arguments)])
    return int(importlib.import_module(module).main())


@pytest.mark.parametrize("module", COMMANDS)
def test_help(module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(module, monkeypatch, "--help")
    assert stopped.value.code == 0
    assert "usage: dvae-" in capsys.readouterr().out


def test_track(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{t},-1,{100 + 3 * t},200,60,150,0.9" for t in range(1, 21) if t != 10]
    rows += [f"{t},-1,nan,200,60,150,0.9" for t in range(1, 21)]
    (tmp_path / "det.txt").write_text("\n".join(rows))
    arguments = (tmp_path / "det.txt", tmp_path / "out.txt", "--image-size", 640, 480, "--fps", 30)
    assert run("dvae.cli.track", monkeypatch, *arguments) == 0
    found = read_rows(tmp_path / "out.txt")
    assert set(found[:, 1]) == {1.0}
    assert found[:, 0].tolist() == list(range(3, 21))  # the short miss is bridged
    np.testing.assert_allclose(found[-1, 2:6], [160, 200, 60, 150], atol=5)
    assert run("dvae.cli.track", monkeypatch, *arguments, "--predicted", "--set", "confirm_hits=1") == 0
    assert read_rows(tmp_path / "out.txt")[:, 0].tolist() == list(range(1, 21))
    # some frames late the first two detections are known to be a person too; the camera's motion is read
    (tmp_path / "gmc.txt").write_text("".join(f"{t} 1 0 3 0 1 0\n" for t in range(20)))
    late = ("--lag", 5, "--camera", tmp_path / "gmc.txt")
    assert run("dvae.cli.track", monkeypatch, *arguments, *late) == 0
    assert read_rows(tmp_path / "out.txt")[:, 0].tolist() == list(range(1, 21))
    (tmp_path / "gmc.txt").write_text("0 1 0 0 0 1 0\n1 1 0 nan 0 1 0\n")
    assert run("dvae.cli.track", monkeypatch, *arguments, *late) == 2


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (8000, 1)])
def test_enhance_keeps_rate_channels_and_length(
    rate: int, channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = np.random.default_rng(0).normal(scale=0.1, size=(channels, rate + 7)).astype(np.float32)
    write_audio(tmp_path / "noisy.wav", noisy, rate)
    assert run("dvae.cli.enhance", monkeypatch, tmp_path / "noisy.wav", tmp_path / "out.flac") == 0
    enhanced, found = read_audio(tmp_path / "out.flac")
    assert (enhanced.shape, found) == (noisy.shape, rate)
    assert np.square(enhanced).mean() < 0.5 * np.square(noisy).mean()


def test_enhance_a_folder_and_agree_with_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = read_mono(DATA / "demo_speech_noisy.flac", 16000)[:40000]
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a.wav", "deep/b.flac"):
        write_audio(tmp_path / "in" / name, noisy, 16000)
    assert run("dvae.cli.enhance", monkeypatch, tmp_path / "in", tmp_path / "out") == 0
    first, second = (read_mono(tmp_path / "out" / name, 16000) for name in ("a.wav", "deep/b.flac"))
    np.testing.assert_allclose(first, second, atol=1 / 16000)  # 16 bit, rounded by either format
    from dvae.enhancement.step import load_enhancer
    from dvae.enhancement.streaming import StreamingEnhancer
    from dvae.models.store.find import find_model

    enhancer = StreamingEnhancer(load_enhancer(find_model("speech_enhancer")))
    streamed = np.concatenate([enhancer.feed(read_mono(tmp_path / "in" / "a.wav", 16000)), enhancer.flush()])
    np.testing.assert_allclose(first, streamed, atol=1 / 16000)
    # what is read but not written without loss becomes WAV
    import soundfile

    soundfile.write(tmp_path / "in" / "a.ogg", noisy, 16000)
    assert run("dvae.cli.enhance", monkeypatch, tmp_path / "in", tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.*")) == ["a.ogg.wav", "a.wav", "b.flac"]


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
        ("dvae.cli.enhance", ("nan.wav", "out.mp3"), "expected OUT to end in .wav or .flac, got out.mp3"),
        ("dvae.cli.enhance", ("nan.wav", "o.wav", "--model", "nothing"), "expected a model folder or one of"),
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
        ("dvae_nodes.replay", ("text.wav", "out"), "expected a ROS 2 bag (sqlite3 or mcap), got text.wav"),
    ],
)
def test_mistakes_are_one_line(
    module: str,
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVAE_DATA", raising=False)
    Path("text.wav").write_text("hello")
    import soundfile

    soundfile.write("nan.wav", np.array([0.0, np.nan]), 16000, subtype="FLOAT")
    assert run(module, monkeypatch, *arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1


def test_ground_truth_counts_pedestrians_only(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text(
        "1,1,0,0,10,20,1,1,1.0\n1,2,0,0,10,20,0,1,1.0\n1,3,0,0,10,20,1,7,1.0\n3,1,5,0,10,20,1,1,1.0\n"
    )
    frames = by_frame(read_ground_truth(tmp_path / "gt.txt"), num_frames=4)
    assert [frame.ids.tolist() for frame in frames] == [[1], [], [1], []]
    assert frames[2].boxes.tolist() == [[5, 0, 15, 20]]


def test_tracking_scores_of_a_swap(tmp_path: Path) -> None:
    from dvae.data.motchallenge import FrameBoxes
    from dvae.evaluation.metrics.tracking import tracking_scores

    boxes = np.array([[0.0, 0, 10, 20], [50, 0, 60, 20]])
    truth = [FrameBoxes(boxes, np.array([1, 2]), np.ones(2))] * 10
    swapped = [FrameBoxes(boxes, np.array([7, 8] if t < 5 else [8, 7]), np.ones(2)) for t in range(10)]
    perfect, half = tracking_scores({"a": (truth, truth)}), tracking_scores({"a": (truth, swapped)})
    assert (perfect.mota, perfect.motp, perfect.idf1, perfect.switches) == (100.0, 100.0, 100.0, 0)
    assert (half.mota, half.idf1, half.switches) == (90.0, 50.0, 2)


def test_evaluate_enhancement_with_every_kind_of_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rng: np.random.Generator
) -> None:
    (tmp_path / "speech").mkdir()
    (tmp_path / "noise").mkdir()
    clean = read_mono(DATA / "demo_speech_clean.flac", 16000)[:64000]
    write_audio(tmp_path / "speech" / "a.wav", clean, 16000)
    write_audio(tmp_path / "noise" / "a.wav", 0.1 * rng.normal(size=64000).astype(np.float32), 16000)
    for dependency in ("LV", "NO"):  # untrained: what is looked at here is that they run
        model = NoisySpeech(NoisySpeechConfig(hidden_size=8, dependency=dependency))
        save_model(model, tmp_path / "models" / f"speech_nd_{dependency.lower()}")
    methods = ["noisy", "oracle", "quality", "low_latency", "VEM", "LDEM", "NA-NOLV", "ND-LV", "NDA-NO"]
    status = run(
        "dvae.cli.evaluate", monkeypatch, "enhancement", "--data", tmp_path, "--speech", "speech", "--noise", "noise",
        "--snr", "5", "--number", "1", "--methods", *methods, "--adaptation", "max_iterations=3", "min_iterations=1",
        "--trained", tmp_path / "models",
    )  # fmt: skip
    assert status == 0
    rows = {
        line.split()[0]: [float(x) for x in line.split()[1:]] for line in capsys.readouterr().out.splitlines()[3:-1]
    }
    assert list(rows) == methods
    si_sdr = {name: values[0] for name, values in rows.items()}
    assert si_sdr["noisy"] == pytest.approx(5.0, abs=0.1)
    assert si_sdr["oracle"] > si_sdr["quality"] > si_sdr["noisy"] + 3
    assert [rows[name][-1] for name in methods] == [0, 0, 0, 0, 3, 3, 3, 0, 3]  # iterations
    assert all(0 < rows[name][-2] < 100 for name in methods[2:])  # real-time factors


def test_a_method_that_needs_a_model_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("speech", "noise"):
        (tmp_path / name).mkdir()
        write_audio(tmp_path / name / "a.wav", np.ones(64000, np.float32) * 0.1, 16000)
    options = ("--data", tmp_path, "--speech", "speech", "--noise", "noise", "--snr", "5", "--number", "1")
    more = ("--methods", "ND-NOLV", "--trained", tmp_path)
    assert run("dvae.cli.evaluate", monkeypatch, "enhancement", *options, *more) == 2
    assert "speech_nd_nolv, got none: dvae-train speech_nd_nolv" in capsys.readouterr().err
