"""The enhancer node as a robot sees it: messages in, messages out."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from dvae_perception.msg import SpeechActivity
from live_messages import DATA, SECOND, TYPES, audio_messages, frame_message
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from dvae.evaluation.metrics.speech import si_sdr
from dvae.signal.audio_file import read_mono
from dvae.vision.hog import HogDetector
from dvae_nodes.detector import DetectorNode
from dvae_nodes.enhancer import EnhancerNode
from dvae_nodes.wire import audio
from dvae_nodes.wire import conversions as convert


def test_enhancer_cleans_and_keeps_every_sample_in_its_place(stage: Any) -> None:
    from audio_common_msgs.msg import AudioDataStamped, AudioInfo

    clean, noisy = (read_mono(DATA / f"demo_speech_{name}.flac", 16000)[:48000] for name in ("clean", "noisy"))
    node = stage.add(EnhancerNode)
    enhanced, activity = (
        stage.listen(AudioDataStamped, "audio/enhanced"),
        stage.listen(SpeechActivity, "speech_activity"),
    )
    infos = stage.listen(AudioInfo, "audio/enhanced_info")
    messages = audio_messages(noisy)
    stage.publish("audio", messages[0])  # before the format is known: kept
    stage.until(lambda: "waiting" in stage.problems(node))
    stage.send("audio_info", audio.audio_info_message(TYPES, 16000), infos)
    for message in messages[1:]:
        stage.publish("audio", message)
        stage.executor.spin_once(timeout_sec=0.0)
    stage.until(lambda: node.meter("audio").count == len(messages))
    node.trigger_deactivate()  # hands out the samples that are still inside
    samples = lambda m: np.frombuffer(bytes(m.audio.data), dtype="<i2") / 32768  # noqa: E731
    stage.until(lambda: sum(len(samples(m)) for m in enhanced) >= noisy.size)
    position = 0
    for message in enhanced:  # the input's stamps, without gap or overlap
        stamp = convert.stamp_to_nanoseconds(message.header.stamp) / SECOND
        assert stamp == pytest.approx(10.0 + position / 16000, abs=1e-6)
        assert message.header.frame_id == "microphone"
        position += len(samples(message))
    assert position == noisy.size
    found = np.concatenate([samples(m) for m in enhanced])
    assert si_sdr(clean, found) > si_sdr(clean, noisy) + 3
    stage.until(lambda: len(activity) == len(enhanced))
    assert sum(m.duration for m in activity) == pytest.approx(3.0, abs=1e-6)
    assert any(m.speaking for m in activity)
    assert (infos[0].sample_rate, infos[0].sample_format) == (16000, "S16LE")


def test_a_voice_as_a_client_of_ros4hri_hears_it(stage: Any) -> None:
    from audio_common_msgs.msg import AudioData
    from hri_msgs.msg import AudioFeatures, IdsList
    from std_msgs.msg import Bool

    noisy = read_mono(DATA / "demo_speech_noisy.flac", 16000)[:32000]
    node = stage.add(EnhancerNode, ros4hri=True, sample_rate=16000)
    speaking = stage.listen(Bool, "/humans/voices/v1/is_speaking")
    heard, features = (
        stage.listen(AudioData, "/humans/voices/v1/audio"),
        stage.listen(AudioFeatures, "/humans/voices/v1/features"),
    )
    stage.until(lambda: stage.peer.count_publishers("/humans/voices/v1/audio") == 1)
    for message in audio_messages(noisy):
        stage.publish("audio", message)
        stage.executor.spin_once(timeout_sec=0.0)
    stage.until(lambda: node.meter("audio").count == 63)
    latched = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    lists = stage.listen(IdsList, "/humans/voices/tracked", latched)  # a client that comes late
    stage.until(lambda: bool(lists) and len(heard) >= 50)
    assert list(lists[-1].ids) == ["v1"]
    stage.publish("robot_speaking", Bool(data=True))
    stage.until(lambda: node.meter("robot_speaking").count == 1)
    node.trigger_deactivate()
    stage.until(lambda: not lists[-1].ids and sum(len(m.data) for m in heard) == 2 * noisy.size)
    stage.until(lambda: len(heard) == len(features) == len(speaking))
    assert any(m.data for m in speaking)
    assert len(features[-1].mfcc) == 13
    assert 0 < max(m.rms for m in features) < 1


def test_mp3_is_refused_with_advice(stage: Any, capfd: Any) -> None:
    from audio_common_msgs.msg import AudioDataStamped, AudioInfo

    node = stage.add(EnhancerNode)
    enhanced = stage.listen(AudioDataStamped, "audio/enhanced")
    mp3 = AudioInfo(channels=1, sample_rate=16000, sample_format="S16LE", bitrate=128, coding_format="mp3")
    stage.publish("audio_info", mp3)
    stage.until(lambda: "audio format" in stage.problems(node))
    for message in audio_messages(np.zeros(2048, dtype=np.float32)):
        stage.publish("audio", message)
    stage.until(lambda: node.meter("audio").count == 4)
    assert not enhanced
    assert "expected uncompressed audio (coding_format 'wave'), got 'mp3'" in capfd.readouterr().err
    stage.publish("audio_info", audio.audio_info_message(TYPES, 16000))  # corrected: it goes on
    stage.until(lambda: node.meter("audio_info").count == 2)
    for message in audio_messages(np.zeros(4096, dtype=np.float32), start=20.0):
        stage.publish("audio", message)
    stage.until(lambda: bool(enhanced))


def test_slow_work_on_images_neither_loses_audio_nor_puts_silence_into_it(stage: Any, monkeypatch: Any) -> None:
    """All nodes share one executor. Here the detector does not return before all of the sound is enhanced: if sound
    waited for images, it would never end. The sound has no stamps, so that only its arrival could be a clock."""
    from audio_common_msgs.msg import AudioData

    heard = threading.Event()

    def detect(*_: Any) -> tuple[np.ndarray, np.ndarray]:
        assert heard.wait(60)
        return np.zeros((0, 4)), np.zeros(0)

    monkeypatch.setattr(HogDetector, "detect", detect)
    detector = stage.add(DetectorNode)
    node = stage.add(EnhancerNode, sample_rate=16000, audio_type="AudioData")
    enhanced = stage.listen(AudioData, "audio/enhanced", 2000)
    noisy = read_mono(DATA / "demo_speech_noisy.flac", 16000)[:48000]
    for number, first in enumerate(range(0, noisy.size, 160)):  # chunks of 10 ms, an image every 0.1 s
        if number % 10 == 0:
            stage.publish("image", frame_message(1.0 + number / 100, np.zeros((128, 64, 3), np.uint8)))
        stage.publish("audio", audio.audio_bytes_message(TYPES, noisy[first : first + 160]), 2000)
        stage.executor.spin_once(timeout_sec=0.0)
    stage.until(lambda: node.meter("audio").count == 300)
    assert not detector.meter("image").count  # it is still at work on the first one
    heard.set()
    node.trigger_deactivate()
    stage.until(lambda: sum(len(m.data) for m in enhanced) >= 2 * noisy.size)
    assert sum(len(m.data) for m in enhanced) == 2 * noisy.size
    assert not stage.problems(node)
