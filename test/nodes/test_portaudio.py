"""The enhancer node with the other package called audio_common_msgs (mgonzs13's), which cannot share an environment
with the first: this file runs itself again where that one is on the path."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from dvae.signal.audio_clock import NANOSECONDS
from dvae_nodes.enhancer import EnhancerNode
from dvae_nodes.wire import audio
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import LiveTypes

TYPES = LiveTypes()
HAS_PORTAUDIO = bool(TYPES.fields_of("audio_common_msgs/msg/AudioStamped"))
OTHER = Path(sys.prefix) / "overlay-portaudio"
PATHS = ("AMENT_PREFIX_PATH", "LD_LIBRARY_PATH", "PYTHONPATH")


@pytest.mark.skipif(HAS_PORTAUDIO, reason="the other audio_common_msgs is already here")
@pytest.mark.skipif(not OTHER.is_dir(), reason="the other audio_common_msgs is not built (interfaces/setup.sh)")
def test_in_an_environment_with_the_other_audio_common_msgs() -> None:
    changed = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    for name in PATHS:
        changed[name] = changed[name].replace("/overlay/audio_common_msgs", "/overlay-portaudio/audio_common_msgs")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=changed, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "2 passed" in done.stdout


@pytest.mark.skipif(not HAS_PORTAUDIO, reason="this environment has the audio_common_msgs of ros-drivers")
class TestPortaudio:
    def test_audio_in_and_the_same_kind_out(self, stage: Any, rng: np.random.Generator) -> None:
        from audio_common_msgs.msg import AudioStamped

        node = stage.add(EnhancerNode)
        enhanced = stage.listen(AudioStamped, "audio/enhanced")
        waveform = 0.1 * rng.normal(size=16000).astype(np.float32)
        for first in range(0, waveform.size, 512):
            header = convert.make_header(TYPES, NANOSECONDS + first * 62500, "microphone")
            stage.publish("audio", audio.portaudio_message(TYPES, header, waveform[first : first + 512], 16000))
            stage.executor.spin_once(timeout_sec=0.0)
        stage.until(lambda: node.meter("audio").count == 32)
        node.trigger_deactivate()
        stage.until(lambda: sum(len(m.audio.audio_data.int16_data) for m in enhanced) == waveform.size)
        assert enhanced[0].audio.info.rate == 16000
        assert convert.stamp_to_nanoseconds(enhanced[0].header.stamp) == NANOSECONDS

    def test_a_message_that_is_not_there_is_named(self) -> None:
        with pytest.raises(ValueError, match="audio_type: expected AudioDataStamped in audio_common_msgs, got only"):
            audio.audio_kinds(TYPES, "AudioDataStamped")
