from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from aision.accounts.models import ApiToken
from aision.accounts.roles import ROLES, user_role, user_set_role
from aision.accounts.services import token_create, token_use
from tests.sensing.rows import make_user

pytestmark = pytest.mark.django_db

CAMERAS = "/api/v1/cameras/"


def bearer(secret: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {secret}"})


def permissions(role: str) -> set[str]:
    names = Group.objects.get(name=role).permissions.values_list(
        "content_type__app_label", "codename"
    )
    return {f"{app}.{codename}" for app, codename in names}


def test_roles_are_made_by_migrating_and_grow_from_viewer_to_admin() -> None:
    assert permissions("viewer") < permissions("operator") < permissions("admin")
    assert {name.split(".")[1].split("_")[0] for name in permissions("viewer")} == {"view"}
    assert "sensing.change_scene" in permissions("operator")
    assert "sensing.change_site" not in permissions("operator")
    assert "accounts.view_apitoken" not in permissions("operator")
    assert {"auth.add_user", "accounts.delete_apitoken", "sensing.change_site"} <= permissions(
        "admin"
    )


def test_migrating_again_keeps_what_a_person_added_to_a_role() -> None:
    extra = Permission.objects.get(codename="change_site")
    Group.objects.get(name="operator").permissions.add(extra)
    call_command("migrate", verbosity=0)
    assert "sensing.change_site" in permissions("operator")


def test_a_user_has_one_role_and_only_operators_and_admins_enter_the_admin_pages() -> None:
    user = make_user("olga", None)
    assert user_role(user) is None
    for role in ROLES:
        user_set_role(user, role)
        user.refresh_from_db()
        assert [group.name for group in user.groups.all()] == [role]
        assert (user_role(user), user.is_staff) == (role, role != "viewer")
    assert user_role(User(is_superuser=True)) == "admin"


def test_only_the_digest_of_a_token_is_stored() -> None:
    token, secret = token_create(owner=make_user("anna", "admin"), name=" Dashboard ")
    assert secret.startswith("aision_")
    assert len(secret) > 40
    assert token.name == "Dashboard"
    assert token.scope == "read"
    row = ApiToken.objects.values().get()
    assert row["sha256"] == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(row)


@pytest.mark.parametrize(("name", "scope"), [("", "read"), ("x" * 81, "read"), ("a", "root")])
def test_a_token_that_cannot_be_is_refused(name: str, scope: str) -> None:
    with pytest.raises(ValidationError):
        token_create(owner=make_user("anna", "admin"), name=name, scope=scope)


def test_the_use_of_a_token_is_noted_at_most_once_a_minute() -> None:
    _token, secret = token_create(owner=make_user("anna", "admin"), name="a")
    assert token_use(secret) is not None
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    token_use(secret)
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    token_use(secret)
    assert ApiToken.objects.get().last_used_at >= first


def test_a_token_expires() -> None:
    until = timezone.now() + timedelta(days=1)
    token, secret = token_create(owner=make_user("anna", "admin"), name="a", expires_at=until)
    assert token_use(secret) is not None
    assert token.expired(until)
    ApiToken.objects.update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert token_use(secret) is None


def test_a_token_acts_as_its_owner() -> None:
    owner = make_user("vera", "viewer")
    _token, secret = token_create(owner=owner, name="a", scope="admin")
    assert bearer(secret).get(CAMERAS).status_code == 200
    assert bearer(secret).post(CAMERAS, {}, content_type="application/json").status_code == 403
    user_set_role(owner, "operator")
    assert bearer(secret).post(CAMERAS, {}, content_type="application/json").status_code == 400


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer aision_unknown",
        "Bearer two words",
        "Bearer \u00fc\u00fc",
        "bearer " + "x" * 5000,
        "Basic YTpi",
        "Token abc",
    ],
)
def test_a_header_that_is_no_valid_token_is_unauthorized(header: str) -> None:
    answer = Client(headers={"Authorization": header}).get(CAMERAS)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json()["message"]


def test_an_unknown_token_is_refused_even_with_a_session() -> None:
    client = bearer("aision_unknown")
    client.force_login(
        make_user("anna", "admin"), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert client.get(CAMERAS).status_code == 401
