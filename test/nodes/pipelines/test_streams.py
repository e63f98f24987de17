"""Which topic of a bag goes to which input, and where its results are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from make_bag import audio_types
from recordings import types_with

from dvae_nodes.lifecycle.pipeline import Pipeline, Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.detector import DetectorPipeline
from dvae_nodes.pipelines.enhancer import EnhancerNodeConfig, EnhancerPipeline
from dvae_nodes.pipelines.overlay import OverlayPipeline
from dvae_nodes.pipelines.routing import Routing
from dvae_nodes.pipelines.streams import Connection, is_result
from dvae_nodes.pipelines.tracker import TrackerNodeConfig, TrackerPipeline
from dvae_nodes.wire.topics import AUDIO_INFO_TYPE, AUDIO_KINDS, DETECTIONS, IMAGE

IMAGES, COMPRESSED = IMAGE.types
_, STAMPED, DATA = AUDIO_KINDS
BOXES = DETECTIONS.types[0]


def ports(
    pipelines: Sequence[type[Pipeline]],
    topics: Mapping[str, str],
    chosen: Mapping[str, Sequence[str]] | None = None,
    **settings: Settings,
) -> tuple[set[str], str]:
    """ "topic -> pipeline group input" of each port, and what was said."""
    said: list[str] = []
    types = audio_types(False) if any("Audio" in kind for kind in topics.values()) else types_with()
    connections = [Connection(*each) for each in topics.items()]
    routing = Routing(pipelines, settings, connections, types, Reporter(said.append), chosen)
    found = {
        f"{connection.topic} -> {port.pipeline.name} {port.group or '/'} {port.input.topic.name}"
        for connection, ports in routing._ports.items()
        for port in ports
    }
    return found, "\n".join(said)


def test_two_cameras_in_one_namespace_are_two_cameras() -> None:
    topics = {"/left": IMAGES, "/right": IMAGES, "/other/cam": IMAGES}
    found, said = ports([DetectorPipeline, TrackerPipeline, OverlayPipeline], topics)
    assert found == {
        *(f"{camera} -> {kind} {camera} image" for camera in ("/left", "/right") for kind in ("detector", "overlay")),
        *(f"/other/cam -> {kind} /other image" for kind in ("detector", "overlay")),
    }
    assert "expected one topic for `image` in a namespace, got /left, /right" in said


def test_an_image_in_two_forms_is_one_and_one_form_is_enough() -> None:
    both = {"/cam/image_raw": IMAGES, "/cam/image_raw/compressed": COMPRESSED}
    found, said = ports([DetectorPipeline], both)
    assert found == {"/cam/image_raw -> detector /cam image"}
    assert "/cam/image_raw and /cam/image_raw/compressed are taken to carry the same `image`" in said
    found, said = ports([DetectorPipeline], {"/cam/image_raw/compressed": COMPRESSED})
    assert (found, said) == ({"/cam/image_raw/compressed -> detector /cam image"}, "")
    found, said = ports([DetectorPipeline], both, {"image": ["/cam/image_raw/compressed"]})
    assert (found, said) == ({"/cam/image_raw/compressed -> detector /cam image"}, "")


def test_one_image_serves_all_detections_of_its_namespace() -> None:
    topics = {"/cam/faces": BOXES, "/cam/yolo": BOXES, "/cam/image": IMAGES}
    moving = {"tracker": Settings(TrackerNodeConfig(camera_from_images=True))}
    found, _ = ports([TrackerPipeline, OverlayPipeline], topics, **moving)
    assert found == {
        f"{topic} -> {kind} {group} {name}"
        for group in ("/cam/faces", "/cam/yolo")
        for topic, kind, name in (
            (group, "tracker", "detections"),
            ("/cam/image", "tracker", "image"),
            ("/cam/image", "overlay", "image"),
        )
    }


def test_of_several_images_none_is_guessed_for_the_motion_of_the_camera() -> None:
    topics = {"/detections": BOXES, "/left": IMAGES, "/right": IMAGES}
    moving = {"tracker": Settings(TrackerNodeConfig(camera_from_images=True))}
    found, said = ports([TrackerPipeline], topics, **moving)
    assert found == {"/detections -> tracker / detections"}
    assert "tracker: expected one topic for `image` in /, got /left, /right: none is read (choose: --topic" in said
    found, said = ports([TrackerPipeline], topics, {"image": ["/right"]}, **moving)
    assert found == {"/detections -> tracker / detections", "/right -> tracker / image"}
    assert not said


def test_the_kind_of_audio_that_was_asked_for() -> None:
    both = {"/mic/audio": DATA, "/mic/audio_stamped": STAMPED, "/mic/audio_info": AUDIO_INFO_TYPE}
    info = "/mic/audio_info -> enhancer /mic audio_info"
    assert ports([EnhancerPipeline], both)[0] == {"/mic/audio_stamped -> enhancer /mic audio", info}
    plain = {"enhancer": Settings(EnhancerNodeConfig(audio_type="AudioData"))}
    assert ports([EnhancerPipeline], both, **plain)[0] == {"/mic/audio -> enhancer /mic audio", info}
    two = {"/mic/head": STAMPED, "/mic/base": STAMPED, "/mic/audio_info": AUDIO_INFO_TYPE}
    assert ports([EnhancerPipeline], two)[0] == {
        f"{topic} -> enhancer {group} {name}"
        for group in ("/mic/head", "/mic/base")
        for topic, name in ((group, "audio"), ("/mic/audio_info", "audio_info"))
    }
    assert ports([EnhancerPipeline], {"/mic/audio_info": AUDIO_INFO_TYPE})[0] == set()


def test_a_group_of_its_own_has_a_name_of_its_own() -> None:
    topics = {"/cam/yolo": BOXES, "/cam/faces": BOXES, "/cam/yolo/detections": BOXES}
    assert ports([TrackerPipeline], topics)[0] == {
        "/cam/yolo -> tracker /cam/yolo_ detections",
        "/cam/faces -> tracker /cam/faces detections",
        "/cam/yolo/detections -> tracker /cam/yolo detections",
    }


@pytest.mark.parametrize("name", ["tracks/detections", "cam/tracks/detections", "audio/enhanced", "image/annotated"])
def test_results_are_no_inputs_unless_they_are_chosen(name: str) -> None:
    assert is_result(f"/{name}")
    assert not is_result(f"/{name}_of_mine")
    assert not is_result("/cam/detections")  # of the detector, and what the tracker reads
    topics = {f"/{name}": BOXES}
    assert ports([TrackerPipeline], topics)[0] == set()
    assert ports([TrackerPipeline], topics, {"detections": [f"/{name}"]})[0]
