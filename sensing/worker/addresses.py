"""Which addresses a camera may have, and keeping its credentials out of every text.

Cameras live in private networks and on this machine, so those are allowed. Refused are the places
where a server-side request does harm: files through a URL, other protocols, and the link-local
addresses under which clouds hand out their machines' credentials.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from sensing.worker.errors import StreamUnavailable
from sensing.worker.plan import SourceKind

NETWORK_SCHEMES: dict[str, tuple[str, ...]] = {"rtsp": ("rtsp", "rtsps"), "http": ("http", "https")}
DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "metadata.azure.com"}
)
# Metadata services that do not sit on a link-local address.
METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text)
    for text in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class NetworkAddress:
    """A checked URL's parts; ``ip`` is where to connect, so that DNS cannot change its mind."""

    scheme: str
    host: str
    ip: str
    port: int
    target: str
    """Path and query, as requested from the camera."""

    def url(self, username: str = "", password: str = "", *, by_ip: bool = False) -> str:
        """The URL again, with credentials only when they are given."""
        host = self.ip if by_ip else self.host
        netloc = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        if username or password:
            netloc = f"{quote(username, safe='')}:{quote(password, safe='')}@{netloc}"
        return f"{self.scheme}://{netloc}{self.target}"


def split_credentials(url: str) -> tuple[str, str, str]:
    """(URL without credentials, user name, password) of an address as operators paste it."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url.strip(), "", ""
    if "@" not in parts.netloc:
        return url.strip(), "", ""
    userinfo, _, host = parts.netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    bare = urlunsplit((parts.scheme, host, parts.path, parts.query, parts.fragment))
    return bare, unquote(username), unquote(password)


_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,15}://)[^\s/?#]*@")
_SECRET = re.compile(
    r"(?i)\b(password|passwd|pwd|pass|token|secret|auth|authorization|api_?key)(\s*[=:]\s*)[^\s&;,\"']+"
)


def redact(text: str, *secrets: str) -> str:
    """The text without user info in URLs, without password-like values and without ``secrets``."""
    for secret in secrets:
        for written in {secret, quote(secret, safe=""), quote(secret)} - {""}:
            text = text.replace(written, "***")
    return _SECRET.sub(r"\1\2***", _USERINFO.sub(r"\1***@", text))


def check_location(kind: SourceKind, location: str) -> None:
    """Refuse an address by its text alone, as forms do before they store it.

    Raises ``StreamUnavailable`` with ``refused_scheme``, ``refused_address`` or ``bad_address``.
    File paths, devices and ``sim://`` URLs are checked when they are opened.
    """
    if kind in NETWORK_SCHEMES:
        _parse(kind, location)
    elif kind == "sim" and not location.startswith("sim://"):
        raise StreamUnavailable("refused_scheme", "expected sim://…", True)
    elif kind in ("file", "usb") and re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", location):
        # FFmpeg would read a path like http:… or concat:… as a protocol.
        raise StreamUnavailable("refused_scheme", "expected a path, got a URL", True)


def resolve(kind: SourceKind, location: str) -> NetworkAddress:
    """Check a network camera's URL and look its host up, once for everything that connects.

    Raises ``StreamUnavailable``: as ``check_location``, ``unreachable`` for an unknown host name.
    """
    scheme, host, port, target = _parse(kind, location)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise StreamUnavailable("unreachable", f"the name {host} is not known") from None
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        _refuse_metadata(ipaddress.ip_address(address.partition("%")[0]))
    return NetworkAddress(scheme, host, addresses[0], port, target)


def _parse(kind: SourceKind, location: str) -> tuple[str, str, int, str]:
    allowed = NETWORK_SCHEMES[kind]
    try:
        parts = urlsplit(location.strip())
        scheme, host, port = parts.scheme.lower(), (parts.hostname or ""), parts.port
    except ValueError:
        raise StreamUnavailable("bad_address", "expected a URL", True) from None
    if scheme not in allowed:
        raise StreamUnavailable(
            "refused_scheme", f"expected {' or '.join(allowed)}, got {scheme or 'no scheme'}", True
        )
    if not host or port == 0 or re.search(r"[\s\x00-\x1f\\]", location.strip()):
        raise StreamUnavailable("bad_address", f"expected {scheme}://host/path", True)
    name = host.rstrip(".").lower()
    if name in METADATA_NAMES:
        raise StreamUnavailable("refused_address", f"{name} is no camera", True)
    if (literal := _literal(name)) is not None:
        _refuse_metadata(literal)
    target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    return scheme, host, port or DEFAULT_PORTS[scheme], target


def _literal(host: str) -> IpAddress | None:
    """The address that a host text stands for, also as 2852039166, 0xa9fea9fe or 169.254.43518."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        # What the C library will make of it when it connects.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _refuse_metadata(address: IpAddress) -> None:
    for one in _embedded(address):
        if one.is_link_local or one.is_multicast or one in METADATA_ADDRESSES:
            raise StreamUnavailable("refused_address", f"{address} is no camera's address", True)
        if one.is_unspecified:
            raise StreamUnavailable("refused_address", f"{address} is no address to reach", True)


def _embedded(address: IpAddress) -> list[IpAddress]:
    """The address and any IPv4 address that it carries (mapped, 6to4, Teredo, NAT64)."""
    found: list[IpAddress] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        found += [x for x in (address.ipv4_mapped, address.sixtofour) if x is not None]
        found += list(address.teredo or ())
        packed = address.packed
        if packed[:12] == bytes(12) and address not in (ipaddress.IPv6Address("::1"),):
            found.append(ipaddress.IPv4Address(packed[12:]))
        if packed[:12] == ipaddress.IPv6Address("64:ff9b::").packed[:12]:
            found.append(ipaddress.IPv4Address(packed[12:]))
    return found
