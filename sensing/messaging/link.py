"""One connection to an MQTT broker.

Intervals go out with QoS 2 in a session that the broker keeps over a lost connection, so that each
arrives once. A client that was newly made knows nothing of an old session, and its packet numbers
start again, so that the broker would take a new message for a repeat: it has the old session thrown
away first, with a short connection of its own. (Asking for a clean start on the lasting connection
will not do: Mosquitto does not save such a session over its own restart.)
"""

from __future__ import annotations

import logging
import socket
import ssl
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sensing.messaging.addresses import addresses_of
from sensing.messaging.errors import Undelivered, of_os_error
from sensing.messaging.topics import Topics

log = logging.getLogger(__name__)

KEEPALIVE_S = 20
CONNECT_S = 5.0
SESSION_S = 7 * 86400
RETRY_S = (1, 5)
FIRST_FAILURE = 0x80
"""Reason codes from here on say that something failed."""
NOT_ALLOWED = frozenset({"Not authorized", "Banned", "Server unavailable"})


@dataclass(frozen=True)
class BrokerAddress:
    """Where the broker is and how to log in."""

    host: str
    port: int = 1883
    protocol: str = "5"
    tls: bool = False
    verify: bool = True
    ca_certificates: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    base_topic: str = "aision"
    client_id: str = "aision"

    def context(self) -> ssl.SSLContext:
        """Raises ``Undelivered`` for certificates that cannot be read."""
        try:
            context = ssl.create_default_context(cadata=self.ca_certificates or None)
        except (ssl.SSLError, ValueError) as error:
            raise Undelivered("certificate_untrusted", "the authority is no certificate") from error
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Client(mqtt.Client):
    """The stock client overlooks that a broker refused a QoS 2 message when it received it, and
    takes it for delivered; and it does not close a socket whose TLS handshake failed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.refused: set[int] = set()

    def _handle_pubrec(self) -> MQTTErrorCode:
        packet: bytearray = self._in_packet["packet"]
        if len(packet) > 2 and packet[2] >= FIRST_FAILURE:
            self.refused.add(int.from_bytes(packet[:2], "big"))
        return super()._handle_pubrec()

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        assert self._ssl_context is not None
        # The context checks the name, or was told not to; a failed handshake closes the socket.
        return self._ssl_context.wrap_socket(tcp_sock, server_hostname=self._host)


class Link:
    """A broker as its sender sees it. Methods may be called from one thread; ``wake`` is set when
    something changed."""

    def __init__(
        self, address: BrokerAddress, wake: threading.Event, *, last_will: bool = True
    ) -> None:
        """Begins to connect. Raises ``Undelivered`` for an address that is not allowed."""
        addresses_of(address.host, address.port)
        self._address, self._wake, self._last_will = address, wake, last_will
        self._acked: deque[tuple[int, bool]] = deque()
        self.up = False
        self.connections = 0
        self.problem: Undelivered | None = None
        """Why there is no connection; None before the first answer."""
        self.lost_session = False
        """The broker forgot what was on its way: make a new link, and send again what was not
        acknowledged."""
        self.lost_at_s = 0.0
        self.crashed = False
        """The broker ended without a farewell: its machine is there and nothing listens."""
        self._farewell = False
        self._clean = False
        self._lasting = False
        self._client = self._begun(lasting=False)

    def tick(self) -> None:
        """Go on to the lasting connection once the old session is thrown away."""
        if self._clean and not self._lasting:
            self._stop_client()
            self._lasting = True
            self._client = self._begun(lasting=True)

    def publish(self, topic: str, payload: str, *, qos: int = 1, retain: bool = False) -> int:
        """Hand a message over; returns the number under which ``acknowledged`` tells of it."""
        return int(self._client.publish(topic, payload, qos=qos, retain=retain).mid)

    def acknowledged(self) -> list[tuple[int, bool]]:
        """(number, taken) of messages that the broker answered since the last call."""
        found = []
        while self._acked:
            found.append(self._acked.popleft())
        return found

    def close(self, last_word: str | None = None) -> None:
        """Disconnect; ``last_word`` is what a status says that the broker keeps."""
        if self.up and last_word is not None:
            said = self._client.publish(Topics(self._address.base_topic).status, last_word, 1, True)
            try:
                said.wait_for_publish(1.0)
            except (RuntimeError, ValueError):
                log.info("the broker was gone before a last word")
        self._stop_client()
        self.up = False

    def _stop_client(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _begun(self, *, lasting: bool) -> Client:
        """A client that connects: for good, or only to throw away the session before."""
        address = self._address
        five = address.protocol == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=address.client_id,
            protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
            clean_session=None if five else not lasting,
        )
        client.connect_timeout = CONNECT_S
        client.reconnect_delay_set(*RETRY_S)
        client.max_inflight_messages_set(100)
        if lasting and self._last_will:
            client.will_set(Topics(address.base_topic).status, "offline", 1, True)
        if address.username or address.password:
            client.username_pw_set(address.username or None, address.password or None)
        if address.tls:
            client.tls_set_context(address.context())
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        options: dict[str, Any] = {}
        if five:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_S if lasting else 0
            options = {"properties": properties, "clean_start": not lasting}
        client.connect_async(address.host, address.port, KEEPALIVE_S, **options)
        client.loop_start()
        return client

    # --- called from paho's thread ---

    def _on_connect(
        self,
        _client: mqtt.Client,
        _data: Any,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self.problem = of_reason(reason)
        elif not self._lasting:
            self._clean = True
        else:
            if self.connections and not flags.session_present:
                self.lost_session = True
            self.problem, self.up, self._farewell = None, True, False
            self.connections += 1
        self._wake.set()

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        # paho calls this while it handles the error that it does not hand on.
        error = sys.exc_info()[1]
        self.problem = of_os_error(error) if isinstance(error, OSError) else Undelivered("timeout")
        if self.connections and not self._farewell and self.problem.code == "refused":
            self.crashed = True
        self._wake.set()

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _data: Any,
        flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if self.up:
            self.problem = Undelivered("disconnected")
            self.lost_at_s = time.monotonic()
            self._farewell = flags.is_disconnect_packet_from_server
        elif (
            self.problem is None and not self._clean
        ):  # before the broker said anything that is MQTT
            self.problem = Undelivered("not_a_broker", str(reason))
        self.up = False
        self._wake.set()

    def _on_publish(
        self,
        _client: mqtt.Client,
        _data: Any,
        number: int,
        reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        # After a lost session an answer may be about a message that nobody got.
        if not self.lost_session:
            taken = not reason.is_failure and number not in self._client.refused
            self._client.refused.discard(number)
            self._acked.append((number, taken))
        self._wake.set()


def of_reason(reason: ReasonCode) -> Undelivered:
    """Why a broker refused a connection."""
    name = reason.getName()
    if name == "Bad user name or password":
        return Undelivered("credentials")
    if name in NOT_ALLOWED:
        return Undelivered("not_authorised", name)
    if name == "Unsupported protocol version":
        return Undelivered("protocol")
    return Undelivered("not_authorised", name)


def try_link(address: BrokerAddress, timeout_s: float = 10.0) -> None:
    """Connect once and publish one message below the base topic. Raises ``Undelivered``."""
    wake = threading.Event()
    link = Link(replace(address, client_id=f"{address.client_id}-test"), wake, last_will=False)
    try:
        number: int | None = None
        # A watch of its own: the first cause ends the test, also where paho would try again.
        for _ in range(int(timeout_s / 0.1)):
            wake.wait(0.1)
            wake.clear()
            link.tick()
            # What was answered first: a broker may refuse a message and hang up at once.
            for answered, taken in link.acknowledged():
                if answered == number and not taken:
                    raise Undelivered("not_authorised", address.base_topic)
                if answered == number:
                    return
            if link.problem is not None:
                raise link.problem
            if link.up and number is None:
                number = link.publish(Topics(address.base_topic).test, "test")
        raise Undelivered("timeout")
    finally:
        link.close()
