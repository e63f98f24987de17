from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scenes import write_sequence
from sounds import voice

from dvae.enhancement.adaptive.noise_networks import NoisySpeech, NoisySpeechConfig
from dvae.models.hit_dvae import HiTDVAE, HiTDVAEConfig
from dvae.models.store.checkpoint import save_model
from dvae.models.vae import VAE, VAEConfig
from dvae.signal.audio_file import read_mono, write_audio

DATA = Path(__file__).resolve().parents[2] / "data"
EVALUATE = "dvae.cli.evaluate"
Run = Callable[..., int]


@pytest.fixture
def speech_and_models(tmp_path: Path, rng: np.random.Generator) -> Path:
    for i, pitch in enumerate((90.0, 100.0, 200.0, 220.0)):
        (tmp_path / "speech").mkdir(exist_ok=True)
        write_audio(tmp_path / "speech" / f"{i}.wav", voice(pitch, 1.5, rng), 16000)
    torch.manual_seed(1)
    hit = HiTDVAEConfig(features_size=8, global_hidden_size=8, model_size=8, feed_forward_size=8, num_layers=1)
    for name, model in {"vae": VAE(VAEConfig(hidden_size=8)), "hit": HiTDVAE(hit)}.items():
        save_model(model, tmp_path / name)
    return tmp_path


@pytest.mark.filterwarnings("ignore")  # pesq and pystoi on buzzes
def test_resynthesis_table(speech_and_models: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    folder, plot = speech_and_models, speech_and_models / "plots" / "r.png"
    models = [str(folder / name) for name in ("vae", "hit")]
    assert run(EVALUATE, "resynthesis", "--speech", folder / "speech", *models, "--plot", str(plot)) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0][:2] == ["4", "files,"]
    assert [row[:3:2] for row in rows[2:]] == [["vae", "-"], ["hit", "GEN"], ["hit", "GT"]]
    assert all(np.isfinite([float(value) for value in row[3:]]).all() for row in rows[2:])
    assert plot.stat().st_size > 10_000


def test_generation_table(speech_and_models: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    folder = speech_and_models
    few = ["--number", "90", "--frames", "30", "--repeats", "2", "--reference", str(folder / "speech")]
    assert (
        run(
            EVALUATE,
            "generation",
            "--speech",
            folder / "speech",
            str(folder / "vae"),
            *few,
            "--wav",
            str(folder / "wav"),
        )
        == 0
    )
    rows = {line[:32].strip(): float(line[32:41]) for line in capsys.readouterr().out.splitlines()[1:]}
    assert list(rows) == ["other speech, exact phase", "other speech, Griffin-Lim", "vae"]
    assert rows["other speech, exact phase"] < rows["vae"]  # an untrained model is further away than real speech
    assert len(list((folder / "wav").glob("vae_*.wav"))) == 4
    few[few.index("90")] = "70"
    assert run(EVALUATE, "generation", "--speech", folder / "speech", str(folder / "vae"), *few) == 2
    assert "expected more than 78 utterances, got 70" in capsys.readouterr().err


def test_latents_table(speech_and_models: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    folder, plot = speech_and_models, speech_and_models / "w.png"
    options = ["--frames", "60", "--plot", str(plot), "--wav", str(folder / "wav")]
    assert run(EVALUATE, "latents", "--speech", folder / "speech", str(folder / "hit"), *options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("hit: median pitch in Hz of 2 low and 2 high voices")
    low, high = lines[2].split(), lines[3].split()
    assert float(low[2]) == pytest.approx(95.0, abs=5)
    assert float(high[2]) == pytest.approx(210.0, abs=10)
    assert (folder / "w_hit.png").is_file()
    assert len(list((folder / "wav").glob("hit_*.wav"))) == 6
    assert run(EVALUATE, "latents", "--speech", folder / "speech", str(folder / "vae"), "--frames", "60") == 2
    assert "expected models with a w for the whole sequence" in capsys.readouterr().err
    assert run(EVALUATE, "latents", "--speech", folder / "speech", str(folder / "hit"), "--frames", "600") == 2
    assert "expected two voices of 600 frames or more, got 0" in capsys.readouterr().err


def test_evaluate_enhancement_with_every_kind_of_method(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], rng: np.random.Generator
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
        EVALUATE, "enhancement", "--data", tmp_path, "--speech", "speech", "--noise", "noise",
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
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("speech", "noise"):
        (tmp_path / name).mkdir()
        write_audio(tmp_path / name / "a.wav", np.ones(64000, np.float32) * 0.1, 16000)
    options = ("--data", tmp_path, "--speech", "speech", "--noise", "noise", "--snr", "5", "--number", "1")
    more = ("--methods", "ND-NOLV", "--trained", tmp_path)
    assert run(EVALUATE, "enhancement", *options, *more) == 2
    assert "speech_nd_nolv, got none: dvae-train speech_nd_nolv" in capsys.readouterr().err


def test_tables_of_tracking(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mot" / "one").mkdir(parents=True)
    write_sequence(tmp_path / "mot" / "one")
    options = ("--data", tmp_path, "--sequences", "mot", "--detections", "some")
    assert run(EVALUATE, "tracking", *options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["sequence", "MOTA", "MOTP", "IDF1", "switches", "tracked", "lost", "FP", "FN"]
    assert [line.split()[0] for line in lines[1:]] == ["one", "all", "step"]
    assert lines[1].split()[1:] == lines[2].split()[1:]
    assert run(EVALUATE, "tracking3", *options, "--frames", 45, 91, "--per-window", 1) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["T", "scenes", "method", "scoring"]
    assert [line[:32].split() for line in lines[1:3]] == [["45", "2", "MixDVAE"]] * 2
    assert [line[33:42].strip() for line in lines[1:3]] == ["standard", "paper's"]
    assert len(lines) == 12
    assert lines[-1] == "  91      0 no three people are there for so long"


def test_what_cannot_be_written_is_known_before_the_work(
    speech_and_models: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = speech_and_models
    arguments = ("latents", "--speech", folder / "speech", folder / "hit")
    for option, message in (
        (("--plot", folder / "w.xyz"), "expected a picture (.png, .pdf, .svg, .jpg), got"),
        (("--plot", "/proc/no/w.png"), "cannot write to the folder /proc/no: No such file or directory"),
        (("--wav", folder / "speech" / ".." / "speech"), "expected an output that is none of the inputs"),
    ):
        assert run(EVALUATE, *arguments, *option) == 2
        assert message in capsys.readouterr().err
    assert len(list((folder / "speech").iterdir())) == 4
    for option in (("--frames", "0"), ("--pairs", "-1"), ("--pairs", "9" * 500), ("--pairs", "x")):
        with pytest.raises(SystemExit, match="2"):
            run(EVALUATE, *arguments, *option)
    with pytest.raises(SystemExit, match="2"):
        run(EVALUATE, "enhancement", "--snr", "99999")


def test_broken_files_are_left_out_of_a_table(
    speech_and_models: Path, run: Run, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder = speech_and_models
    (folder / "speech" / "5.wav").write_bytes(b"no sound")
    write_audio(folder / "speech" / "6.wav", np.array([np.nan], np.float32), 16000, "FLOAT")
    assert run(EVALUATE, "latents", "--speech", folder / "speech", folder / "hit", "--frames", "60") == 0
    assert capsys.readouterr().out.startswith("hit: median pitch in Hz of 2 low and 2 high voices")
    assert [record.message for record in caplog.records if "5.wav" in record.message and "left out" in record.message]
    assert [record.message for record in caplog.records if "6.wav" in record.message and "left out" in record.message]
