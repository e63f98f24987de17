"""A MOTChallenge folder whose people are known."""

from __future__ import annotations

from pathlib import Path


def write_sequence(folder: Path) -> None:
    """Five people, 90 frames; person 4 leaves at frame 50, person 5 is detected in half of the frames; clutter."""
    (folder / "gt").mkdir()
    (folder / "det").mkdir()
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=30\nseqLength=90\nimWidth=640\nimHeight=480\n")
    truth, found = [], []
    for frame in range(1, 91):
        for person in range(1, 6):
            if person == 4 and frame > 50:
                continue
            box = f"{100 * person + frame},{60 + 5 * person},30,80"
            truth.append(f"{frame},{person},{box},1,1,1")
            if person != 5 or frame % 2:
                found.append(f"{frame},-1,{box},0.9")
        found.append(f"{frame},-1,10,400,30,70,0.9")
    (folder / "gt" / "gt.txt").write_text("\n".join(truth))
    (folder / "det" / "some.txt").write_text("\n".join(found))
