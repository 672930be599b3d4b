"""Every real model file at hand through the REST API, as an operator's program uploads it.

    python -m bench.registry

A gateway of its own is started; the table shows verdict, layout, size, parameters, multiply-
accumulates and the sandbox's dry run (a hint, no benchmark) of each file.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from bench.provenance import SHARED, print_provenance
from tests.e2e.session import logged_in
from tests.gateway import running_gateway

HEADER = (
    "file",
    "verdict",
    "task or code",
    "layout",
    "size MB",
    "params M",
    "MACs M",
    "dry run ms",
)
PATIENCE_S = 120.0


def verdict_of(client: httpx.Client, path: Path) -> dict[str, Any]:
    """Upload one file and wait for what is found."""
    with path.open("rb") as file:
        answer = client.post("/api/v1/uploads/", files={"file": (path.name, file)})
    answer.raise_for_status()
    upload: dict[str, Any] = answer.json()
    end_s = time.monotonic() + PATIENCE_S
    while upload["state"] == "inspecting" and time.monotonic() < end_s:
        time.sleep(0.5)
        upload = client.get(f"/api/v1/uploads/{upload['id']}/").json()
    return upload


def row(client: httpx.Client, path: Path) -> list[str]:
    """One file's line of the table."""
    upload = verdict_of(client, path)
    size = f"{path.stat().st_size / 1e6:.2f}"
    if upload["version"] is None:
        task = upload["message"].split(":")[0] if upload["code"] == "unknown_layout" else ""
        words = f"{upload['code']} ({task})" if task else upload["code"]
        return [path.name, upload["state"], words, "–", size, "–", "–", "–"]
    version = client.get(f"/api/v1/versions/{upload['version']}/").json()
    found = version["inspection"]
    macs = f"{version['macs'] / 1e6:.0f}" if version["macs"] else "–"
    return [
        path.name,
        upload["state"] + (", contract to choose" if version["needs_contract"] else ""),
        found["task"],
        version["layout"] or "/".join(p["contract"]["layout"] for p in found["proposals"]),
        size,
        f"{version['parameters'] / 1e6:.2f}",
        macs,
        f"{found['dry_run_ms']:.0f}",
    ]


def main() -> None:
    print_provenance()
    files = sorted((SHARED / "models").rglob("*.onnx"))
    print("\n| " + " | ".join(HEADER) + " |")
    print("|" + "---|" * len(HEADER))
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("AISION_DATA_DIR", folder)  # where tests share rendered clips
        with (
            running_gateway(Path(folder) / "data", "--no-demo") as gateway,
            logged_in(gateway) as client,
        ):
            for path in files:
                print("| " + " | ".join(row(client, path)) + " |", flush=True)


if __name__ == "__main__":
    main()
