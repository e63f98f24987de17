"""make demo: a bag through the live nodes; pictures, sounds, a bag and a table of what came out."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from live import NODES, Recording, play
from make_bag import DATA, MICROPHONES, START, make_bag
from results import contact_sheet, plot_spectrograms, write_bag, write_video
from who_speaks import Found, Truth, gather, plot_time_line, read_truth, scores

from dvae.evaluation.metrics.speech import speech_scores
from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_file import read_mono, write_audio
from dvae.signal.audio_input import AudioFormat, decode
from dvae_nodes.wire import audio, images, topics
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import LiveTypes

RATE = 16000
RECORDED = (
    *(topics.DETECTIONS, topics.TRACKS, topics.TRACKS_AS_DETECTIONS, topics.ANNOTATED),
    *(topics.ENHANCED, topics.SPEECH_ACTIVITY, topics.SPEAKERS),
)
ARGUMENTS = (  # of the nodes: `speakers` listens to the array, at the camera, everything else to the one microphone
    *("--ros-args", "-r", "speakers:audio:=/array/audio", "-r", "speakers:audio_info:=/array/audio_info"),
    *("-p", f"speakers:microphone_positions:={MICROPHONES}", "-p", "speakers:microphones_in_camera:=0 0 0 0 0 0"),
    *("-p", "speakers:max_wait_seconds:=10.0"),  # on a machine that has other work, sound comes late
)


def main() -> None:
    """Make the bag, play it, write the results."""
    parser = argparse.ArgumentParser(description="Plays the demo bag through the live nodes and shows the results.")
    parser.add_argument("--output", type=Path, default=Path("out/demo"), help="folder of the results")
    out = parser.parse_args().output
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    audio_kind = audio.audio_kinds(LiveTypes(), "auto")[0]
    portaudio = audio_kind == audio.STAMPED
    count = make_bag(out / "input", portaudio, with_array=True)
    print(f"input bag: {count} messages; starting the nodes ({', '.join(NODES)})")
    outputs = {f"/{topic.name}": audio_kind if topic == topics.ENHANCED else topic.types[0] for topic in RECORDED}
    recording = play(out / "input", outputs, out / "nodes.log", ARGUMENTS)
    frames = [images.image_from_message(message) for _, message in recording.received["/image/annotated"]]
    write_video(out / "annotated.mp4", frames, fps=10.0)
    cv2.imwrite(str(out / "contact_sheet.png"), contact_sheet(frames))
    enhanced = assemble(recording.received["/audio/enhanced"])
    clean, noisy = (read_mono(DATA / f"demo_speech_{name}.flac", RATE) for name in ("clean", "noisy"))
    enhanced = np.pad(enhanced, (0, max(0, clean.size - enhanced.size)))[: clean.size]
    write_audio(out / "noisy.wav", noisy, RATE)
    write_audio(out / "enhanced.wav", enhanced, RATE)
    activity = [(stamp_of(m), m.probability) for _, m in recording.received["/speech_activity"]]
    plot_spectrograms(out / "spectrogram.png", {"noisy": noisy, "enhanced": enhanced, "clean": clean}, RATE, activity)
    write_bag(out / "output", recording.received, outputs)
    truth = read_truth()
    found = gather(truth, *([m for _, m in recording.received[topic]] for topic in ("/tracks", "/speakers")))
    plot_time_line(out / "who_speaks.png", truth, found)
    print_table(recording, noisy, enhanced, clean, speaker_rows(truth, found))
    names = ("annotated.mp4", "contact_sheet.png", "who_speaks.png", "noisy.wav", "enhanced.wav", "spectrogram.png")
    print(f"results in {out}: {', '.join(names)}, output (bag)")


def stamp_of(message: Any) -> float:
    """Seconds since the start of the bag."""
    return (convert.stamp_to_nanoseconds(message.header.stamp) - START) / NANOSECONDS


def assemble(received: list[tuple[float, Any]]) -> np.ndarray:
    """The enhanced chunks, each where its stamp says."""
    pieces = []
    for _, message in received:
        if hasattr(message.audio, "info"):
            samples, _ = audio.decode_portaudio(message.audio)
        else:
            samples, _ = decode(bytes(message.audio.data), AudioFormat(RATE, 1))
        pieces.append((round(stamp_of(message) * RATE), samples))
    if not pieces:
        raise RuntimeError("no enhanced audio came back; see nodes.log")
    waveform = np.zeros(max(first + samples.size for first, samples in pieces), dtype=np.float32)
    for first, samples in pieces:
        waveform[first : first + samples.size] = samples
    return waveform


def latencies(recording: Recording, output: str, source: str, algorithmic: float = 0.0) -> np.ndarray:
    """Milliseconds from sending the input that completes an output to receiving the output, over DDS both ways."""
    sent = np.array([(stamp, when) for when, stamp in recording.sent[source]], dtype=np.float64)
    found = []
    for when, message in recording.received[output]:
        end = convert.stamp_to_nanoseconds(message.header.stamp) + getattr(message, "duration", 0.0) * 1e9
        index = np.searchsorted(sent[:, 0], end + algorithmic * 1e9 - 1e5) - (1 if algorithmic else 0)
        if 0 <= index < len(sent):
            found.append(1e3 * (when - sent[index, 1]))
    return np.array(found)


def speaker_rows(truth: Truth, found: Found) -> list[tuple[str, str]]:
    """How well it was found who speaks."""
    speaking, matches = scores(truth, found)
    return [
        ("who speaks (simulated voices): F1 of speaking", f"{speaking.f1:.2f}"),
        (
            "voice matched to the right / wrong person",
            f"{100 * matches.right_rate:.0f} / {100 * matches.false_rate:.0f} %",
        ),
    ]


def print_table(
    recording: Recording, noisy: np.ndarray, enhanced: np.ndarray, clean: np.ndarray, more: list[tuple[str, str]]
) -> None:
    """What a user wants to know, and `more` at its end."""
    tracks = recording.received["/tracks"]
    confirmed = {t.id for _, message in tracks for t in message.tracks if t.state}
    rows: list[tuple[str, str]] = [
        (
            "images sent / detected / annotated",
            f"{len(recording.sent['/image'])} / {len(recording.received['/detections'])} / "
            f"{len(recording.received['/image/annotated'])}",
        ),
        ("confirmed tracks", str(len(confirmed))),
    ]
    for name, output, source, algorithmic in (
        ("image to tracks (with HOG)", "/tracks", "/image", 0.0),
        ("image to annotated image", "/image/annotated", "/image", 0.0),
        ("audio to speech, beyond 64 ms at hop boundaries", "/speech_activity", "/audio", 0.064),
    ):
        p50, p99 = np.percentile(latencies(recording, output, source, algorithmic), [50, 99])
        rows.append((f"latency p50 / p99, {name}", f"{p50:.1f} / {p99:.1f} ms"))
    values = {v.key: v.value for v in recording.diagnostics["tracker"].values}
    rows.append(
        (
            "tracker step p50 / p99",
            " / ".join(values.get(f"detections processing {p} [ms]", "-") for p in ("p50", "p99")) + " ms",
        )
    )
    values = {v.key: v.value for v in recording.diagnostics["enhancer"].values}
    rows.append(("enhancer real-time factor", values.get("real-time factor", "-")))
    before, after = speech_scores(clean, noisy), speech_scores(clean, enhanced)
    rows.append(("SI-SDR before / after", f"{before.si_sdr:.1f} / {after.si_sdr:.1f} dB"))
    rows.append(("PESQ wide band before / after", f"{before.pesq_wb:.2f} / {after.pesq_wb:.2f}"))
    rows.append(("ESTOI before / after", f"{before.estoi:.2f} / {after.estoi:.2f}"))
    rows += more
    width = max(len(name) for name, _ in rows)
    print()
    for name, value in rows:
        print(f"  {name:{width}}  {value}")
    print()


if __name__ == "__main__":
    main()
