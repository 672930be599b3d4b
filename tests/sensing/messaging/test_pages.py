from __future__ import annotations

import pytest
from django.test import Client

from sensing.models import Webhook
from sensing.selectors.messaging import message_settings
from tests.sensing.rows import make_user

pytestmark = pytest.mark.django_db

FORM = {
    "enabled": "on",
    "host": "broker.example",
    "port": "8883",
    "protocol": "5",
    "tls": "on",
    "verify": "on",
    "username": "gateway",
    "password": "a-broker-password",
    "base_topic": "city/aision",
    "gateway_name": "north",
    "discovery_prefix": "homeassistant",
    "interval_minutes": "5",
    "keep_days": "7",
    "keep_rows": "100000",
}


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(make_user("ada", "admin"), "django.contrib.auth.backends.ModelBackend")
    return client


def test_what_is_typed_is_stored_and_the_password_is_never_shown(admin: Client) -> None:
    answer = admin.post("/settings/messages/", FORM, follow=True)
    assert answer.status_code == 200
    settings = message_settings()
    assert (settings.host, settings.port, settings.interval_minutes) == ("broker.example", 8883, 5)
    assert settings.password == "a-broker-password"
    assert "a-broker-password" not in answer.content.decode()
    # Empty, the stored one stays; another machine never gets it.
    admin.post("/settings/messages/", FORM | {"password": ""})
    assert message_settings().password == "a-broker-password"
    answer = admin.post("/settings/messages/", FORM | {"password": "", "host": "other.example"})
    assert answer.status_code == 422
    assert "type the password again" in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("host", "169.254.169.254", "never connected to"),
        ("base_topic", "a/#", "Expected a topic"),
        ("gateway_name", "a b", "Expected letters"),
        ("port", "70000", "65535"),
    ],
)
def test_bad_input_is_answered_at_its_field(
    admin: Client, field: str, value: str, words: str
) -> None:
    answer = admin.post("/settings/messages/", FORM | {field: value})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert message_settings().host == ""


def test_a_webhook_without_a_secret_gets_one_that_is_shown_once(admin: Client) -> None:
    hook = {"name": "City", "url": "https://city.example/in", "intervals": "on", "give_up_days": 3}
    page = admin.post("/settings/messages/webhooks/new/", hook, follow=True)
    secret = Webhook.objects.get().secret
    assert secret.startswith("whsec_")
    assert secret in page.content.decode()
    again = admin.get(f"/settings/messages/webhooks/{Webhook.objects.get().pk}/")
    assert secret not in again.content.decode()
    assert "City" in admin.get("/settings/messages/").content.decode()


def test_a_webhook_to_a_metadata_service_is_refused(admin: Client) -> None:
    hook = {"name": "City", "url": "http://169.254.169.254/latest", "give_up_days": 3}
    answer = admin.post("/settings/messages/webhooks/new/", hook)
    assert answer.status_code == 422
    assert not Webhook.objects.exists()
