"""TCP and TLS connections to cameras, with typed failures."""

from __future__ import annotations

import socket
import ssl

from sensing.worker.addresses import NetworkAddress
from sensing.worker.errors import StreamUnavailable

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 3.0


def connect(address: NetworkAddress) -> socket.socket:
    """A connected socket whose reads time out after ``ANSWER_TIMEOUT_S``.

    Raises ``StreamUnavailable`` with ``unreachable`` or ``timeout``.
    """
    where = f"{address.host}:{address.port}"
    try:
        connected = socket.create_connection((address.ip, address.port), CONNECT_TIMEOUT_S)
    except TimeoutError:
        raise StreamUnavailable("timeout", f"no answer from {where}") from None
    except OSError as error:
        reason = error.strerror or "no connection"
        raise StreamUnavailable("unreachable", f"{where}: {reason}") from None
    connected.settimeout(ANSWER_TIMEOUT_S)
    if address.scheme not in ("rtsps", "https"):
        return connected
    try:
        return _tls_context().wrap_socket(connected, server_hostname=address.host)
    except TimeoutError:
        connected.close()
        raise StreamUnavailable("timeout", f"no TLS answer from {where}") from None
    except (ssl.SSLError, OSError):
        connected.close()
        raise StreamUnavailable("unreachable", f"{where} does not speak TLS") from None


def _tls_context() -> ssl.SSLContext:
    # Cameras sign their own certificates, so there is nobody to ask; FFmpeg does not check either.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
