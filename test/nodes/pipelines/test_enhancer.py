"""The enhancer on bag messages: every kind of audio, and what is wrong with it. No ROS is needed."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from live_messages import DATA
from make_bag import audio_types

from dvae.enhancement.microphones import MicrophoneConfig
from dvae.enhancement.streaming import EnhancerSettings
from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_file import read_mono, resample
from dvae_nodes.lifecycle.pipeline import Settings, handle
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.enhancer import EnhancerNodeConfig, EnhancerPipeline
from dvae_nodes.wire import audio
from dvae_nodes.wire import conversions as convert

SECOND = NANOSECONDS


class Microphone:
    """An enhancer pipeline with what it reported and what came out."""

    def __init__(self, portaudio: bool = False, microphones: MicrophoneConfig | None = None, **settings: Any) -> None:
        self.types = audio_types(portaudio)
        self.log: list[str] = []
        self.reporter = Reporter(self.log.append)
        configured = Settings(EnhancerNodeConfig(**settings), microphones or MicrophoneConfig())
        self.pipeline = EnhancerPipeline(self.types, configured, self.reporter)
        self.outputs: list[Any] = []
        self.told: list[str] = []  # formats on audio/enhanced_info

    def bytes_message(self, data: bytes, seconds: float, kind: str = "AudioDataStamped") -> Any:
        data_message = self.types.make("audio_common_msgs/msg/AudioData", data=np.frombuffer(data, dtype=np.uint8))
        if kind == "AudioData":
            return data_message
        header = convert.make_header(self.types, round(seconds * SECOND), "mic")
        return self.types.make("audio_common_msgs/msg/AudioDataStamped", header=header, audio=data_message)

    def hear(self, message: Any, seconds: float = 0.0) -> None:
        work = partial(self.pipeline.on_audio, message, round(seconds * SECOND))
        self.outputs += handle(self.reporter, "audio", work) or []

    def info(self, rate: int = 16000, channels: int = 1, sample_format: str = "S16LE", coding: str = "wave") -> None:
        info = self.types.make("audio_common_msgs/msg/AudioInfo", channels=channels, sample_rate=rate, bitrate=0,
                               sample_format=sample_format, coding_format=coding)  # fmt: skip
        outputs = self.pipeline.on_audio_info(info, 0)
        assert outputs[-1].topic == "audio/enhanced_info"
        self.told.append(outputs[-1].message.sample_format)
        self.outputs += outputs

    def finish(self, kind: str = "<i2") -> tuple[np.ndarray, list[float]]:
        """All enhanced samples and the stamps of their chunks."""
        self.outputs += self.pipeline.flush()
        heard = [o.message for o in self.outputs if o.topic == "audio/enhanced"]
        scale = {"<i2": 2.0**15, "<i4": 2.0**31, "<f4": 1.0}[kind]
        samples = [np.frombuffer(bytes((m.audio if hasattr(m, "audio") else m).data), kind) / scale for m in heard]
        stamps = [convert.stamp_to_nanoseconds(m.header.stamp) / SECOND for m in heard if hasattr(m, "header")]
        return np.concatenate(samples or [np.zeros(0)]), stamps


@pytest.fixture(scope="module")
def noisy() -> np.ndarray:
    return read_mono(DATA / "demo_speech_noisy.flac", 16000)[:24000]


@pytest.fixture(scope="module")
def expected(noisy: np.ndarray) -> np.ndarray:
    microphone = Microphone(sample_rate=16000)
    microphone.hear(microphone.bytes_message(audio.to_int16(noisy).tobytes(), 5.0))
    return microphone.finish()[0]


def test_odd_bytes_are_joined(noisy: np.ndarray, expected: np.ndarray) -> None:
    microphone, data, first = Microphone(sample_rate=16000), audio.to_int16(noisy).tobytes(), 0
    for size in [1001, 7, 4093, 1] * 100:
        if first < len(data):
            microphone.hear(microphone.bytes_message(data[first : first + size], 5.0 + first / 32000))
        first += size
    assert np.array_equal(microphone.finish()[0], expected)
    assert not microphone.log


def test_unstamped_audio_takes_the_time_of_receipt(noisy: np.ndarray, expected: np.ndarray) -> None:
    microphone, data = Microphone(sample_rate=16000), audio.to_int16(noisy).tobytes()
    for first in range(0, len(data), 2048):
        microphone.hear(microphone.bytes_message(data[first : first + 2048], 0.0, "AudioData"), 3.0 + first / 32000)
    assert np.array_equal(microphone.finish()[0], expected)


def test_audio_before_its_info_is_kept(noisy: np.ndarray, expected: np.ndarray) -> None:
    microphone, data = Microphone(), audio.to_int16(noisy).tobytes()
    for first in range(0, len(data), 2048):
        if first == 20480:
            assert not microphone.outputs
            microphone.info()
        microphone.hear(microphone.bytes_message(data[first : first + 2048], 5.0 + first / 32000))
    found, stamps = microphone.finish()
    assert np.array_equal(found, expected)
    assert stamps[0] == pytest.approx(5.0, abs=1e-6)


def test_audio_that_ends_before_any_info_is_not_lost(noisy: np.ndarray, expected: np.ndarray) -> None:
    microphone, data = Microphone(), audio.to_int16(noisy).tobytes()
    for first in range(0, len(data), 2048):
        microphone.hear(microphone.bytes_message(data[first : first + 2048], 5.0 + first / 32000))
    assert not microphone.outputs
    assert np.array_equal(microphone.finish()[0], expected)
    assert "taking 16000 Hz, 1 channel, S16LE" in microphone.log[-1]


def test_without_any_info_the_usual_format_is_taken_and_said(noisy: np.ndarray) -> None:
    microphone, data = Microphone(), audio.to_int16(np.tile(noisy, 6)).tobytes()
    for first in range(0, len(data), 8192):
        microphone.hear(microphone.bytes_message(data[first : first + 8192], 5.0 + first / 32000))
    assert "got no audio_info: taking 16000 Hz, 1 channel, S16LE" in microphone.log[-1]
    assert microphone.finish()[0].size >= 5 * noisy.size


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_another_rate_is_resampled_and_said(noisy: np.ndarray, rate: int) -> None:
    microphone = Microphone()
    microphone.info(rate)
    waveform = 0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate).astype(np.float32)
    data = audio.to_int16(waveform).tobytes()
    for first in range(0, len(data), 2000):
        microphone.hear(microphone.bytes_message(data[first : first + 2000], 5.0 + first / 2 / rate))
    found, stamps = microphone.finish()
    assert f"expected 16000 Hz, got {rate} Hz: resampled" in microphone.log[0]
    assert found.size == pytest.approx(32000, abs=2)
    ends = np.cumsum([0, *np.diff([*stamps, 7.0])])  # chunks follow each other without gap
    assert ends[-1] == pytest.approx(2.0, abs=1e-3)


def test_two_channels_are_averaged_and_said(noisy: np.ndarray, expected: np.ndarray) -> None:
    microphone = Microphone()
    microphone.info(channels=2)
    samples = audio.to_int16(noisy)
    microphone.hear(microphone.bytes_message(np.repeat(samples, 2).tobytes(), 5.0))
    assert np.array_equal(microphone.finish()[0], expected)
    assert "expected 1 channel, got 2: their mean is enhanced" in microphone.log[0]


def several_channels(noisy: np.ndarray, count: int = 2) -> bytes:
    """The n-th channel is the audio n samples later."""
    return np.stack([np.roll(audio.to_int16(noisy), n) for n in range(count)], axis=1).tobytes()


def test_the_first_channel_can_be_chosen(noisy: np.ndarray, expected: np.ndarray) -> None:
    microphone = Microphone(microphones=MicrophoneConfig("first"))
    microphone.info(channels=2)
    microphone.hear(microphone.bytes_message(several_channels(noisy), 5.0))
    assert np.array_equal(microphone.finish()[0], expected)


def test_an_array_of_microphones_at_another_rate_gives_directions() -> None:
    microphone = Microphone(microphones=MicrophoneConfig("mvdr", "0.1 0 0; -0.1 0 0"))
    microphone.info(rate=48000, channels=2)
    noisy = read_mono(DATA / "demo_speech_noisy.flac", 48000)[: 3 * 48000]
    delayed = np.roll(noisy, 20)  # 0.42 of the 0.58 ms between the microphones: the source is 44 degrees off the line
    data = audio.to_int16(np.stack([noisy, delayed], axis=1).reshape(-1)).tobytes()
    for first in range(0, len(data), 4096):
        microphone.hear(microphone.bytes_message(data[first : first + 4096], 5.0 + first / 4 / 48000))
    found, _ = microphone.finish()
    assert found.size == pytest.approx(48000, abs=2)
    azimuths = [o.message.azimuth for o in microphone.outputs if o.topic == "speech_activity"]
    assert np.degrees(np.nanmedian(azimuths[20:])) == pytest.approx(
        np.degrees(np.arccos(20 / 48000 * 343 / 0.2)), abs=5
    )


def test_wrong_channels_for_the_array_are_said_and_it_goes_on(noisy: np.ndarray) -> None:
    microphone = Microphone(microphones=MicrophoneConfig("mvdr", "0.1 0 0; -0.1 0 0"))
    microphone.info(channels=1)
    microphone.hear(microphone.bytes_message(audio.to_int16(noisy).tobytes(), 5.0))
    assert "expected 2 channels (microphone_positions), got 1" in microphone.log[0]
    microphone.info(channels=2)
    microphone.hear(microphone.bytes_message(several_channels(noisy), 8.0))
    assert microphone.finish()[0].size == noisy.size
    with pytest.raises(ValueError, match="channel_mode mvdr: expected microphone_positions, got none"):
        Microphone(microphones=MicrophoneConfig("mvdr"))


def test_a_format_that_does_not_fit_the_array_loses_nothing_before_it(noisy: np.ndarray) -> None:
    microphone = Microphone(microphones=MicrophoneConfig("mvdr", "0.1 0 0; -0.1 0 0"))
    microphone.info(channels=2)
    microphone.hear(microphone.bytes_message(several_channels(noisy), 5.0))
    microphone.info(channels=1)
    microphone.hear(microphone.bytes_message(audio.to_int16(noisy).tobytes(), 6.5))
    heard = sum(len(o.message.audio.data) // 2 for o in microphone.outputs if o.topic == "audio/enhanced")
    assert heard == noisy.size  # before anything is flushed at the end
    assert any("expected 2 channels" in line for line in microphone.log)


def test_the_loudspeaker_is_taken_out_by_its_stamps(noisy: np.ndarray) -> None:
    """The reference comes in chunks of another size and at another rate, ahead of the microphone."""
    rng = np.random.default_rng(5)
    far = resample(0.2 * rng.normal(size=16000 * 6).astype(np.float32), 16000, 48000)
    path = np.zeros(900, dtype=np.float32)
    path[[100, 400, 800]] = 0.5, -0.3, 0.1
    echo = np.convolve(resample(far, 48000, 16000), path)[: 16000 * 6].astype(np.float32)
    found = []
    for cancel in (False, True):
        microphone = Microphone(sample_rate=16000, cancel_echo=cancel)
        microphone.pipeline.configure(Settings(EnhancerSettings(min_gain=1.0)))  # the canceller alone
        format48 = microphone.types.make("audio_common_msgs/msg/AudioInfo", channels=1, sample_rate=48000, bitrate=0,
                                         sample_format="S16LE", coding_format="wave")  # fmt: skip
        microphone.pipeline.on_reference_info(format48, 0)
        data, heard, sent = audio.to_int16(far).tobytes(), audio.to_int16(echo), 0
        for first in range(0, heard.size, 512):
            while sent < len(data) and sent / 96000 < first / 16000 + 0.1:
                chunk = microphone.bytes_message(data[sent : sent + 2999], 5.0 + sent / 96000)  # half a sample is cut
                assert not microphone.pipeline.on_reference(chunk, 0)
                microphone.pipeline.on_reference_info(format48, 0)  # repeated, between the halves of a sample
                sent += 2999
            microphone.hear(microphone.bytes_message(heard[first : first + 512].tobytes(), 5.0 + first / 16000))
        found.append(microphone.finish()[0][16000 * 4 :])
        assert not microphone.log
    before, after = (10 * np.log10(np.square(x).mean() / np.square(echo[16000 * 4 :]).mean()) for x in found)
    assert before == pytest.approx(0.0, abs=0.1)
    assert after < -15.0


def test_a_reference_that_never_comes_is_said(noisy: np.ndarray, expected: np.ndarray) -> None:
    microphone = Microphone(sample_rate=16000, cancel_echo=True)
    microphone.hear(microphone.bytes_message(audio.to_int16(noisy).tobytes(), 5.0))
    assert np.array_equal(microphone.finish()[0], expected)
    assert "reference: expected what the loudspeaker plays, got nothing yet" in microphone.log[0]


def test_the_robots_own_voice_is_not_reported_as_speech(noisy: np.ndarray) -> None:
    microphone = Microphone(sample_rate=16000)
    for speaks in (True, False):
        microphone.pipeline.on_robot_speaking(SimpleNamespace(data=speaks), 0)
        microphone.hear(microphone.bytes_message(audio.to_int16(np.tile(noisy, 2)).tobytes(), 5.0 if speaks else 8.0))
    activity = [o.message for o in microphone.outputs if o.topic == "speech_activity"]
    assert (activity[0].probability, activity[0].speaking) == (0.0, False)
    assert activity[-1].probability > 0.1


def test_float_audio_with_nan_is_said_and_goes_on(noisy: np.ndarray) -> None:
    microphone = Microphone()
    microphone.info(sample_format="F32LE")
    waveform = noisy.astype("<f4").copy()
    waveform[1000:1010] = np.nan
    microphone.hear(microphone.bytes_message(waveform.tobytes(), 5.0))
    found, _ = microphone.finish("<f4")
    assert found.size == noisy.size
    assert np.isfinite(found).all()
    assert "got 10 far above the others, infinite or NaN: taken as silence" in microphone.log[0]


@pytest.mark.parametrize(
    ("sample_format", "kind"), [("S24LE", "<i4"), ("s24_32le", "<i4"), ("FLOAT64_LE", "<f4"), ("S16_BE", "<i2")]
)
def test_the_output_holds_what_the_input_can_and_says_so(noisy: np.ndarray, sample_format: str, kind: str) -> None:
    """Quiet speech of 1e-4: 16 bits have seven steps for it."""
    microphone = Microphone()
    microphone.info(sample_format=sample_format)
    quiet = 2e-4 * noisy / np.abs(noisy).max()
    wide = np.round(quiet.astype(np.float64) * 2**23).astype("<i4")
    data = {
        "S24LE": wide.view(np.uint8).reshape(-1, 4)[:, :3].tobytes(),
        "s24_32le": wide.tobytes(),
        "FLOAT64_LE": quiet.astype("<f8").tobytes(),
        "S16_BE": np.round(quiet * 32768).astype(">i2").tobytes(),
    }[sample_format]
    microphone.hear(microphone.bytes_message(data, 5.0))
    found, _ = microphone.finish(kind)
    expected = Microphone(sample_rate=16000, sample_format="F32LE")
    expected.hear(expected.bytes_message(quiet.astype("<f4").tobytes(), 5.0))
    truth, _ = expected.finish("<f4")
    step = 2.0**-15 if kind == "<i2" else 2.0**-22
    assert np.abs(found - truth).max() < 2 * step
    assert microphone.told[-1] == {"<i4": "S32LE", "<f4": "F32LE", "<i2": "S16LE"}[kind]
    assert len(np.unique(found)) > (1000 if kind != "<i2" else 3)
    assert [o.message.sample_format for o in expected.outputs if o.topic == "audio/enhanced_info"] == ["F32LE"]


def test_floats_of_another_scale_are_enhanced_at_it(noisy: np.ndarray) -> None:
    found = []
    for scale in (1.0, 32768.0):
        microphone = Microphone(sample_rate=16000, sample_format="F32LE")
        microphone.hear(microphone.bytes_message((scale * noisy).astype("<f4").tobytes(), 5.0))
        found.append(microphone.finish("<f4")[0] / scale)
    assert np.square(found[1] - found[0]).sum() < 1e-3 * np.square(found[0]).sum()
    (line,) = [line for line in microphone.log if "scale" in line]
    assert "audio: expected samples in [-1, 1], got up to" in line


def test_the_largest_floats_before_a_change_of_format_end_nothing(noisy: np.ndarray) -> None:
    microphone = Microphone()
    microphone.info(rate=48000, sample_format="F32LE")
    loud = resample(noisy, 16000, 48000)
    loud[-3:] = 3.4e38, -3.4e38, np.inf
    microphone.hear(microphone.bytes_message(loud.astype("<f4").tobytes(), 5.0))
    microphone.info()
    microphone.hear(microphone.bytes_message(audio.to_int16(noisy).tobytes(), 6.5))
    microphone.outputs += microphone.pipeline.flush()
    told, heard = "", {"F32LE": 0, "S16LE": 0}
    for output in microphone.outputs:  # as one reads them who believes what was told last
        if output.topic == "audio/enhanced_info":
            told = output.message.sample_format
        elif output.topic == "audio/enhanced":
            heard[told] += len(output.message.audio.data)
    assert heard == {"F32LE": 4 * noisy.size, "S16LE": 2 * noisy.size}
    activity = [o.message for o in microphone.outputs if o.topic == "speech_activity"]
    assert np.isfinite([[m.probability, m.level, m.snr] for m in activity]).all()
    assert not any("ignored" in line for line in microphone.log)


def test_an_error_leaves_the_stream_usable(noisy: np.ndarray, expected: np.ndarray) -> None:
    microphone, data = Microphone(sample_rate=16000), audio.to_int16(noisy).tobytes()
    feed = microphone.pipeline.enhancer.feed
    microphone.pipeline.enhancer.feed = lambda *_: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    microphone.hear(microphone.bytes_message(data, 2.0))
    microphone.pipeline.enhancer.feed = feed  # type: ignore[method-assign]
    microphone.hear(microphone.bytes_message(data, 5.0))
    assert np.array_equal(microphone.finish()[0], expected)
    assert microphone.log == ["audio: message ignored: division by zero"]


@pytest.mark.parametrize("value", [1e10, 1e25, 3.4e38, np.nan])
def test_a_loud_sample_of_the_reference_is_one_frames_trouble(noisy: np.ndarray, value: float) -> None:
    found = []
    for wrong in (False, True):
        microphone = Microphone(sample_rate=16000, sample_format="F32LE", cancel_echo=True)
        far = 0.1 * np.random.default_rng(1).normal(size=noisy.size).astype("<f4")
        if wrong:
            far[8000] = value
        microphone.pipeline.on_reference(microphone.bytes_message(far.tobytes(), 5.0), 0)
        microphone.hear(microphone.bytes_message((noisy + 0.5 * far * (np.abs(far) < 1)).astype("<f4").tobytes(), 5.0))
        found.append(microphone.finish("<f4")[0])
    assert np.square(found[1] - found[0]).sum() < 0.01 * np.square(found[0]).sum()
    assert "reference: expected samples in [-1, 1], got 1 far above the others" in microphone.log[0]


def test_playback_among_the_channels_is_left_out_by_their_numbers(noisy: np.ndarray, expected: np.ndarray) -> None:
    """Six channels as a ReSpeaker sends them: the last is what it plays."""
    rng = np.random.default_rng(2)
    played = audio.to_int16(0.3 * np.convolve(rng.normal(size=4 * noisy.size), np.ones(50) / 7, mode="same"))
    samples = np.tile(audio.to_int16(noisy), 4)
    six = np.stack([samples] * 5 + [played], axis=1)
    for use in ("all", "1-5"):
        microphone = Microphone(microphones=MicrophoneConfig(channels=use))
        microphone.info(channels=6)
        for first in range(0, samples.size, 1600):
            data = six[first : first + 1600].tobytes()
            microphone.hear(microphone.bytes_message(data, 5.0 + first / 16000))
        found = microphone.finish()[0]
        assert any('leave it out by channels: "1-5"' in line for line in microphone.log) == (use == "all")
        assert np.allclose(found[: noisy.size - 4000], expected[: noisy.size - 4000], atol=1e-4) == (use == "1-5")


@pytest.mark.parametrize(
    ("microphones", "message"),
    [
        (MicrophoneConfig(channels="1-"), 'channels: expected "all" or numbers from 1 to 64'),
        (
            MicrophoneConfig("mvdr", "0.1 0 0; -0.1 0 0", channels="1-4"),
            "channels: expected 2 of them \\(microphone_positions\\), got 4 in '1-4'",
        ),
    ],
)
def test_channels_that_do_not_fit_are_one_line(microphones: MicrophoneConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Microphone(microphones=microphones)


def test_silence_and_clipping_pass_without_complaint() -> None:
    for waveform in (np.zeros(16000), np.clip(9 * np.random.default_rng(0).normal(size=16000), -1, 1)):
        microphone = Microphone(sample_rate=16000)
        microphone.hear(microphone.bytes_message(audio.to_int16(waveform.astype(np.float32)).tobytes(), 5.0))
        found, _ = microphone.finish()
        assert found.size == 16000
        assert not microphone.log
    silent = Microphone(sample_rate=16000)
    silent.hear(silent.bytes_message(bytes(32000), 5.0))
    silent.finish()
    activity = [o.message for o in silent.outputs if o.topic == "speech_activity"]
    assert activity
    assert all(m.probability == 0.0 and not m.speaking for m in activity)


def test_a_gap_of_a_second_loses_nothing_that_was_received(noisy: np.ndarray, expected: np.ndarray) -> None:
    microphone, data = Microphone(sample_rate=16000), audio.to_int16(noisy).tobytes()
    for start in (5.0, 7.5):  # 1.5 s of audio, a gap of 1 s, the same again
        for first in range(0, len(data), 1024):
            microphone.hear(microphone.bytes_message(data[first : first + 1024], start + first / 32000))
    found, stamps = microphone.finish()
    assert np.array_equal(found, np.concatenate([expected, expected]))
    assert any(stamp == pytest.approx(7.5, abs=1e-6) for stamp in stamps)
    assert len(microphone.log) == 1
    assert "(+1.000 s): what was received is finished" in microphone.log[0]


def test_a_lost_chunk_is_replaced_by_silence_and_said(noisy: np.ndarray) -> None:
    microphone, data = Microphone(sample_rate=16000), audio.to_int16(noisy).tobytes()
    for first in range(0, len(data), 1024):
        if first != 10240:
            microphone.hear(microphone.bytes_message(data[first : first + 1024], 5.0 + first / 32000))
    assert microphone.finish()[0].size == noisy.size
    assert "0.032 s are lost and replaced by silence" in microphone.log[0]


def test_jitter_of_stamps_is_no_loss(noisy: np.ndarray, expected: np.ndarray, rng: np.random.Generator) -> None:
    microphone, data = Microphone(sample_rate=16000), audio.to_int16(noisy).tobytes()
    for first in range(0, len(data), 1024):
        jitter = rng.uniform(-0.005, 0.005)
        microphone.hear(microphone.bytes_message(data[first : first + 1024], 5.0 + first / 32000 + jitter))
    assert np.array_equal(microphone.finish()[0], expected)
    assert not microphone.log


def test_time_going_back_starts_anew(noisy: np.ndarray, expected: np.ndarray) -> None:
    microphone, data = Microphone(sample_rate=16000), audio.to_int16(noisy).tobytes()
    for start in (50.0, 5.0):
        microphone.hear(microphone.bytes_message(data, start))
    assert np.array_equal(microphone.finish()[0], np.concatenate([expected, expected]))
    assert len(microphone.log) == 1


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({"coding": "mp3"}, "expected uncompressed audio (coding_format 'wave'), got 'mp3'"),
        ({"rate": 5}, "expected a sample rate of 1000 to 384000 Hz, got 5"),
        ({"channels": 0}, "expected 1 to 64 channels, got 0"),
        ({"sample_format": "S20LE"}, "expected a sample format of S8, U8"),
    ],
)
def test_unreadable_formats_are_named_once(info: dict[str, Any], message: str) -> None:
    microphone = Microphone()
    microphone.info(**info)
    for k in range(5):
        microphone.hear(microphone.bytes_message(bytes(1000), 5.0 + k))
    assert len(microphone.log) == 1
    assert message in microphone.log[0]
    assert {output.topic for output in microphone.outputs} == {"audio/enhanced_info"}


@pytest.mark.parametrize(
    ("code", "field", "kind"), [(1, "float32_data", "f4"), (8, "int16_data", "i2"), (2, "int32_data", "i4")]
)
def test_the_other_audio_common_msgs(noisy: np.ndarray, expected: np.ndarray, code: int, field: str, kind: str) -> None:
    microphone = Microphone(portaudio=True)
    scale = {"f4": 1.0, "i2": 2.0**15, "i4": 2.0**31}[kind]
    samples = np.clip(audio.to_int16(noisy) / 32768 * scale, -scale, scale - 1 if kind != "f4" else 1).astype(kind)
    for first in range(0, samples.size, 512):
        empty = {f"{n}_data": np.zeros(0, dtype=n) for n in ("float32", "int32", "int16", "int8", "uint8")}
        fields = {**empty, field: samples[first : first + 512]}
        data = microphone.types.make("audio_common_msgs/msg/AudioData", **fields)
        info = microphone.types.make("audio_common_msgs/msg/AudioInfo", format=code, channels=1, rate=16000, chunk=512)
        inner = microphone.types.make("audio_common_msgs/msg/Audio", audio_data=data, info=info)
        header = convert.make_header(microphone.types, round((5.0 + first / 16000) * SECOND), "mic")
        microphone.hear(microphone.types.make("audio_common_msgs/msg/AudioStamped", header=header, audio=inner))
    microphone.outputs += microphone.pipeline.flush()
    messages = [o.message.audio for o in microphone.outputs if o.topic == "audio/enhanced"]
    assert all((m.info.format, m.info.rate, m.info.channels) == (code, 16000, 1) for m in messages)
    found = np.concatenate([getattr(m.audio_data, field) for m in messages]) / scale
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_unknown_portaudio_format_is_named() -> None:
    microphone = Microphone(portaudio=True)
    empty = {f"{n}_data": np.zeros(0, dtype=n) for n in ("float32", "int32", "int16", "int8", "uint8")}
    inner = microphone.types.make(
        "audio_common_msgs/msg/Audio",
        audio_data=microphone.types.make("audio_common_msgs/msg/AudioData", **empty),
        info=microphone.types.make("audio_common_msgs/msg/AudioInfo", format=99, channels=1, rate=16000, chunk=0),
    )
    header = convert.make_header(microphone.types, SECOND, "mic")
    microphone.hear(microphone.types.make("audio_common_msgs/msg/AudioStamped", header=header, audio=inner))
    assert "expected a PortAudio format of [1, 2, 8, 16, 32], got 99" in microphone.log[0]
