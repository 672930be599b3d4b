from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone

from models_registry.errors import Refused
from sensing.messaging.addresses import addresses_of, http_address
from sensing.messaging.errors import Undelivered
from sensing.messaging.post import post
from sensing.messaging.signing import key_of, new_secret, verify
from sensing.messaging.webhook_sender import WebhookSender, pause_s
from sensing.models import MessageState, SpooledMessage, Webhook
from sensing.services.messaging import webhook_change, webhook_create, webhook_delete
from sensing.services.spool import forget_delivered, spool, spool_bound

Received = tuple[dict[str, str], bytes]


class Receiver(HTTPServer):
    """Answers with the statuses that were set, the last one for ever."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[Received] = []
        self.statuses = [204]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/in?a=1"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
        statuses = self.server.statuses
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://169.254.169.254/")
        self.end_headers()
        self.wfile.write(b"a body that nobody reads")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def put(hook: Webhook, *keys: str) -> None:
    now = timezone.now()
    spool(
        SpooledMessage(
            target=hook.target,
            kind="interval",
            key=key,
            payload=json.dumps({"id": key}),
            about=now,
            created_at=now,
        )
        for key in keys
    )


def states() -> list[str]:
    return list(SpooledMessage.objects.order_by("pk").values_list("state", flat=True))


@pytest.mark.django_db
def test_messages_arrive_in_order_and_signed(receiver: Receiver) -> None:
    hook = webhook_create(by=None, name="City", url=receiver.url)
    put(hook, "a", "b")
    WebhookSender().step()
    assert [json.loads(body)["id"] for _, body in receiver.received] == ["a", "b"]
    headers, body = receiver.received[0]
    assert headers["webhook-id"] == "a/r0"
    # As a receiver checks it, with nothing of ours.
    key = base64.b64decode(hook.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert states() == ["delivered", "delivered"]
    row = SpooledMessage.objects.earliest("pk")
    assert (row.attempts, row.answer) == (1, "204 No Content")
    hook.refresh_from_db()
    assert (hook.delivered, hook.link) == (2, "up")


@pytest.mark.django_db
def test_a_receiver_in_trouble_is_left_alone_for_a_while_and_gets_everything_later(
    receiver: Receiver,
) -> None:
    receiver.statuses = [503]
    hook = webhook_create(by=None, name="City", url=receiver.url)
    put(hook, "a", "b")
    sender = WebhookSender()
    sender.step()
    sender.step()
    assert len(receiver.received) == 1
    hook.refresh_from_db()
    assert (hook.link, hook.cause, hook.detail) == (
        "down",
        "receiver_error",
        "503 Service Unavailable",
    )
    receiver.statuses = [200]
    webhook_change(hook=hook, by=None, give_up_days=4)  # a person looked at it: tried at once
    sender.step()
    assert states() == ["delivered", "delivered"]
    assert [headers["webhook-id"] for headers, _ in receiver.received] == ["a/r0", "a/r0", "b/r0"]


@pytest.mark.django_db
def test_one_message_that_is_refused_does_not_hold_up_the_others(receiver: Receiver) -> None:
    receiver.statuses = [422, 200]
    hook = webhook_create(by=None, name="City", url=receiver.url)
    put(hook, "a", "b")
    sender = WebhookSender()
    sender.step()
    assert states() == ["waiting", "delivered"]
    refused = SpooledMessage.objects.earliest("pk")
    assert refused.answer == "422 Unprocessable Entity"
    assert refused.due_at is not None
    sender.step()
    assert len(receiver.received) == 2
    SpooledMessage.objects.update(due_at=timezone.now())
    sender.step()
    assert states() == ["delivered", "delivered"]


@pytest.mark.django_db
def test_a_redirection_is_not_followed(receiver: Receiver) -> None:
    receiver.statuses = [302]
    hook = webhook_create(by=None, name="City", url=receiver.url)
    put(hook, "a")
    WebhookSender().step()
    hook.refresh_from_db()
    assert hook.cause == "redirected"
    assert len(receiver.received) == 1


@pytest.mark.django_db
def test_what_is_not_delivered_for_days_is_given_up_and_stays_in_the_list() -> None:
    hook = webhook_create(by=None, name="City", url="http://127.0.0.1:9/")
    put(hook, "a")
    now = timezone.now() + timedelta(days=3, minutes=1)
    assert spool_bound(hook, days=hook.give_up_days, rows=1000, now=now) == 1
    assert states() == [MessageState.GIVEN_UP]
    hook.refresh_from_db()
    assert hook.dropped == 1
    forget_delivered(hook, 50, now - timedelta(days=30))
    assert states() == [MessageState.GIVEN_UP]
    forget_delivered(hook, 50, now + timedelta(days=1))
    assert states() == []


@pytest.mark.django_db
def test_only_the_last_deliveries_are_kept() -> None:
    hook = webhook_create(by=None, name="City", url="http://127.0.0.1:9/")
    put(hook, *(str(number) for number in range(60)))
    SpooledMessage.objects.update(state=MessageState.DELIVERED)
    forget_delivered(hook, 50, timezone.now())
    keys = SpooledMessage.objects.order_by("pk").values_list("key", flat=True)
    assert list(keys) == [str(number) for number in range(10, 60)]
    webhook_delete(hook=hook, by=None)
    assert not SpooledMessage.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("url", {"url": "http://169.254.169.254/latest"}),
        ("url", {"url": "http://2852039166/"}),
        ("url", {"url": "http://[fd00:ec2::254]/"}),
        ("url", {"url": "http://metadata.google.internal/"}),
        ("url", {"url": "ftp://city.example/"}),
        ("url", {"url": "https://user:password@city.example/"}),
        ("url", {"url": "https://city.example/\r\nX: y"}),
        ("secret", {"secret": "short"}),
        ("secret", {"secret": "whsec_!!!"}),
        ("name", {"name": "City"}),
    ],
)
def test_bad_webhooks_are_refused(field: str, given: dict[str, str]) -> None:
    webhook_create(by=None, name="City", url="http://192.168.0.7:8080/hook")
    with pytest.raises(Refused) as refused:
        webhook_create(by=None, **({"name": "Other", "url": "https://city.example/"} | given))
    assert refused.value.field == field


def test_a_name_that_leads_to_a_metadata_service_is_refused_when_it_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
    with pytest.raises(Undelivered, match="refused_address"):
        addresses_of("innocent.example", 80)
    with pytest.raises(Undelivered, match="refused_address"):
        post("http://innocent.example/", b"{}", {})


def test_what_goes_wrong_has_a_name() -> None:
    with pytest.raises(Undelivered, match="refused"):
        post("http://127.0.0.1:9/", b"{}", {})
    with answering(b"220 a mail server\r\n") as port, pytest.raises(Undelivered, match="not_http"):
        post(f"http://127.0.0.1:{port}/", b"{}", {})
    with answering(b"no TLS here\r\n") as port, pytest.raises(Undelivered, match="tls"):
        post(f"https://127.0.0.1:{port}/", b"{}", {})


@contextmanager
def answering(words: bytes) -> Iterator[int]:
    """A server that says the same to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connected, _ = server.accept()
            with connected:
                connected.recv(4096)
                connected.sendall(words)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


def test_addresses_and_secrets_are_read_as_documented() -> None:
    address = http_address("https://city.example/a?b=c#d")
    assert (address.port, address.target, address.host_header) == (443, "/a?b=c", "city.example")
    assert http_address("http://[::1]:81").host_header == "[::1]:81"
    secret = new_secret()
    assert len(key_of(secret)) == 32
    assert not verify(secret, "a", 1, b"{}", "v1,AAAA v2,BBBB")
    assert 4.0 <= pause_s(0, 5.0, 900.0) <= 6.0
    assert 720.0 <= pause_s(99, 5.0, 900.0) <= 1080.0
