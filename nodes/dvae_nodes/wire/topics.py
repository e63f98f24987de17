"""Every topic and what it carries, once: nodes, dvae-replay, the demo and the tables of the documents read it here."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from dvae_nodes.wire.messages import Output


class Topic(NamedTuple):
    """A topic's name, relative to the namespace of its node unless it begins with "/"; `<id>` in it stands for that of
    a body or a voice. types: any one of these messages. latched: who comes later gets the last message."""

    name: str
    types: tuple[str, ...]
    latched: bool = False

    def output(self, message: Any, topic_id: str = "", kind: str = "") -> Output:
        """A message for this topic, of its only type, or of `kind`."""
        if kind not in (*self.types, "") or (not kind and len(self.types) > 1):
            raise ValueError(f"{self.name}: expected a message of {' or '.join(self.types)}, got kind {kind!r}")
        return Output(self.name.replace("<id>", topic_id), kind or self.types[0], message)

    def has_ids(self) -> bool:
        """Whether there is one such topic for each body or voice."""
        return "<id>" in self.name

    def id_in(self, name: str) -> str | None:
        """The id in the name of one of these topics, "" where it has none; None for another topic."""
        found = re.fullmatch(re.escape(self.name).replace("<id>", "([^/]+)"), name)
        return "".join(found.groups()) if found else None


AUDIO_KINDS = tuple(f"audio_common_msgs/msg/{name}" for name in ("AudioStamped", "AudioDataStamped", "AudioData"))
AUDIO_INFO_TYPE = "audio_common_msgs/msg/AudioInfo"
IDS_LIST = "hri_msgs/msg/IdsList"

IMAGE = Topic("image", ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"))
ANNOTATED = Topic("image/annotated", IMAGE.types[:1])
DETECTIONS = Topic("detections", ("vision_msgs/msg/Detection2DArray",))
TRACKS = Topic("tracks", ("dvae_perception/msg/TrackArray",))
TRACKS_AS_DETECTIONS = Topic("tracks/detections", DETECTIONS.types)
SMOOTHED_TRACKS = Topic("tracks/smoothed", TRACKS.types)
MARKERS = Topic("tracks/markers", ("visualization_msgs/msg/MarkerArray",))
BODIES = Topic("/humans/bodies/tracked", (IDS_LIST,), latched=True)
BODY_REGION = Topic("/humans/bodies/<id>/roi", ("hri_msgs/msg/NormalizedRegionOfInterest2D",))

AUDIO = Topic("audio", AUDIO_KINDS)
AUDIO_INFO = Topic("audio_info", (AUDIO_INFO_TYPE,))
REFERENCE = Topic("reference", AUDIO_KINDS)
REFERENCE_INFO = Topic("reference_info", (AUDIO_INFO_TYPE,))
ROBOT_SPEAKING = Topic("robot_speaking", ("std_msgs/msg/Bool",))
ENHANCED = Topic("audio/enhanced", AUDIO_KINDS)
ENHANCED_INFO = Topic("audio/enhanced_info", (AUDIO_INFO_TYPE,))
SPEECH_ACTIVITY = Topic("speech_activity", ("dvae_perception/msg/SpeechActivity",))
CAMERA_INFO = Topic("camera_info", ("sensor_msgs/msg/CameraInfo",))
TRANSFORMS = Topic("/tf", ("tf2_msgs/msg/TFMessage",))
STATIC_TRANSFORMS = Topic("/tf_static", TRANSFORMS.types, latched=True)
SPEAKERS = Topic("speakers", ("dvae_perception/msg/SpeakerArray",))
SPEAKER_MARKERS = Topic("speakers/markers", MARKERS.types)
FACES = Topic("/humans/faces/tracked", (IDS_LIST,), latched=True)
FACE_REGION = Topic("/humans/faces/<id>/roi", BODY_REGION.types)
FACE_LANDMARKS = Topic("/humans/faces/<id>/landmarks", ("hri_msgs/msg/FacialLandmarks",))
MATCHES = Topic("/humans/candidate_matches", ("hri_msgs/msg/IdsMatch",))

VOICES = Topic("/humans/voices/tracked", (IDS_LIST,), latched=True)
VOICE_SPEAKING = Topic("/humans/voices/<id>/is_speaking", ("std_msgs/msg/Bool",))
VOICE_AUDIO = Topic("/humans/voices/<id>/audio", ("audio_common_msgs/msg/AudioData",))
VOICE_FEATURES = Topic("/humans/voices/<id>/features", ("hri_msgs/msg/AudioFeatures",))

# What a topic carries that another one carries too: image_transport and audio_capture publish the same in two forms
FORMS = {IMAGE.types[1]: "/compressed", AUDIO_KINDS[1]: "_stamped"}


def stream_name(name: str, kind: str) -> str:
    """The name of what a topic carries, the same for all its forms."""
    return name.removesuffix(FORMS.get(kind, ""))


def is_latched(name: str) -> bool:
    """Whether the topic of this absolute name is latched."""
    declared = [topic for topic in globals().values() if isinstance(topic, Topic) and topic.latched]
    return any(topic.id_in(name) is not None for topic in declared)
