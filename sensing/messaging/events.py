"""What happens at a camera → messages for the webhooks that want to know."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.db.models import Max

from sensing.models import Camera, Crossing, MessageKind, MessageSettings, SpooledMessage, Webhook
from sensing.selectors import camera_list, camera_state_document
from sensing.selectors.messaging import message_settings
from sensing.services.spool import spool

MOST_AT_ONCE = 500
NONE_YET = -1

Seen = tuple[str, str, float | None]  # state, cause, since (Unix seconds)


class Events:
    """Compares what is stored with what was stored at the last look."""

    def __init__(self) -> None:
        self._states: dict[int, Seen] | None = None

    def step(self, now: datetime) -> None:
        hooks = list(Webhook.objects.filter(enabled=True))
        self._look_at_states([hook.target for hook in hooks if hook.states], now)
        _look_at_crossings([hook.target for hook in hooks if hook.wrong_way], now)

    def _look_at_states(self, targets: list[str], now: datetime) -> None:
        if not targets:
            self._states = None
            return
        seen: dict[int, Seen] = {}
        messages: list[SpooledMessage] = []
        settings = message_settings()
        for camera in camera_list():
            state = camera_state_document(camera)
            seen[camera.pk] = state["state"], state["cause"], state["since"]
            if self._states is not None and self._states.get(camera.pk) != seen[camera.pk]:
                about = datetime.fromtimestamp(state["since"], UTC) if state["since"] else now
                content = {name: state[name] for name in ("state", "cause", "message")}
                messages += _messages(
                    settings, targets, MessageKind.STATE, camera, about, content, now=now
                )
        spool(messages)
        self._states = seen


def _look_at_crossings(targets: list[str], now: datetime) -> None:
    settings = message_settings()
    seen = settings.wrong_way_seen
    if not targets:
        if seen:  # whoever asks again is told of what comes from then on
            _note_seen(0)
        return
    if not seen:
        _note_seen(Crossing.objects.aggregate(last=Max("pk"))["last"] or NONE_YET)
        return
    # Row numbers only grow, so new rows alone are read.
    last = Crossing.objects.aggregate(last=Max("pk"))["last"] or NONE_YET
    rows = Crossing.objects.filter(pk__gt=seen, pk__lte=last, wrong_way=True)
    found = list(rows.select_related("camera__scene").order_by("pk")[:MOST_AT_ONCE])
    for row in found:
        spool(_wrong_way(settings, targets, row, now))
    _note_seen(found[-1].pk if len(found) == MOST_AT_ONCE else last)


def _wrong_way(
    settings: MessageSettings, targets: list[str], row: Crossing, now: datetime
) -> list[SpooledMessage]:
    names = {line["id"]: line["name"] for line in row.camera.scene.lines}
    content = {
        "line": {"id": row.line_id, "name": names.get(row.line_id, row.line_id)},
        "direction": row.direction,
        "class": row.object_class,
        "track": row.track_id,
    }
    named = f"{row.run_id}/{row.line_id}/{row.track_id}/{row.nth}"
    kind = MessageKind.WRONG_WAY
    return _messages(settings, targets, kind, row.camera, row.at, content, now=now, named=named)


def _messages(  # noqa: PLR0917  read as a sentence: to whom, of what, about when
    settings: MessageSettings,
    targets: list[str],
    kind: MessageKind,
    camera: Camera,
    about: datetime,
    content: dict[str, Any],
    *,
    now: datetime,
    named: str = "",
) -> list[SpooledMessage]:
    """The same message for every target; ``named`` tells it from others of its moment."""
    at = about.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    key = f"{settings.gateway_name}/{camera.pk}/{kind.value}/{named or at}"
    payload = {
        "type": kind.value,
        "id": key,
        "gateway": settings.gateway_name,
        "camera": {"id": camera.pk, "name": camera.name},
        "at": at,
        **content,
    }
    return [
        SpooledMessage(
            target=target,
            kind=kind,
            key=key,
            camera_id=camera.pk,
            payload=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
            about=about,
            created_at=now,
        )
        for target in targets
    ]


def _note_seen(last: int) -> None:
    MessageSettings.objects.filter(pk=1).update(wrong_way_seen=last)
