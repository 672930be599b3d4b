"""Which of the sandbox's measures this machine has the means for."""

from __future__ import annotations

from functools import cache

from models_registry.sandbox.limits import Limits
from models_registry.sandbox.process import call


@cache
def isolation() -> dict[str, bool]:
    """What is in force in children on this machine, asked of one child and remembered.

    ``memory``: memory, processor time and file sizes are bounded (always). ``network``: no network
    can be reached, by an empty network namespace (``network_namespace``) or because sockets cannot
    be made. ``files``: Landlock hides all files but Python's and those given. ``system_calls``: a
    seccomp filter refuses new processes, sockets and the kernel's wide doors. Where ``files`` is
    false, the child reads what the gateway's own user may read. Raises ``ChildFailed``.
    """
    found = call("models_registry.sandbox.lockdown:report", None, limits=Limits(wall_s=30))
    return {str(name): value is True for name, value in dict(found).items()}
