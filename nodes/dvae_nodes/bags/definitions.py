"""What the messages of a bag look like: by the definitions in it, and by ours for known types that it does not define.

Bags of sqlite3 have definitions from Iron on. Of some packages there were several: the one is taken by which the
messages of the bag can be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from rosbags.interfaces import MessageDefinitionFormat
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore

from dvae_nodes.bags.source import SourceBag
from dvae_nodes.bags.storage import BagMessage, BagTopic
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.messages import BagTypes, definitions_in, register_new

VARIANTS = {
    "vision_msgs": ("interfaces/vision_msgs/msg", "interfaces/vision_msgs_foxy/msg"),
    "audio_common_msgs": ("interfaces/audio_common_msgs/msg", "interfaces/audio_common_msgs_portaudio/msg"),
}
NUM_TRIED = 100  # messages that are read to tell two definitions apart
IDL_BAR = "=" * 80 + "\n"


def bag_types(bag: SourceBag, reporter: Reporter) -> BagTypes:
    """The types of a bag and those of our results. Topics whose type is not among them are reported."""
    store: Any = get_typestore(Stores.EMPTY)
    undefined = [topic for topic in bag.topics.values() if not _register(store, topic, reporter)]
    if undefined:
        register_new(store, get_typestore(Stores.ROS2_HUMBLE).fielddefs)  # the last release without definitions
    for package, folders in VARIANTS.items():
        topics = {topic.name for topic in undefined if topic.type.startswith(f"{package}/")}
        if topics:
            register_new(store, _fitting(bag, topics, store, folders))
    register_new(store, get_typestore(Stores.ROS2_JAZZY).fielddefs)
    types = BagTypes(store)
    for topic in undefined:
        if topic.type not in store.types:
            text = f"{topic.name}: expected a definition of {topic.type}, got none that can be read: copied, not read"
            reporter.report(f"no definition of {topic.type}", text)
    return types


def _register(store: Any, topic: BagTopic, reporter: Reporter) -> bool:
    """Register the definition that the bag has; whether there is one that can be used."""
    try:
        found = parsed(topic)
        if found:
            store.register(found)
        return topic.type in store.types
    except Exception as error:  # the parser of rosbags raises many kinds
        cause = " ".join(str(error).split()) or type(error).__name__
        text = f"{topic.name}: expected a definition of {topic.type} that can be used, got another: {cause}"
        reporter.report(f"definition of {topic.type}", text)
        return False


def parsed(topic: BagTopic) -> dict[str, Any]:
    """Definition of a topic's type and of those in it, empty where the bag has none."""
    form, text = topic.definition
    if form == MessageDefinitionFormat.MSG:
        return get_types_from_msg(text, topic.type)
    if form == MessageDefinitionFormat.NONE:
        return {}
    found: dict[str, Any] = {}
    for part in text.split(IDL_BAR) if text.startswith(IDL_BAR) else [f"\n{text}"]:
        found |= get_types_from_idl(part.partition("\n")[2])  # without the line of its name
    return found


def _fitting(bag: SourceBag, topics: set[str], store: Any, folders: Sequence[str]) -> dict[str, Any]:
    """Of several definitions of a package, those by which the messages of these topics can be read."""
    candidates = {folder: definitions_in(folder) for folder in folders}
    readers = {folder: _store(store, definitions) for folder, definitions in candidates.items()}
    messages = (message for message in bag.messages() if message.topic.name in topics)
    for message in islice(messages, NUM_TRIED):
        fitting = {folder: reader for folder, reader in readers.items() if _can_read(reader, message)}
        readers = fitting or readers
        if len(readers) == 1:
            break
    return candidates[next(iter(readers))]


def _store(store: Any, definitions: Mapping[str, Any]) -> Any:
    made: Any = get_typestore(Stores.EMPTY)
    register_new(made, store.fielddefs)
    register_new(made, definitions)
    return made


def _can_read(store: Any, message: BagMessage) -> bool:
    try:
        store.deserialize_cdr(message.data, message.topic.type)
    except Exception:  # as many kinds as there is damage
        return False
    return True
