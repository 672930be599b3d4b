from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sensing.messaging.errors import ADVICE, Undelivered
from sensing.messaging.link import BrokerAddress, try_link
from sensing.messaging.topics import is_topic
from tests.mosquitto import Mosquitto, mosquitto
from tests.services import mqtt_url


def cause(address: BrokerAddress) -> str:
    """Why a broker is not reached; '' when it is."""
    try:
        try_link(address, 8.0)
    except Undelivered as problem:
        return problem.code if problem.code in ADVICE else f"no words for {problem.code}"
    return ""


def at(broker: Mosquitto, **more: object) -> BrokerAddress:
    return BrokerAddress("127.0.0.1", broker.port, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker with one user, who may publish below ``aision`` only."""
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("no mosquitto_passwd: it comes with mosquitto")
    folder = tmp_path_factory.mktemp("guarded")
    folder.chmod(0o755)
    passwords, rights = folder / "passwords", folder / "rights"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", passwords, "gateway", "right"], check=True, timeout=20
    )
    rights.write_text("user gateway\ntopic readwrite aision/#\n")
    for file in (passwords, rights):
        file.chmod(0o644)
    more = f"allow_anonymous false\npassword_file {passwords}\nacl_file {rights}\n"
    with mosquitto(folder / "broker", more) as broker:
        yield broker


def test_the_services_broker_takes_a_test_message() -> None:
    host, _, port = mqtt_url().removeprefix("mqtt://").rpartition(":")
    for protocol in ("5", "3.1.1"):
        address = BrokerAddress(host, int(port), protocol, client_id=f"aision-{protocol}")
        assert cause(address) == ""


def test_a_user_and_their_rights_are_told_apart(guarded: Mosquitto) -> None:
    assert cause(at(guarded, username="gateway", password="right")) == ""
    wrong = cause(at(guarded, username="gateway", password="wrong"))
    assert wrong in ("credentials", "not_authorised")  # brokers differ in what they say
    elsewhere = at(guarded, username="gateway", password="right", base_topic="other")
    assert cause(elsewhere) == "not_authorised"


def test_encryption_is_checked_unless_that_is_switched_off(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    authority = certificate(tmp_path, "authority")
    certificate(tmp_path, "broker", "localhost", signed_by="authority")
    more = f"certfile {tmp_path}/broker.pem\nkeyfile {tmp_path}/broker.key\nallow_anonymous true\n"
    with mosquitto(tmp_path / "broker", more) as broker:
        named = BrokerAddress("localhost", broker.port, tls=True)
        assert cause(named) == "certificate_untrusted"
        trusted = BrokerAddress("localhost", broker.port, tls=True, ca_certificates=authority)
        assert cause(trusted) == ""
        numbered = BrokerAddress("127.0.0.1", broker.port, tls=True, ca_certificates=authority)
        assert cause(numbered) == "certificate_name"
        assert cause(BrokerAddress("localhost", broker.port, tls=True, verify=False)) == ""
        assert cause(at(broker)) == "not_a_broker"  # plain words to a port that speaks TLS


def test_what_is_no_broker_is_said() -> None:
    assert cause(BrokerAddress("127.0.0.1", 9)) == "refused"
    assert cause(BrokerAddress("broker.invalid")) == "unknown_host"
    assert cause(BrokerAddress("169.254.169.254")) == "refused_address"
    with talking() as port:
        assert cause(BrokerAddress("127.0.0.1", port)) == "not_a_broker"
        assert cause(BrokerAddress("127.0.0.1", port, tls=True)) == "tls"


@pytest.mark.parametrize(
    ("topic", "good"),
    [("aision", True), ("city/north", True), ("", False), ("a//b", False), ("/a", False)]
    + [(f"a{sign}", False) for sign in "+# \n"]
    + [("$SYS", False)],
)
def test_topics(topic: str, good: bool) -> None:
    assert is_topic(topic) == good


def certificate(folder: Path, name: str, host: str = "", signed_by: str = "") -> str:
    """A key and a certificate for a day; returns the certificate."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", f"/CN={host or name}", "-keyout", f"{folder}/{name}.key"]
    command += ["-out", f"{folder}/{name}.pem"]
    if host:
        command += ["-addext", f"subjectAltName=DNS:{host}"]
        command += ["-addext", "basicConstraints=critical,CA:FALSE"]
    if signed_by:
        command += ["-CA", f"{folder}/{signed_by}.pem", "-CAkey", f"{folder}/{signed_by}.key"]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    (folder / f"{name}.key").chmod(0o644)
    return (folder / f"{name}.pem").read_text()


@contextmanager
def talking() -> Iterator[int]:
    """A server that says something that is neither MQTT nor TLS, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            try:
                while True:
                    connected, _ = server.accept()
                    with connected:
                        connected.recv(1024)
                        connected.sendall(b"220 a mail server\r\n")
            except OSError:
                pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
