"""Who may open which page and call which endpoint: one table, held against every URL there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from aision.accounts.models import ApiToken
from aision.accounts.services import token_create
from sensing import models
from sensing.ingest import ingest
from sensing.selectors import current_site
from tests.sensing.rows import NOON, crossing, facts, make_camera, make_user, visit

pytestmark = pytest.mark.django_db

# Levels, weakest first. "anyone" needs no log-in, "nobody" is refused even to admins.
LEVELS = ("anyone", "member", "viewer", "operator", "admin", "nobody")
Table = dict[str, dict[str, str]]

PAGES: Table = {
    "login": {"GET": "anyone", "POST": "anyone"},
    "logout": {"POST": "anyone"},
    "healthz": {"GET": "anyone"},
    "javascript_catalog": {"GET": "anyone"},
    "live": {"GET": "viewer"},
    "camera_list": {"GET": "viewer"},
    "camera": {"GET": "viewer"},
    "camera_new": {"GET": "operator", "POST": "operator"},
    "camera_edit": {"GET": "operator", "POST": "operator"},
    "camera_pause": {"POST": "operator"},
    "camera_resume": {"POST": "operator"},
    "camera_delete": {"GET": "operator", "POST": "operator"},
    "scene_editor": {"GET": "operator"},
    "scene_export": {"GET": "viewer"},
    "scene_import": {"POST": "operator"},
    "history": {"GET": "viewer"},
    "history_zones": {"GET": "viewer"},
    "settings": {"GET": "viewer", "POST": "admin"},
    "token_list": {"GET": "admin", "POST": "admin"},
    "token_revoke": {"POST": "admin"},
    "api:docs": {"GET": "member"},
}
API: Table = {
    "api:schema": {"GET": "member"},
    "api:camera-list": {"GET": "viewer", "POST": "operator"},
    "api:camera-detail": {
        "GET": "viewer",
        "PUT": "operator",
        "PATCH": "operator",
        "DELETE": "operator",
    },
    "api:camera-pause": {"POST": "operator"},
    "api:camera-resume": {"POST": "operator"},
    "api:camera-test": {"POST": "operator"},
    "api:camera-test-new": {"POST": "operator"},
    "api:camera-live": {"GET": "viewer"},
    "api:scene": {"GET": "viewer", "PUT": "operator"},
    "api:crossings": {"GET": "viewer"},
    "api:visits": {"GET": "viewer"},
    "api:counts": {"GET": "viewer"},
    "api:live": {"GET": "viewer"},
    "api:modules": {"GET": "viewer"},
    "api:detectors": {"GET": "viewer"},
    "api:site": {"GET": "viewer", "PATCH": "admin"},
}
ADMIN_PAGES: Table = {
    "admin:index": {"GET": "operator"},
    "admin:login": {"GET": "anyone"},
    "admin:logout": {"POST": "anyone"},
    "admin:password_change": {"GET": "operator"},
    "admin:password_change_done": {"GET": "operator"},
    "admin:jsi18n": {"GET": "operator"},
    "admin:autocomplete": {"GET": "nobody"},  # no page of ours has such a field
    "admin:view_on_site": {"GET": "operator"},
    "admin:app_list": {"GET": "operator"},
    "admin:auth_user_password_change": {"GET": "admin"},
}
# model: who may (view, add, change, delete) it on the admin pages, which viewers cannot enter
ADMIN_MODELS: dict[str, tuple[str, str, str, str]] = {
    "sensing_camera": ("operator", "operator", "operator", "operator"),
    "sensing_sensingmodule": ("operator", "operator", "operator", "operator"),
    "sensing_scene": ("operator", "nobody", "operator", "nobody"),
    "sensing_site": ("operator", "nobody", "admin", "nobody"),
    "sensing_crossing": ("operator", "nobody", "nobody", "nobody"),
    "sensing_visit": ("operator", "nobody", "nobody", "nobody"),
    "sensing_countinterval": ("operator", "nobody", "nobody", "nobody"),
    "sensing_observedminute": ("operator", "nobody", "nobody", "nobody"),
    "sensing_zoneminute": ("operator", "nobody", "nobody", "nobody"),
    "accounts_apitoken": ("admin", "nobody", "nobody", "admin"),
    "auth_user": ("admin", "admin", "admin", "admin"),
    "auth_group": ("admin", "admin", "admin", "admin"),
    "axes_accessattempt": ("admin", "nobody", "admin", "admin"),
    "axes_accesslog": ("admin", "nobody", "admin", "admin"),
    "axes_accessfailurelog": ("admin", "nobody", "admin", "admin"),
}


def admin_table() -> Table:
    table = dict(ADMIN_PAGES)
    for model, (view, add, change, delete) in ADMIN_MODELS.items():
        table[f"admin:{model}_changelist"] = {"GET": view}
        table[f"admin:{model}_add"] = {"GET": add, "POST": add}
        table[f"admin:{model}_change"] = {"GET": view, "POST": change}
        table[f"admin:{model}_delete"] = {"GET": delete, "POST": delete}
        table[f"admin:{model}_history"] = {"GET": view}
    return table


TABLE: Table = PAGES | API | admin_table()


@dataclass(frozen=True)
class Actor:
    """Someone with a browser's session, or a program with a token of a person's role."""

    name: str
    role: str | None
    scope: str | None = None

    def may(self, url: str, method: str, level: str) -> bool:
        if level == "anyone":
            return True
        if self.scope is not None and url not in API:
            return False  # tokens are for programs: no page takes one
        if self.role is None or LEVELS.index(self.role) < LEVELS.index(level):
            return False
        if self.scope == "read":
            return method == "GET"
        return self.scope != "write" or level != "admin"

    def client(self) -> Client:
        if self.role is None:
            return Client()
        user = make_user(f"{self.name}-user", self.role if self.role != "member" else None)  # type: ignore[arg-type]
        if self.scope is None:
            client = Client()
            client.force_login(user, "django.contrib.auth.backends.ModelBackend")
            return client
        _token, secret = token_create(owner=user, name=self.name, scope=self.scope)
        return Client(headers={"Authorization": f"Bearer {secret}"})


ACTORS = [
    Actor("anonymous", None),
    Actor("member-without-role", "member"),
    Actor("viewer", "viewer"),
    Actor("operator", "operator"),
    Actor("admin", "admin"),
    Actor("viewers-admin-token", "viewer", "admin"),
    Actor("operators-read-token", "operator", "read"),
    Actor("operators-write-token", "operator", "write"),
    Actor("admins-read-token", "admin", "read"),
    Actor("admins-write-token", "admin", "write"),
    Actor("admins-admin-token", "admin", "admin"),
]


@pytest.fixture
def rows() -> dict[str, Any]:
    """A row of everything that a URL may name."""
    camera = make_camera("Gate")
    ingest([facts(camera, crossing(1), visits=(visit(1),), observed_s={NOON: 1.0})])
    stranger = User.objects.create_user("stranger")
    token, _secret = token_create(owner=stranger, name="Token of a stranger")
    attempt = {"username": "stranger", "ip_address": "192.0.2.7"}
    named = [
        camera,
        camera.scene,
        camera.modules.first(),
        current_site(),
        token,
        stranger,
        Group.objects.create(name="Others"),
        AccessAttempt.objects.create(**attempt, failures_since_start=1),
        AccessLog.objects.create(**attempt),
        AccessFailureLog.objects.create(**attempt),
    ]
    results = (
        models.Crossing,
        models.Visit,
        models.CountInterval,
        models.ObservedMinute,
        models.ZoneMinute,
    )
    named += [model.objects.get() for model in results]  # type: ignore[attr-defined]
    return {f"{row._meta.app_label}_{row._meta.model_name}": row for row in named}  # type: ignore[union-attr]


def address(name: str, rows: dict[str, Any]) -> str:
    """A URL of this name, with the row that it is about."""
    model = next((key for key in rows if name.startswith(f"admin:{key}_")), "sensing_camera")
    if name == "token_revoke":
        model = "accounts_apitoken"
    pk = rows[model].pk
    special: dict[str, list[Any]] = {"admin:app_list": ["sensing"], "admin:view_on_site": [1, 1]}
    for keywords, arguments in (
        ({}, special.get(name, [])),
        ({"pk": pk}, []),
        ({"id": pk}, []),
        ({}, [pk]),
    ):
        try:
            return reverse(name, args=arguments, kwargs=keywords)
        except Exception as error:  # noqa: BLE001  whichever of them fits
            last = error
    raise last


def named_urls(resolver: URLResolver, namespace: str = "") -> Iterator[str]:
    """The names of all URLs; one without a name stands for itself."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from named_urls(pattern, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}" if pattern.name else f"unnamed {pattern.pattern}"


def test_every_url_is_in_the_table() -> None:
    known_unnamed = {r"unnamed (?P<url>.*)$"}  # the admin's own 404
    unnamed_redirects = {"unnamed <path:object_id>/"}  # the admin's old change URLs
    found = set(named_urls(get_resolver())) - known_unnamed - unnamed_redirects
    assert found == set(TABLE)


def refused(answer: Any) -> bool:
    if answer.status_code in (301, 302):
        target = answer.headers["Location"]
        return bool(target.startswith((reverse(settings.LOGIN_URL), reverse("admin:login"))))
    return answer.status_code in (401, 403)


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: actor.name)
def test_everyone_may_do_what_the_table_says_and_nothing_else(
    actor: Actor, rows: dict[str, Any]
) -> None:
    client = actor.client()
    cookies = client.cookies.output(header="", sep=";")
    wrong = []
    for name, methods in TABLE.items():
        for method, level in methods.items():
            # Each call is undone, so that all of them find the same rows.
            with transaction.atomic():
                client.cookies = SimpleCookie(cookies)  # a log-out would end the session
                url = address(name, rows)
                body = {"data": '{"nonsense": 1}', "content_type": "application/json"}
                more = body if name in API and method not in ("GET", "DELETE") else {}
                answer = client.generic(method, url, **more)
                transaction.set_rollback(True)
            allowed = actor.may(name, method, level)
            if level != "anyone" and refused(answer) == allowed:
                wrong.append((name, method, answer.status_code, "expected" if allowed else "open"))
            if answer.status_code >= 500:
                wrong.append((name, method, answer.status_code, "defect"))
    assert wrong == []


def test_a_token_of_someone_who_was_deactivated_or_that_expired_opens_nothing() -> None:
    user = make_user("anna", "admin")
    _token, secret = token_create(owner=user, name="a", scope="admin")
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.get("/api/v1/cameras/").status_code == 200
    ApiToken.objects.update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert client.get("/api/v1/cameras/").status_code == 401
    ApiToken.objects.update(expires_at=None)
    User.objects.update(is_active=False)
    assert client.get("/api/v1/cameras/").status_code == 401


def test_a_session_needs_its_csrf_token_and_a_token_does_not() -> None:
    user = make_user("olga", "operator")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user, "django.contrib.auth.backends.ModelBackend")
    body = {"name": "a", "kind": "usb", "url": "0"}
    answer = strict.post("/api/v1/cameras/", body, content_type="application/json")
    assert answer.status_code == 403
    _token, secret = token_create(owner=user, name="a", scope="write")
    program = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {secret}"})
    answer = program.post("/api/v1/cameras/", body, content_type="application/json")
    assert answer.status_code == 201
