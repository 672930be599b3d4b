"""A real gateway, started as an operator starts it, on a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.services import free_port
from tests.shared_data import ROOT

USER, PASSWORD = "keeper", "a-long-test-password"


@dataclass
class RunningGateway:
    """A gateway's address, output so far and process."""

    address: str
    data_dir: Path
    process: subprocess.Popen[str]
    output: list[str] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)

    def read_output(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)
            if "AISION gateway ready at" in line:
                self.ready.set()
        self.ready.set()

    def text(self) -> str:
        return "".join(self.output)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path, timeout=20) as response:
            return response.read().decode()


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """What a gateway under test is started with; an empty value takes a variable away."""
    kept = {k: v for k, v in os.environ.items() if not re.match(r"AISION_(?!REDIS_URL)", k)}
    given = {
        **kept,
        "AISION_DATA_DIR": str(data_dir),
        "AISION_ADMIN_USER": USER,
        "AISION_ADMIN_PASSWORD": PASSWORD,
        "PYTHONUNBUFFERED": "1",
        **more,
    }
    return {name: value for name, value in given.items() if value != ""}


@contextmanager
def running_gateway(
    data_dir: Path, *options: str, wait_s: float = 120, **variables: str
) -> Iterator[RunningGateway]:
    """Start a gateway and wait until it says that it is ready; stop it at the end."""
    port = free_port()
    share_clips(data_dir)
    # A test that starts one gateway after another on the same database brings its own.
    given = "DATABASE_URL" in variables
    with nullcontext({}) if given else own_database() as database:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "gateway", "--port", str(port), *options],
            cwd=ROOT,
            env=environment(data_dir, **database, **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        gateway = RunningGateway(f"http://127.0.0.1:{port}", data_dir, process)
        reader = threading.Thread(target=gateway.read_output, daemon=True)
        reader.start()
        try:
            assert gateway.ready.wait(wait_s), f"not ready in time:\n{gateway.text()}"
            assert process.poll() is None, f"ended at start:\n{gateway.text()}"
            yield gateway
        finally:
            if process.poll() is None:
                gateway.stop()
            reader.join(10)
            assert process.stdout is not None
            process.stdout.close()


def share_clips(data_dir: Path) -> None:
    """Gateways of one test run draw each simulated camera once: a clip is named by its content."""
    clips = Path(os.environ["AISION_DATA_DIR"]) / "clips"
    clips.mkdir(parents=True, exist_ok=True)
    data_dir.mkdir(parents=True, exist_ok=True)
    if not (data_dir / "clips").exists():
        (data_dir / "clips").symlink_to(clips)


@contextmanager
def own_database() -> Iterator[dict[str, str]]:
    """On PostgreSQL a gateway under test gets a database of its own, dropped at the end."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield {}
        return
    name = f"aision_e2e_{os.getpid()}_{free_port()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield {"DATABASE_URL": urlunsplit(urlsplit(url)._replace(path=f"/{name}"))}
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
