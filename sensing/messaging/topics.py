"""Names of MQTT topics, and what Home Assistant is told. docs/messages.md describes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DIRECTIONS = ("forward", "backward")
TOPIC = re.compile(r"[^\x00-\x1f#+/\s]+(?:/[^\x00-\x1f#+/\s]+)*")


@dataclass(frozen=True)
class Topics:
    """All topics of one gateway below its base topic."""

    base: str

    @property
    def status(self) -> str:
        return f"{self.base}/status"

    @property
    def test(self) -> str:
        return f"{self.base}/test"

    def state(self, camera_id: int) -> str:
        return f"{self.base}/camera/{camera_id}/state"

    def totals(self, camera_id: int) -> str:
        return f"{self.base}/camera/{camera_id}/totals"

    def interval(self, camera_id: int | None) -> str:
        return f"{self.base}/camera/{camera_id}/interval"


def is_topic(text: str) -> bool:
    """Whether text can stand for itself in a topic: no wildcard, no empty level, no space."""
    return bool(TOPIC.fullmatch(text)) and not text.startswith("$")


def discovery(
    prefix: str, gateway: str, topics: Topics, cameras: Iterable[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Topic → configuration of every entity: state, today's count per line and direction, zones.

    ``cameras`` have ``id``, ``name`` and ``scene`` (its document).
    """
    entities: dict[str, dict[str, Any]] = {}
    for camera in cameras:
        node = f"{gateway}_{camera['id']}"
        totals = topics.totals(camera["id"])
        shared = {
            "availability_topic": topics.status,
            "device": {
                "identifiers": [node],
                "name": camera["name"],
                "manufacturer": "AISION",
                "model": "Camera",
                "serial_number": node,
            },
            "origin": {"name": "AISION"},
        }
        found = {
            "state": {
                "name": "State",
                "icon": "mdi:cctv",
                "state_topic": topics.state(camera["id"]),
                "value_template": "{{ value_json.state }}",
                "json_attributes_topic": topics.state(camera["id"]),
            }
        }
        for line in camera["scene"]["lines"]:
            for direction in DIRECTIONS:
                found[f"line_{line['id']}_{direction}"] = {
                    "name": f"{line['name']} {direction} today",
                    "icon": "mdi:counter",
                    "state_topic": totals,
                    "state_class": "total_increasing",
                    "value_template": f"{{{{ value_json.lines['{line['id']}'].{direction} }}}}",
                }
        for zone in camera["scene"]["zones"]:
            found[f"zone_{zone['id']}"] = {
                "name": f"{zone['name']} occupancy",
                "icon": "mdi:account-group",
                "state_topic": totals,
                "state_class": "measurement",
                "value_template": f"{{{{ value_json.zones['{zone['id']}'].occupancy }}}}",
            }
        for name, entity in found.items():
            topic = f"{prefix}/sensor/{node}/{name}/config"
            entities[topic] = {**entity, "unique_id": f"{node}_{name}", **shared}
    return entities
