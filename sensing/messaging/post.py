"""Posting one message to one address: no redirection is followed and no answer's body is read."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse

from sensing.messaging.addresses import HttpAddress, addresses_of, http_address
from sensing.messaging.errors import Undelivered, of_os_error

CONNECT_S = 5.0
ANSWER_WITHIN_S = 10.0
LONGEST_REASON = 60
# Statuses that say nothing against the message itself.
BUSY = frozenset({408, 425, 429})


def post(url: str, body: bytes, headers: Mapping[str, str]) -> str:
    """Send ``body`` as JSON; returns the status in short, such as “204 No Content”.

    Raises ``Undelivered`` for anything but a status from 200 to 299, and when that takes longer
    than ``ANSWER_WITHIN_S`` after the connection.
    """
    address = http_address(url)
    connected = _connect(address)
    # A receiver that drips its answer byte by byte would hold the sender for ever.
    watch = threading.Timer(ANSWER_WITHIN_S, _cut, [connected])
    watch.daemon = True
    watch.start()
    try:
        status, reason = _exchange(connected, _head(address, len(body), headers) + body)
    except HTTPException as error:
        raise Undelivered("not_http") from error
    except OSError as error:
        raise of_os_error(error) from error
    finally:
        watch.cancel()
        connected.close()
    answer = f"{status} {clipped(reason)}".strip()
    if 200 <= status < 300:
        return answer
    if 300 <= status < 400:
        raise Undelivered("redirected", answer)
    if 400 <= status < 500 and status not in BUSY:
        raise Undelivered("rejected", answer, one_message=True)
    raise Undelivered("receiver_error", answer)


def clipped(text: str) -> str:
    """A receiver's words, short and printable."""
    return "".join(c for c in text if c.isprintable())[:LONGEST_REASON]


def _connect(address: HttpAddress) -> socket.socket:
    problem: OSError = TimeoutError()
    for ip in addresses_of(address.host, address.port):
        try:
            connected = socket.create_connection((ip, address.port), CONNECT_S)
        except OSError as error:
            problem = error
            continue
        if address.scheme == "http":
            return connected
        try:
            return ssl.create_default_context().wrap_socket(
                connected, server_hostname=address.host.rstrip(".")
            )
        except OSError as error:
            connected.close()
            raise of_os_error(error) from error
    raise of_os_error(problem) from problem


def _head(address: HttpAddress, length: int, headers: Mapping[str, str]) -> bytes:
    lines = [
        f"POST {address.target} HTTP/1.1",
        f"Host: {address.host_header}",
        "User-Agent: AISION-Webhook/1",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _exchange(connected: socket.socket, request: bytes) -> tuple[int, str]:
    connected.settimeout(ANSWER_WITHIN_S)
    connected.sendall(request)
    response = HTTPResponse(connected, method="POST")
    try:
        response.begin()
        return response.status, response.reason
    finally:
        response.close()


def _cut(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
