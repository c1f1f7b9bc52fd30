"""AsyncAPI 3 of one service: the topics it is declared to read and write, and what stands in them."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from jobforge.contracts import dead_letter
from jobforge.contracts.base import JsonObject
from jobforge.contracts.export import topic_settings
from jobforge.contracts.topics import TOPICS, Topic

ORIGINAL_BYTES = "OriginalBytes"
"""The message of topics that keep records as they came: any bytes, and headers that say why."""
_BINDING = "0.5.0"
_SCHEMAS = "#/components/schemas/{model}"


@dataclass(frozen=True, slots=True)
class Participant:
    """A service as its topics see it: a domain has topics of its own."""

    name: str
    about: str
    version: str
    is_domain: bool

    def takes_part(self, roles: Iterable[str]) -> bool:
        """Whether one of these writers or readers is this service."""
        return self.name in roles or (self.is_domain and "domain" in roles)


def asyncapi_document(service: Participant, *, apps: Iterable[str], domains: Iterable[str]) -> JsonObject:
    """What one service receives and sends, as an AsyncAPI 3.0.0 document."""
    members = {"plane": (), "app": tuple(sorted(apps)), "domain": tuple(sorted(domains))}
    channels: JsonObject = {}
    operations: JsonObject = {}
    carried: dict[str, type[BaseModel]] = {}
    for topic in TOPICS:
        sides = (("receive", topic.readers), ("send", topic.writers))
        actions = [action for action, roles in sides if service.takes_part(roles)]
        if not actions:
            continue
        name, channel = _channel(topic, service, members[topic.per])
        channels[name] = channel
        for action in actions:
            operations[f"{action}.{name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": topic.about,
            }
        carried.update((message.__name__, message) for message in topic.messages)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"jobforge-{service.name}", "version": service.version, "description": service.about},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": _components(carried, raw=any(ORIGINAL_BYTES in c["messages"] for c in channels.values())),
    }


def _channel(topic: Topic, service: Participant, members: tuple[str, ...]) -> tuple[str, JsonObject]:
    """The channel's name in the document, and the channel; a family of topics is one channel with a parameter."""
    family = topic.per != "plane"
    if topic.per == "domain" and service.is_domain:
        members, family = (service.name,), False
    address = topic.named(members[0] if members and not family else "")
    parameter = {"app": "source_app", "domain": "domain", "plane": ""}[topic.per]
    if family:
        address = topic.named("{" + parameter + "}")
    kafka: JsonObject = {"topicConfiguration": _typed_settings(topic), "bindingVersion": _BINDING}
    if topic.partitions is not None:
        kafka["partitions"] = topic.partitions
    channel: JsonObject = {
        "address": address,
        "description": f"{topic.about} Key: {topic.key}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _message_names(topic)},
        "bindings": {"kafka": kafka},
    }
    if family:
        channel["parameters"] = {parameter: {"enum": list(members)}}
    return address.replace("{", "").replace("}", ""), channel


def _typed_settings(topic: Topic) -> JsonObject:
    settings = topic_settings(topic)
    return {
        "cleanup.policy": [settings["cleanup.policy"]],
        "max.message.bytes": int(settings["max.message.bytes"]),
        "retention.ms": int(settings["retention.ms"]),
    }


def _message_names(topic: Topic) -> list[str]:
    return [message.__name__ for message in topic.messages] or [ORIGINAL_BYTES]


def _components(carried: dict[str, type[BaseModel]], *, raw: bool) -> JsonObject:
    ordered = [carried[name] for name in sorted(carried)]
    _, definitions = models_json_schema([(message, "validation") for message in ordered], ref_template=_SCHEMAS)
    messages: JsonObject = {
        message.__name__: {
            "name": message.__name__,
            "title": message.__name__,
            "summary": (message.__doc__ or "").strip().split("\n")[0],
            "payload": {"$ref": _SCHEMAS.format(model=message.__name__)},
        }
        for message in ordered
    }
    if raw:
        messages[ORIGINAL_BYTES] = {
            "name": ORIGINAL_BYTES,
            "title": ORIGINAL_BYTES,
            "summary": "A record's key, value and headers as they came, and headers that say why it is here, "
            "and what of it is cut or was null.",
            "contentType": "application/octet-stream",
            "headers": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in sorted(dead_letter.ADDED_HEADERS)},
            },
        }
    return {"messages": messages, "schemas": definitions.get("$defs", {})}
