"""What a trained file must be able to say of its making."""

from __future__ import annotations

import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models_registry.benchmarking.machine import machine

GIT_PATIENCE_S = 10


@dataclass(frozen=True, slots=True)
class Provenance:
    """``commit``: of the code, empty where it is no checkout; ``machine``: facts in plain JSON."""

    commit: str
    machine: dict[str, Any]
    torch: str


def provenance(torch_version: str) -> Provenance:
    """Of this program on this machine."""
    return Provenance(_commit(), asdict(machine()), torch_version)


def _commit() -> str:
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=GIT_PATIENCE_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()
