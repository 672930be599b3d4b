"""Whether intervals are lost or sent twice while the MQTT broker is killed under load.

    python -m bench.messages [--away 60] [--cameras 50] [--rate 20] [--end kill]

A broker of its own with its sessions on disk, and a subscriber with QoS 2 and a lasting session.
Messages of intervals are spooled at a steady rate, as if a minute ended for ``--rate`` cameras each
second; the broker is killed (SIGKILL) or stopped (SIGTERM) in the middle and started again after
``--away`` seconds. An interval is lost when its id never arrives, and duplicated when it arrives
more than once.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from bench.provenance import print_provenance

FOLDER = tempfile.mkdtemp(prefix="aision-bench-")
os.environ["AISION_DATA_DIR"] = FOLDER
os.environ["DJANGO_SETTINGS_MODULE"] = "aision.settings"
os.environ["AISION_LOG_LEVEL"] = "WARNING"

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from sensing.messaging.collect import close_intervals  # noqa: E402
from sensing.messaging.mqtt_sender import MqttSender  # noqa: E402
from sensing.models import (  # noqa: E402
    Camera,
    CountInterval,
    MessagedInterval,
    ObservedMinute,
    SpooledMessage,
)
from sensing.selectors.messaging import message_settings  # noqa: E402
from sensing.services import camera_register  # noqa: E402
from sensing.services.messaging import message_settings_change  # noqa: E402
from tests.mosquitto import Mosquitto, Subscriber  # noqa: E402

BEFORE_S = AFTER_S = 10.0
DRAIN_S = 120.0


class Load:
    """Minutes of cameras, counted and closed one after another at a steady rate."""

    def __init__(self, cameras: list[Camera], rate: float) -> None:
        self._cameras = cameras
        self._pause_s = len(cameras) / rate
        self._minute = int(time.time() // 60) - 600
        self.spooled = 0
        self.closing_s: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        at = datetime.fromtimestamp(self._minute * 60 + 1, UTC)
        close_intervals(at)  # messages begin here
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._pause_s):
            self._count()
            begun_s = time.perf_counter()
            end_s = (self._minute + 1) * 60
            self.spooled += close_intervals(datetime.fromtimestamp(end_s + 100, UTC))
            self.closing_s.append(time.perf_counter() - begun_s)
            self._minute += 1
        connection.close()

    def _count(self) -> None:
        ObservedMinute.objects.bulk_create(
            ObservedMinute(camera=camera, minute=self._minute, observed_s=60.0)
            for camera in self._cameras
        )
        CountInterval.objects.bulk_create(
            CountInterval(
                camera=camera,
                line_id="road",
                minute=self._minute,
                object_class=kind,
                direction=way,
                count=7,
            )
            for camera in self._cameras
            for kind in ("car", "truck", "bicycle")
            for way in ("forward", "backward")
        )


class Sending:
    """The sender as the sensing process runs it."""

    def __init__(self) -> None:
        self._sender = MqttSender()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._sender.wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._sender.wake.clear()
            self._sender.step()
            self._sender.wake.wait(0.5)
        self._sender.close()
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--away", type=float, default=60.0, help="seconds without a broker")
    parser.add_argument("--cameras", type=int, default=50)
    parser.add_argument("--rate", type=float, default=20.0, help="intervals a second")
    parser.add_argument("--end", choices=["kill", "stop"], default="kill")
    given = parser.parse_args()
    print_provenance()
    call_command("migrate", verbosity=0, run_syncdb=True)
    broker = Mosquitto(Path(FOLDER) / "broker")
    message_settings_change(by=None, enabled=True, host="127.0.0.1", port=broker.port)
    cameras = [
        camera_register(by=None, name=f"Camera {n}", kind="rtsp", url=f"rtsp://192.0.2.1/{n}")
        for n in range(given.cameras)
    ]
    MessagedInterval.objects.all().delete()
    reader = Subscriber(broker.port)
    sending, load = Sending(), Load(cameras, given.rate)
    time.sleep(BEFORE_S)
    getattr(broker, given.end)()
    time.sleep(given.away)
    waiting = SpooledMessage.objects.count()
    broker.start()
    started_s = time.monotonic()
    time.sleep(AFTER_S)
    load.stop()
    while SpooledMessage.objects.exists() and time.monotonic() < started_s + DRAIN_S:
        time.sleep(0.1)
    drained_s = time.monotonic() - started_s
    time.sleep(2.0)
    report(load, reader, given, waiting, drained_s)
    sending.stop()
    reader.close()
    broker.kill()


def report(
    load: Load, reader: Subscriber, given: argparse.Namespace, waiting: int, drained_s: float
) -> None:
    arrived = Counter((message["id"], message["revision"]) for message in reader.of("/interval"))
    print(f"broker ended by {given.end}, away for {given.away:.0f} s, {given.rate:g} intervals/s")
    print(f"intervals spooled    {load.spooled}")
    print(f"waiting at return    {waiting}")
    print(f"intervals received   {len(arrived)}")
    print(f"lost                 {load.spooled - len(arrived)}")
    print(f"duplicated           {sum(count - 1 for count in arrived.values())}")
    print(f"spool empty after    {drained_s:.1f} s")
    print(f"left in the spool    {SpooledMessage.objects.count()}")
    worst_ms = 1000 * max(load.closing_s)
    print(f"closing {given.cameras} intervals: {worst_ms:.0f} ms at most")
    print(f"delivered by count   {message_settings().delivered} (at {timezone.now():%H:%M:%S} UTC)")


if __name__ == "__main__":
    main()
