"""Three roles as Django groups: viewers look, operators configure cameras and choose what they
run, admins do everything else too: people, settings, what is uploaded and deleted."""

from __future__ import annotations

from typing import Any, Literal, get_args

from django.apps import AppConfig
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

VIEWED_APPS = ("sensing", "models_registry")
OPERATED_MODELS = (
    "camera",
    "scene",
    "sensingmodule",
    "calibration",
    "recount",
    "scheduledexport",
)
# Operators put versions into service, measure and compress them; they delete nothing.
STARTED_MODELS = (
    "deployment",
    "shadowrun",
    "alias",
    "job",
    "benchmark",
    "compressionrun",
    "evaluationset",
    "accuracycertificate",
)
ADMINISTERED_APPS = ("sensing", "models_registry", "accounts", "auth", "axes", "admin", "fleet")


def role_permissions(role: Role) -> Q:
    """The permissions of a role, as a filter on ``Permission``."""
    looks = Q(content_type__app_label__in=VIEWED_APPS, codename__startswith="view_")
    audit = Q(content_type__app_label="models_registry", content_type__model="auditentry")
    if role == "viewer":
        return looks & ~audit
    if role == "operator":
        configures = Q(content_type__app_label="sensing", content_type__model__in=OPERATED_MODELS)
        starts = Q(
            content_type__app_label__in=VIEWED_APPS, content_type__model__in=STARTED_MODELS
        ) & ~Q(codename__startswith="delete_")
        return looks | configures | starts
    # What was done stays written down: nobody changes it, nobody takes it away.
    return Q(content_type__app_label__in=ADMINISTERED_APPS) & (~audit | looks)


def roles_ensure(sender: AppConfig, using: str = "default", **_: Any) -> None:
    """Give the roles the permissions of a freshly migrated app; what a person added stays."""
    if sender.label not in ADMINISTERED_APPS:
        return
    create_permissions(sender, verbosity=0, using=using)
    mine = Permission.objects.using(using).filter(content_type__app_label=sender.label)
    for role in ROLES:
        group, _created = Group.objects.using(using).get_or_create(name=role)
        group.permissions.add(*mine.filter(role_permissions(role)))


def user_set_role(user: User, role: Role) -> None:
    """Give a user one role, taking others away. Operators and admins may open the admin pages."""
    user.groups.remove(*Group.objects.filter(name__in=ROLES))
    user.groups.add(Group.objects.get(name=role))
    user.is_staff = role != "viewer"
    user.save(update_fields=["is_staff"])


def user_role(user: User) -> Role | None:
    """The strongest role of a user; a superuser is an admin."""
    if user.is_superuser:
        return "admin"
    names = set(user.groups.values_list("name", flat=True))
    return next((role for role in reversed(ROLES) if role in names), None)
