"""Evaluation sets as an operator's program makes them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import cv2
import numpy as np
from rest_framework.test import APIClient

from models_registry.jobs.work import work

SETS = "/api/v1/evaluation-sets/"
SIM = "sim://road?seed=9&duration=4&width=320&height=192"


def picture(shade: int = 90) -> bytes:
    frame = np.full((120, 160, 3), shade, np.uint8)
    cv2.rectangle(frame, (40, 30), (100, 90), (20, 40, 200), -1)
    return cv2.imencode(".jpg", frame)[1].tobytes()


def yolo_zip(**files: bytes | str) -> bytes:
    """A YOLO set of two pictures, with files replaced or added by path (``/`` as ``__``)."""
    content: dict[str, bytes | str] = {
        "data.yaml": "names: [person, car]\n",
        "images/a.jpg": picture(90),
        "images/b.jpg": picture(140),
        "labels/a.txt": "1 0.5 0.5 0.4 0.5\n",
        "labels/b.txt": "0 0.2 0.5 0.1 0.4\n1 0.6 0.5 0.3 0.3\n",
    } | {name.replace("__", "/").replace("_dot_", "."): x for name, x in files.items()}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return target.getvalue()


def send(client: APIClient, pk: int, content: bytes) -> Any:
    return client.generic("PUT", f"{SETS}{pk}/archive/", content, content_type="application/zip")


def made(client: APIClient, **given: Any) -> Any:
    answer = client.post(SETS, {"name": "Gate by day", **given}, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


def imported(client: APIClient, content: bytes | None = None) -> dict[str, Any]:
    pk = made(client, origin="uploaded")["id"]
    answer = send(client, pk, content or yolo_zip())
    assert answer.status_code == 202, answer.content
    assert work() == 1
    return client.get(f"{SETS}{pk}/").json()
