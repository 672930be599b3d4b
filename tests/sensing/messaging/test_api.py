from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from sensing.models import Webhook
from sensing.selectors.messaging import message_settings
from tests.sensing.rows import make_user

pytestmark = pytest.mark.django_db

JSON = {"content_type": "application/json"}


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(make_user("ada", "admin"), "django.contrib.auth.backends.ModelBackend")
    return client


def patch(client: Client, path: str, body: dict[str, Any]) -> Any:
    return client.patch(f"/api/v1/{path}", body, **JSON)


def test_settings_are_read_and_changed_and_the_password_never_comes_out(admin: Client) -> None:
    answer = patch(admin, "messages/", {"host": "broker", "password": "secret-word", "tls": True})
    assert answer.status_code == 200
    document = admin.get("/api/v1/messages/").json()
    assert (document["host"], document["tls"], document["has_password"]) == ("broker", True, True)
    assert document["target"]["link"] == "off"
    assert "secret-word" not in str(document)
    assert message_settings().password == "secret-word"
    refused = patch(admin, "messages/", {"base_topic": "a/+"})
    assert (refused.status_code, refused.json()["field"]) == (400, "base_topic")
    assert patch(admin, "messages/", {"hots": "x"}).status_code == 400
    # A password is not carried to another machine, nor tried there.
    moved = admin.post("/api/v1/messages/test/", {"host": "other"}, **JSON)
    assert (moved.status_code, moved.json()["code"]) == (400, "password_again")


def test_a_test_says_why_it_failed(admin: Client) -> None:
    body = {"host": "127.0.0.1", "port": 9}
    answer = admin.post("/api/v1/messages/test/", body, **JSON)
    assert answer.status_code == 200
    assert (answer.json()["ok"], answer.json()["cause"]) == (False, "refused")
    assert message_settings().host == ""
    assert admin.post("/api/v1/messages/test/", {}, **JSON).status_code == 400


def test_webhooks_are_made_changed_tried_and_deleted(admin: Client) -> None:
    body = {"name": "City", "url": "http://127.0.0.1:9/", "states": True}
    made = admin.post("/api/v1/webhooks/", body, **JSON)
    assert made.status_code == 201
    hook = made.json()
    assert hook["made_secret"] == Webhook.objects.get().secret
    path = f"webhooks/{hook['id']}/"
    read = admin.get(f"/api/v1/{path}").json()
    assert "made_secret" not in read
    assert hook["made_secret"] not in str(read)
    changed = patch(admin, path, {"name": "Town", "secret": ""})
    assert changed.json()["name"] == "Town"
    assert Webhook.objects.get().secret == hook["made_secret"]
    tried = admin.post(f"/api/v1/{path}test/").json()
    assert (tried["ok"], tried["cause"]) == (False, "refused")
    assert admin.get(f"/api/v1/{path}deliveries/").json() == []
    assert admin.delete(f"/api/v1/{path}").status_code == 204
    assert admin.get("/api/v1/webhooks/").json() == []
