"""Versions under a running camera: deployed, taken back by themselves, compared in the shadow."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect
from websockets.exceptions import ConnectionClosed

from tests.cameras import write_clip
from tests.e2e.browser import log_in, page_of
from tests.e2e.session import live_socket, logged_in
from tests.gateway import RunningGateway, running_gateway
from tests.models_registry.runtime.finder_models import CONTRACT, finder
from tests.models_registry.uploading import package

PATIENCE_S = 120
PASSAGE_S = 3.0  # a light box passes the line this often
RECOVERY_S = 3.0
SCENE = {
    "lines": [{"id": "road", "name": "Road", "points": [[0.5, 0.3], [0.5, 0.95]]}],
    "modules": [{"kind": "vehicle_traffic", "parameters": {}}],
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway with ``finder:1``, which finds the box, ``finder:2``, which is blind, and a camera
    that counts with the first."""
    data_dir = tmp_path_factory.mktemp("deployments") / "data"
    (data_dir / "videos").mkdir(parents=True)
    write_clip(data_dir / "videos" / "street.mp4", frames=450)
    with running_gateway(data_dir, "--no-demo") as gateway:
        with logged_in(gateway) as client:
            for number, fault in enumerate(("", "blind"), 1):
                assert uploaded(client, fault) == f"finder:{number}"
            register(client, data_dir / "videos" / "street.mp4")
        yield gateway


def uploaded(client: httpx.Client, fault: str) -> str:
    content = package(model_onnx=finder(fault), model_json=json.dumps(CONTRACT))
    upload = client.post(
        "/api/v1/uploads/", files={"file": ("finder.zip", content)}, data={"model": "finder"}
    ).json()
    one = f"/api/v1/uploads/{upload['id']}/"
    verdict = until(lambda: found(client, one), lambda row: row["state"] != "inspecting")
    assert verdict["state"] == "accepted", verdict
    return str(verdict["version_name"])


def register(client: httpx.Client, clip: Path) -> None:
    camera = {"name": "Street", "kind": "file", "url": str(clip), "detector": "finder:1"}
    made = client.post("/api/v1/cameras/", json={**camera, "loop": True})
    assert made.status_code == 201, made.text
    scene = client.put(f"/api/v1/cameras/{made.json()['id']}/scene/", json=SCENE)
    assert scene.status_code == 200, scene.text
    until(lambda: crossing_times(client), lambda times: len(times) >= 2)


def found(client: httpx.Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(ask: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    """Ask again and again until the answer is good enough."""
    end_s = time.monotonic() + PATIENCE_S
    while not enough(answer := ask()):
        assert time.monotonic() < end_s, f"still {answer}"
        time.sleep(0.3)
    return answer


def crossing_times(client: httpx.Client) -> list[float]:
    """Unix seconds of the camera's crossings, first to last."""
    rows = found(client, "/api/v1/crossings/?page_size=1000")["results"]
    return sorted(datetime.fromisoformat(row["at"]).timestamp() for row in rows)


def the_camera(client: httpx.Client) -> dict[str, Any]:
    (entry,) = found(client, "/api/v1/deployments/in-service/")["cameras"]
    return dict(entry)


def test_a_blind_version_is_taken_back_while_the_camera_counts_on(
    gateway: RunningGateway, chromium: str
) -> None:
    said: list[dict[str, Any]] = []
    with logged_in(gateway) as client, live_socket(gateway, client) as socket:
        camera = the_camera(client)["camera"]
        socket.send(json.dumps({"type": "watch", "cameras": [camera]}))
        listener = threading.Thread(target=listen, args=(socket, said))
        listener.start()
        before = crossing_times(client)
        body = {"target": "camera", "camera": camera, "detector": "finder:2"}
        made = client.post("/api/v1/deployments/", json=body)
        assert (made.status_code, made.json()["state"]) == (201, "trial")
        one = f"/api/v1/deployments/{made.json()['id']}/"
        ended = until(lambda: found(client, one), lambda row: row["state"] != "trial")
        assert (ended["state"], ended["cause"], ended["ended_by"]) == ("rolled_back", "blind", "")
        after = until(lambda: crossing_times(client), lambda t: len(t) >= len(before) + 6)
        entry = until(
            lambda: the_camera(client), lambda row: row["live"]["detector_candidate"] == 0
        )
        socket.close()
        listener.join()
    assert (entry["version_name"], entry["live"]["detector"]) == ("finder:1", "finder:1")
    assert entry["rolled_back"]["detail"].startswith("Street: ")
    states = [message["state"]["state"] for message in said if message["type"] == "status"]
    assert set(states) == {"live"}
    (rolled_back,) = [message for message in said if message["type"] == "rolled_back"]
    assert (rolled_back["cause"], rolled_back["camera"]) == ("blind", camera)
    # It counted before, while and after: never without a crossing for longer than it may take to
    # recover and wait for the next one.
    gaps = [later - earlier for earlier, later in pairwise(after)]
    assert max(gaps) < RECOVERY_S + PASSAGE_S + 0.5, gaps

    with page_of(gateway, chromium) as page:
        log_in(page)
        page.goto(gateway.address + "/models/deployments/")
        row = page.locator("[data-cameras] > li")
        expect(row).to_contain_text("finder:1")
        expect(row).to_contain_text("Rolled back")
        expect(row).to_contain_text("It found nothing where the version before found objects.")
        expect(row.locator(".service-figures")).to_contain_text("boxes per frame")
        expect(page.locator("[data-history] tbody tr").first).to_contain_text("finder:2")


def listen(socket: Any, said: list[dict[str, Any]]) -> None:
    try:
        for message in socket:
            if isinstance(message, str):
                said.append(json.loads(message))
    except ConnectionClosed:
        return


def test_a_shadow_reports_how_it_agrees_and_can_be_ended_on_the_page(
    gateway: RunningGateway, chromium: str
) -> None:
    with logged_in(gateway) as client, page_of(gateway, chromium, width=390) as page:
        log_in(page)
        page.goto(gateway.address + "/models/deployments/")
        page.locator("[data-cameras] [data-act=shadow]").click()
        page.get_by_label("Candidate", exact=True).select_option("finder:2")
        page.get_by_role("button", name="Start shadow").click()
        report = page.locator(".shadow")
        expect(report.locator("[data-figure=agreement]")).to_contain_text("0.0 %")
        expect(report.locator("[data-figure=candidate]")).to_contain_text("ms")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        shadow = the_camera(client)["shadow"]
        assert (shadow["version_name"], shadow["running"]) == ("finder:2", True)
        report.get_by_role("button", name="Stop").click()
        expect(report).to_contain_text("Shadow ended")
        ended = until(  # its last figures may be stored a moment after it was stopped
            lambda: found(client, f"/api/v1/shadows/{shadow['id']}/"),
            lambda shown: shown["report"].get("frames", 0) > 0,
        )
    assert ended["running"] is False
    assert ended["report"]["frames"] > 0
    assert ended["report"]["agreement"] == 0.0
    assert ended["report"]["counts_shadow"] == {}


def test_of_many_who_deploy_at_once_each_replaces_the_one_before(gateway: RunningGateway) -> None:
    with logged_in(gateway) as client:
        versions = {row["reference"]: row["id"] for row in found(client, "/api/v1/versions/")}
        for name in ("a", "b"):
            alias = {"version": versions["finder:1"], "name": name}
            body = {"target": "alias", "alias": alias}
            assert client.post("/api/v1/deployments/", json=body).status_code == 200
        detectors = ["finder:1", "finder:2", "finder@a", "finder@b", "motion"]

        def deploy(detector: str) -> int:
            body = {"target": "module", "module": "person_count", "detector": detector}
            return client.post("/api/v1/deployments/", json=body).status_code

        with ThreadPoolExecutor(len(detectors)) as pool:
            assert list(pool.map(deploy, detectors)) == [201] * len(detectors)
        rows = found(client, "/api/v1/deployments/?target=module")["results"]
        (current,) = [row for row in rows if row["state"] in ("trial", "active")]
        targets = found(client, "/api/v1/deployments/in-service/")["targets"]
        (chosen,) = [row["chosen"] for row in targets if row["module"] == "person_count"]
    assert chosen == current["detector"]
    # A chain without a gap or a fork: nobody's change was lost.
    assert len({row["detector_before"] for row in rows}) == len(detectors)
