"""One command: prepare the data folder, then run web, jobs and sensing until it is stopped."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from aision import static_files
from aision.first_start import (
    FirstStartRefused,
    ensure_admin,
    ensure_demo_cameras,
    ensure_detector,
    ensure_video_camera,
)
from aision.lock import AlreadyRunning, hold
from aision.processes import Process, Processes, RestartBudgetSpent

EXIT_ALREADY_RUNS = 3
READY_WITHIN_S = 60.0


class Command(BaseCommand):
    help = "Runs the whole gateway: pages, jobs and sensing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to serve on")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--data-dir", help="set before start by scripts/gateway")
        parser.add_argument("--video", type=Path, help="register this recording as a camera")
        parser.add_argument("--no-demo", action="store_true", help="no simulated cameras")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        if not 1 <= port <= 65535:
            raise CommandError(f"--port: expected 1–65535, got {port}")
        given = options["data_dir"]
        if given and Path(given).expanduser().resolve() != settings.DATA_DIR:
            raise CommandError("--data-dir: start with scripts/gateway, or set AISION_DATA_DIR")
        address = f"http://{browser_host(host)}:{port}"
        try:
            lock = hold(settings.DATA_DIR, address)
        except AlreadyRunning as error:
            raise CommandError(str(error), returncode=EXIT_ALREADY_RUNS) from error
        with lock:
            check_port_is_free(host, port)
            try:
                self._prepare(options)
            except FirstStartRefused as error:
                raise CommandError(str(error)) from error
            except DatabaseError as error:
                raise CommandError(f"The database cannot be used: {error}") from error
            except OSError as error:
                raise CommandError(
                    f"The data folder {settings.DATA_DIR} cannot be used: {error}"
                ) from error
            self._run(host, port, address)

    def _prepare(self, options: dict[str, Any]) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        static_files.collect()
        for folder in (settings.REGISTRY_DIR, settings.CLIPS_DIR, settings.VIDEO_DIRS[0]):
            folder.mkdir(parents=True, exist_ok=True)
        ensure_detector()
        if options["video"]:
            camera = ensure_video_camera(options["video"])
            self.stdout.write(f"Camera: {camera.name}, with a counting line across it")
        elif not options["no_demo"]:
            ensure_demo_cameras()
        made = ensure_admin()
        if made:
            self.stdout.write("")
            self.stdout.write(f"First admin: user {made[0]}, password {made[1]}")
            self.stdout.write("Write the password down: it is not shown again.")
            self.stdout.write("")
        self.stdout.flush()
        connection.close()

    def _run(self, host: str, port: int, address: str) -> None:
        stop = threading.Event()

        def stop_soon(signum: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, stop_soon)
        signal.signal(signal.SIGINT, stop_soon)
        processes = Processes(programs(host, port))
        processes.start()
        try:
            self._supervise(processes, stop, address)
        except RestartBudgetSpent as error:
            raise CommandError(str(error)) from error
        finally:
            processes.stop()
        self.stdout.write("AISION gateway stopped")

    def _supervise(self, processes: Processes, stop: threading.Event, address: str) -> None:
        announce_by_s: float | None = time.monotonic() + READY_WITHIN_S
        while not stop.wait(0.2):
            processes.check()
            if announce_by_s and answers(address):
                self.stdout.write(self.style.SUCCESS(f"AISION gateway ready at {address}"))
                self.stdout.flush()
                announce_by_s = None
            elif announce_by_s and time.monotonic() > announce_by_s:
                self.stderr.write(f"No answer at {address} yet; see the messages above.")
                announce_by_s = None


def programs(host: str, port: int) -> list[Process]:
    """The three processes, run by this same Python."""
    environment = {
        "AISION_DATA_DIR": str(settings.DATA_DIR),
        "AISION_UPLINK_URL": os.environ.get(
            "AISION_UPLINK_URL", f"ws://{browser_host(host)}:{port}/ws/sensing/"
        ),
        "DJANGO_SETTINGS_MODULE": "aision.settings",
        "PYTHONPATH": str(settings.BASE_DIR),
        "PYTHONUNBUFFERED": "1",
        # One camera, one core's share: the libraries' own thread pools only fight each other.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    python, manage = sys.executable, str(settings.BASE_DIR / "manage.py")
    web = f"-m uvicorn aision.asgi:application --host {host} --port {port} --lifespan off"
    web += " --ws websockets-sansio --ws-per-message-deflate false --timeout-graceful-shutdown 3"
    web += " --no-access-log --log-level warning --no-server-header"
    if settings.HTTPS:
        web += " --proxy-headers"
    jobs = "-m celery --quiet -A aision worker --beat --concurrency 2 --pool threads"
    jobs += " --loglevel WARNING --without-mingle --without-gossip"
    schedule = ["--schedule", str(settings.DATA_DIR / "beat-schedule")]
    # In a container root is usual, and no task comes from outside this box.
    calm = ["-W", "ignore:You're running the worker with superuser privileges"]
    return [
        Process("web", [python, *web.split()], environment),
        Process("sensing", [python, manage, "run_sensing"], environment),
        Process("jobs", [python, *calm, *jobs.split(), *schedule], environment),
    ]


def browser_host(host: str) -> str:
    """The address a local program can reach a server at."""
    named = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"[{named}]" if ":" in named and not named.startswith("[") else named


def check_port_is_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Cannot serve on {host} port {port}: {error.strerror}."
                " Choose another with --host and --port."
            ) from error


def answers(address: str) -> bool:
    """Is the web process up, with its database?"""
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
