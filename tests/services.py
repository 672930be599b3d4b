"""Finds PostgreSQL, Redis and an MQTT broker for the tests: the URL given, else the local one,
else a private one.

``python -m tests.services`` prints shell exports; private servers live until the folder's pids die
with ``python -m tests.services stop``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

PRIVATE = Path(tempfile.gettempdir()) / f"aision-test-services-{os.getuid()}"
POSTGRES_URL = "postgres://postgres@127.0.0.1:5432/postgres"
REDIS_URL = "redis://127.0.0.1:6379/0"
MQTT_URL = "mqtt://127.0.0.1:1883"


class ServiceMissing(RuntimeError):
    """No such service is running here and its binary is not installed."""


def postgres_url() -> str:
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        return given
    if answers(POSTGRES_URL):
        return POSTGRES_URL
    return start_postgres()


def redis_url() -> str:
    given = os.environ.get("AISION_REDIS_URL", "")
    if given:
        return given
    if answers(REDIS_URL):
        return REDIS_URL
    return start_redis()


def mqtt_url() -> str:
    given = os.environ.get("AISION_TEST_MQTT_URL", "")
    if given:
        return given
    if answers(MQTT_URL):
        return MQTT_URL
    return start_mosquitto()


def answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=2):
            return True
    except OSError:
        return False


def start_redis() -> str:
    binary = shutil.which("redis-server")
    if not binary:
        raise ServiceMissing("Redis: nothing on port 6379 and no redis-server binary")
    PRIVATE.mkdir(exist_ok=True)
    port = free_port()
    server = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(PRIVATE)],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    (PRIVATE / "redis.pid").write_text(str(server.pid))
    return wait_for(f"redis://127.0.0.1:{port}/0")


def mosquitto_binary() -> str:
    """Raises ``ServiceMissing``."""
    # Debian keeps it where only root's PATH looks.
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    binary = shutil.which("mosquitto", path=search)
    if not binary:
        raise ServiceMissing("MQTT: no mosquitto binary")
    return binary


def start_mosquitto() -> str:
    binary = mosquitto_binary()
    PRIVATE.mkdir(exist_ok=True)
    port = free_port()
    settings = PRIVATE / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    server = subprocess.Popen(
        [binary, "-c", str(settings)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    (PRIVATE / "mosquitto.pid").write_text(str(server.pid))
    return wait_for(f"mqtt://127.0.0.1:{port}")


def start_postgres() -> str:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if not initdb:
        raise ServiceMissing("PostgreSQL: nothing on port 5432 and no initdb binary")
    if os.getuid() == 0:
        raise ServiceMissing("PostgreSQL: nothing on port 5432, and it does not run as root")
    data, port = PRIVATE / "postgres", free_port()
    shutil.rmtree(data, ignore_errors=True)
    PRIVATE.mkdir(exist_ok=True)
    subprocess.run(
        [initdb, "-D", data, "-U", "postgres", "--auth=trust"], check=True, capture_output=True
    )
    server = subprocess.Popen(
        [Path(initdb).with_name("postgres"), "-D", data, "-p", str(port), "-k", str(PRIVATE)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    (PRIVATE / "postgres.pid").write_text(str(server.pid))
    return wait_for(f"postgres://postgres@127.0.0.1:{port}/postgres")


def stop_private() -> None:
    for pid_file in PRIVATE.glob("*.pid"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid_file.read_text()), signal.SIGTERM)
        pid_file.unlink()


def wait_for(url: str) -> str:
    for _ in range(100):
        if answers(url):
            return url
        time.sleep(0.1)
    raise ServiceMissing(f"a private server was started but does not answer at {url}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    if sys.argv[1:] == ["stop"]:
        stop_private()
    else:
        print(f"export DATABASE_URL='{postgres_url()}' AISION_REDIS_URL='{redis_url()}'")
