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
from models_registry.models import (
    AuditEntry,
    Benchmark,
    CompressionRun,
    EvaluationSet,
    JobKind,
    ModelVersion,
)
from models_registry.services.catalog import alias_set
from models_registry.services.jobs import job_create
from models_registry.services.uploads import upload_begin
from sensing import models
from sensing.ingest import ingest
from sensing.selectors import current_site
from sensing.selectors.detectors import GATEWAY
from sensing.selectors.messaging import message_settings
from sensing.services.deployments import deploy
from sensing.services.messaging import webhook_create
from sensing.services.shadows import shadow_start
from sensing.services.spool import spool, trial_message
from tests.aision.access_table import ABOUT, API, LEVELS, TABLE
from tests.registry_rows import make_version
from tests.sensing.recount.rows import certified, ready_recount
from tests.sensing.rows import NOON, crossing, facts, make_camera, make_user, visit

pytestmark = pytest.mark.django_db


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
    deployment = deploy(by=None, target=GATEWAY, reference=make_version().reference)
    shadow = shadow_start(by=None, camera=camera, version=make_version())
    stranger = User.objects.create_user("stranger")
    token, _secret = token_create(owner=stranger, name="Token of a stranger")
    attempt = {"username": "stranger", "ip_address": "192.0.2.7"}
    named = [
        camera,
        camera.scene,
        camera.modules.first(),
        models.Calibration.objects.create(camera=camera, document={"method": "points"}),
        current_site(),
        deployment,
        shadow,
        models.ModuleDetector.objects.create(kind="vehicle_traffic"),
        models.ScheduledExport.objects.create(
            name="Nightly", what="counts", file_format="csv", done_until=datetime.now(UTC)
        ),
        token,
        stranger,
        Group.objects.create(name="Others"),
        *message_rows(),
        AccessAttempt.objects.create(**attempt, failures_since_start=1),
        AccessLog.objects.create(**attempt),
        AccessFailureLog.objects.create(**attempt),
    ]
    certificate = certified(ready_recount(camera))
    named += [certificate, certificate.recount]
    named += registry_rows(shadow.version)
    results = (
        models.Crossing,
        models.Visit,
        models.CountInterval,
        models.ObservedMinute,
        models.ZoneMinute,
    )
    named += [model.objects.get() for model in results]  # type: ignore[attr-defined]
    return {f"{row._meta.app_label}_{row._meta.model_name}": row for row in named}  # type: ignore[union-attr]


def message_rows() -> list[Any]:
    """A row of each table of messages that has pages; nothing listens at the webhook's address."""
    hook = webhook_create(by=None, name="Hook", url="http://127.0.0.1:9/")
    spool([trial_message(hook, datetime(2026, 1, 1, tzinfo=UTC))])
    return [message_settings(), hook, models.SpooledMessage.objects.get()]


def registry_rows(version: ModelVersion) -> list[Any]:
    """A row of each table of the model registry."""
    job = job_create(by=None, kind=JobKind.BENCHMARK, title="A job", parameters={})
    return [
        version,
        version.model,
        alias_set(version=version, by=None, name="candidate"),
        upload_begin(by=None, file_name="a.onnx", size_bytes=10),
        job,
        Benchmark.objects.create(version=version, kind="latency", job=job),
        CompressionRun.objects.create(parent=version, recipe={"steps": []}),
        EvaluationSet.objects.create(name="Stills", origin="uploaded"),
        AuditEntry.objects.earliest("pk"),
    ]


def address(name: str, rows: dict[str, Any]) -> str:
    """A URL of this name, with the row that it is about."""
    model = next((key for key in rows if name.startswith(f"admin:{key}_")), "sensing_camera")
    model = next((row for start, row in ABOUT.items() if name.startswith(start)), model)
    pk = rows[model].pk
    special: dict[str, list[Any]] = {"admin:app_list": ["sensing"], "admin:view_on_site": [1, 1]}
    special["recount_tile"] = [pk, "0-000000000.jpg"]
    for keywords, arguments in (
        ({}, special.get(name, [])),
        ({"pk": pk}, []),
        ({"id": pk}, []),
        ({"id": pk, "key": "0"}, []),
        ({"name": getattr(rows[model], "name", "")}, []),
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
                if answer.streaming and not answer.is_async:
                    list(answer.streaming_content)  # read to the end, which closes files
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
