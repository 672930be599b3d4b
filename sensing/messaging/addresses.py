"""Where messages may go: private networks and this machine, but never the addresses under which
clouds hand out their machines' credentials. The rule is the cameras' own."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from sensing.messaging.errors import Undelivered, of_os_error
from sensing.worker.addresses import check_location
from sensing.worker.errors import StreamUnavailable

DEFAULT_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]{2,45}")


@dataclass(frozen=True)
class HttpAddress:
    """A webhook's checked URL; ``target`` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def check_host(host: str) -> None:
    """Refuse a host by its text alone, as forms do. Raises ``Undelivered``."""
    if not HOST.fullmatch(host):
        raise Undelivered("bad_address")
    named = f"[{host}]" if ":" in host else host
    try:
        check_location("http", f"http://{named}/")
    except StreamUnavailable as error:
        code = "refused_address" if error.code == "refused_address" else "bad_address"
        raise Undelivered(code) from error


def http_address(url: str) -> HttpAddress:
    """The parts of a webhook's URL, checked by its text. Raises ``Undelivered``."""
    try:
        parts = urlsplit(url.strip())
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError as error:
        raise Undelivered("bad_address") from error
    if scheme not in DEFAULT_PORTS or port == 0 or "@" in parts.netloc:
        raise Undelivered("bad_address")
    if not url.isascii() or re.search(r"[\s\x00-\x20\\]", url.strip()):
        raise Undelivered("bad_address")
    check_host(host)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HttpAddress(scheme, host, port or DEFAULT_PORTS[scheme], target)


def addresses_of(host: str, port: int) -> list[str]:
    """The IP addresses to connect to, all of them allowed: looked up once, so that DNS cannot
    change its mind between the check and the connection. Raises ``Undelivered``."""
    check_host(host)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise Undelivered("unknown_host") from error
    except OSError as error:
        raise of_os_error(error) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        check_host(address.partition("%")[0])
    return addresses
