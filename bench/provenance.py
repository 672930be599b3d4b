"""What every measurement states about itself."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("AISION_SHARED_DATA", ROOT.parent / "shared" / "data"))


def commit() -> str:
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return answer.stdout.strip() or "none"


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [
        line.split(":", 1)[1].strip()
        for line in (info.read_text().splitlines() if info.exists() else [])
        if line.startswith("model name")
    ]
    return names[0] if names else platform.processor() or platform.machine()


def print_provenance() -> None:
    """Machine, load, command and commit."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"machine: {processor()}, {os.cpu_count()} cores, {platform.system()}; load {load}")
    program = sys.modules["__main__"].__spec__
    words = [program.name if program else Path(sys.argv[0]).stem, *sys.argv[1:]]
    print(f"python {platform.python_version()}; command: python -m {' '.join(words)}")
    print(f"commit: {commit()}")
