"""Messages and their targets: looked at here by admins, changed on the page Messages and over REST.
Passwords and secrets are not shown."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from sensing.admin.results import ResultsAdmin
from sensing.models import MessageSettings, SpooledMessage, Webhook


class MessagesAdmin(ResultsAdmin):
    """A webhook's address may itself be a secret: who may not change it does not see it."""

    list_filter: ClassVar[tuple[str, ...]] = ()
    list_select_related: ClassVar[tuple[str, ...]] = ()

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("sensing.change_messagesettings")


@admin.register(MessageSettings)
class MessageSettingsAdmin(MessagesAdmin):
    list_display = ("host", "port", "enabled", "link", "delivered", "dropped")
    exclude = ("username", "password", "retained_topics", "wrong_way_seen")


@admin.register(Webhook)
class WebhookAdmin(MessagesAdmin):
    list_display = ("name", "url", "enabled", "link", "delivered", "dropped")
    exclude = ("secret",)


@admin.register(SpooledMessage)
class SpooledMessageAdmin(MessagesAdmin):
    list_display = ("created_at", "target", "kind", "key", "revision", "state", "answer")
    list_filter = ("state", "kind")
    ordering = ("-pk",)
