from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed

from tests.e2e.session import live_socket, logged_in
from tests.gateway import RunningGateway, environment, own_database, running_gateway
from tests.services import free_port
from tests.shared_data import ROOT


def start(data_dir: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "gateway", *options],
        cwd=ROOT,
        env=environment(data_dir, **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_second_gateway_on_the_same_folder_says_so_and_exits(
    live_gateway: RunningGateway,
) -> None:
    second = start(live_gateway.data_dir, "--port", str(free_port()))
    assert second.returncode == 3
    assert "A gateway already runs on the data folder" in second.stderr
    assert live_gateway.address in second.stderr
    assert '"status": "ok"' in live_gateway.get("/healthz")


def test_a_port_in_use_is_named(live_gateway: RunningGateway, tmp_path: Path) -> None:
    port = live_gateway.address.rsplit(":", 1)[1]
    refused = start(tmp_path, "--port", port)
    assert refused.returncode != 0
    assert f"Cannot serve on 127.0.0.1 port {port}" in refused.stderr


def test_a_video_that_is_not_there_is_named(tmp_path: Path) -> None:
    with own_database() as database:
        missing = str(tmp_path / "none.mp4")
        refused = start(tmp_path / "d", "--port", str(free_port()), "--video", missing, **database)
    assert refused.returncode != 0
    assert f"--video: expected a video file, found none at {missing}" in refused.stderr


def test_the_first_admin_is_printed_once(tmp_path: Path) -> None:
    nobody_given = {"AISION_ADMIN_USER": "", "AISION_ADMIN_PASSWORD": ""}
    with own_database() as database:
        texts = []
        for _ in range(2):
            with running_gateway(tmp_path, "--no-demo", **nobody_given, **database) as gateway:
                assert gateway.stop() == 0
            texts.append(gateway.text())
    assert len(re.findall(r"First admin: user admin, password \S{12,}", texts[0])) == 1
    assert "password" not in texts[1]
    assert all("AISION gateway stopped" in text for text in texts)


STORED = """
import json
from sensing.models import Crossing, ObservedMinute
print(json.dumps({
    "crossings": [
        [row.camera_id, row.line_id, row.direction, round(row.at.timestamp(), 3)]
        for row in Crossing.objects.all()
    ],
    "observed_s": sum(row.observed_s for row in ObservedMinute.objects.filter(camera_id=1)),
}))
"""


def stored(data_dir: Path, database: dict[str, str]) -> dict[str, Any]:
    """What a stopped gateway left in its database."""
    asked = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", STORED],
        cwd=ROOT,
        env=environment(data_dir, **database),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(asked.stdout.splitlines()[-1]))


def test_a_stop_stores_all_that_was_counted_until_the_last_frame(tmp_path: Path) -> None:
    crossings: list[list[Any]] = []
    frames_s: list[float] = []
    with own_database() as database:
        with (
            running_gateway(tmp_path, **database) as gateway,
            logged_in(gateway) as client,
            live_socket(gateway, client) as socket,
        ):
            socket.send(json.dumps({"type": "watch", "cameras": [1, 2], "pictures": []}))
            stopper = threading.Thread(target=gateway.stop)
            with contextlib.suppress(ConnectionClosed):
                while True:
                    message = json.loads(socket.recv(timeout=300))
                    if message["type"] == "crossing":
                        way = [message["camera"], message["line"], message["direction"]]
                        crossings.append([*way, message["t"]])
                    elif message["type"] == "overlay" and message["camera"] == 1:
                        frames_s.append(message["t"])
                    if crossings and len(frames_s) > 100 and not stopper.ident:
                        stopper.start()
            stopper.join()
            assert gateway.process.returncode == 0
        kept = stored(tmp_path, database)
    assert [crossing for crossing in crossings if crossing not in kept["crossings"]] == []
    # The seconds observed travel with the facts: where they reach, nothing was lost.
    assert kept["observed_s"] > frames_s[-1] - frames_s[0] - 0.5
