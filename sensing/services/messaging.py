"""Changing where messages go, and the spool in which they wait."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.errors import Refused
from models_registry.services.actor import Actor
from sensing.messaging import signing
from sensing.messaging.addresses import check_host, http_address
from sensing.messaging.errors import Undelivered
from sensing.messaging.link import BrokerAddress
from sensing.messaging.topics import is_topic
from sensing.messaging.words import target_words
from sensing.models import MessageSettings, SpooledMessage, Webhook
from sensing.selectors.messaging import message_settings

logger = logging.getLogger(__name__)

SETTINGS_FIELDS = frozenset(
    {
        "enabled",
        "host",
        "port",
        "protocol",
        "tls",
        "verify",
        "ca_certificates",
        "username",
        "password",
        "base_topic",
        "discovery",
        "discovery_prefix",
        "gateway_name",
        "interval_minutes",
        "keep_days",
        "keep_rows",
    }
)
WEBHOOK_FIELDS = frozenset(
    {"name", "url", "secret", "enabled", "intervals", "states", "wrong_way", "give_up_days"}
)
MOST_WEBHOOKS = 20
MOST_CA_CHARACTERS = 64 * 1024


def message_settings_change(
    *, by: Actor, clear_password: bool = False, **changes: Any
) -> MessageSettings:
    """Change the fields given. A password of '' leaves the stored one. Raises ``Refused``, also
    when a stored password would be sent to another machine, or without encryption, from now on."""
    with transaction.atomic():
        message_settings()
        stored = MessageSettings.objects.select_for_update().get(pk=1)
        settings = changed_settings(stored, clear_password=clear_password, **changes)
        settings.updated_at = timezone.now()
        settings.save(update_fields=[*SETTINGS_FIELDS, "updated_at"])
    logger.info("message settings changed by %s", by or "the gateway")
    return settings


def changed_settings(
    stored: MessageSettings, *, clear_password: bool = False, **changes: Any
) -> MessageSettings:
    """What the settings would be, not saved; for a test before saving, too. Raises ``Refused``."""
    unknown = changes.keys() - SETTINGS_FIELDS
    if unknown:
        raise TypeError(f"message settings have no {', '.join(sorted(unknown))}")
    if not changes.get("password"):
        changes.pop("password", None)
    before = _receiver(stored)
    had_password = bool(stored.password) and not clear_password and "password" not in changes
    if clear_password:
        stored.password = ""
    for name, value in changes.items():
        setattr(stored, name, value.strip() if name in STRIPPED else value)
    _check_settings(stored)
    if had_password and _receiver(stored) != before:
        words = _("The broker or its encryption changed: type the password again.")
        raise Refused("password_again", words, "password")
    return stored


STRIPPED = frozenset({"host", "base_topic", "discovery_prefix", "gateway_name"})


def broker_address(settings: MessageSettings) -> BrokerAddress:
    return BrokerAddress(
        host=settings.host,
        port=settings.port,
        protocol=settings.protocol,
        tls=settings.tls,
        verify=settings.verify,
        ca_certificates=settings.ca_certificates,
        username=settings.username,
        password=settings.password,
        base_topic=settings.base_topic,
        client_id=settings.gateway_name,
    )


def webhook_create(*, by: Actor, name: str, url: str, secret: str = "", **more: Any) -> Webhook:
    """A new webhook; without a secret it gets one of its own. Raises ``Refused``."""
    if Webhook.objects.count() >= MOST_WEBHOOKS:
        raise Refused(
            "too_many", _("Expected at most %(most)d webhooks.") % {"most": MOST_WEBHOOKS}
        )
    hook = Webhook(name=name, url=url, secret=secret or signing.new_secret(), **more)
    _save_webhook(hook)
    logger.info("webhook %d made by %s", hook.pk, by or "the gateway")
    return hook


def webhook_change(*, hook: Webhook, by: Actor, **changes: Any) -> Webhook:
    """Change the fields given; a secret of '' leaves the stored one. Raises ``Refused``."""
    unknown = changes.keys() - WEBHOOK_FIELDS
    if unknown:
        raise TypeError(f"a webhook has no {', '.join(sorted(unknown))}")
    if not changes.get("secret"):
        changes.pop("secret", None)
    for name, value in changes.items():
        setattr(hook, name, value)
    _save_webhook(hook, [*changes, "updated_at"])
    logger.info("webhook %d changed by %s", hook.pk, by or "the gateway")
    return hook


def webhook_delete(*, hook: Webhook, by: Actor) -> None:
    """Delete a webhook and what still waits for it."""
    SpooledMessage.objects.filter(target=hook.target).delete()
    logger.info("webhook %d deleted by %s", hook.pk, by or "the gateway")
    hook.delete()


def _receiver(settings: MessageSettings) -> Sequence[Any]:
    """Whom the password would be sent to, and how."""
    encrypted = (settings.tls, settings.tls and settings.verify)
    return settings.host.lower(), settings.port, encrypted


def _check_settings(settings: MessageSettings) -> None:
    if settings.host or settings.enabled:
        try:
            check_host(settings.host)
        except Undelivered as error:
            raise Refused(error.code, " ".join(target_words(error.code)), "host") from error
    for name in ("base_topic", "discovery_prefix"):
        if not is_topic(getattr(settings, name)):
            words = _("Expected a topic without spaces, +, # or empty levels, got “%(topic)s”.")
            raise Refused("topic", words % {"topic": getattr(settings, name)}, name)
    if not all(c.isascii() and (c.isalnum() or c in "-_") for c in settings.gateway_name):
        words = _("Expected letters, digits, - and _ only, got “%(name)s”.")
        raise Refused("invalid", words % {"name": settings.gateway_name}, "gateway_name")
    if len(settings.ca_certificates) > MOST_CA_CHARACTERS:
        raise Refused("too_big", _("Expected certificates of at most 64 KiB."), "ca_certificates")
    try:
        broker_address(settings).context()
    except Undelivered as error:
        words = _("Expected one or more certificates in PEM form (“-----BEGIN CERTIFICATE-----”).")
        raise Refused("certificate", words, "ca_certificates") from error
    _full_clean(settings)


def _save_webhook(hook: Webhook, fields: list[str] | None = None) -> None:
    hook.name, hook.url = hook.name.strip(), hook.url.strip()
    try:
        http_address(hook.url)
    except Undelivered as error:
        raise Refused(error.code, " ".join(target_words(error.code)), "url") from error
    try:
        signing.key_of(hook.secret)
    except ValueError as error:
        words = _("Expected whsec_ and base64 of at least 16 bytes, or at least 16 characters.")
        raise Refused("secret", words, "secret") from error
    _full_clean(hook)
    if Webhook.objects.filter(name=hook.name).exclude(pk=hook.pk).exists():
        raise Refused("name_taken", _("Another webhook has this name."), "name")
    hook.updated_at = timezone.now()
    try:
        with transaction.atomic():
            hook.save(update_fields=fields)
    except IntegrityError as error:  # someone else was faster
        raise Refused("name_taken", _("Another webhook has this name."), "name") from error


def _full_clean(row: MessageSettings | Webhook) -> None:
    try:
        row.full_clean(validate_unique=False)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused("invalid", " ".join(messages), field) from error
