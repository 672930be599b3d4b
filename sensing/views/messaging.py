"""Messages: the MQTT broker and the webhooks. For admins: an address may itself be a secret."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from models_registry.errors import Refused
from sensing.messaging.forms import MessagesForm, WebhookForm
from sensing.messaging.words import target_words
from sensing.models import MessageSettings, Webhook
from sensing.selectors.messaging import deliveries, message_settings, spool_length
from sensing.services.messaging import (
    message_settings_change,
    webhook_change,
    webhook_create,
    webhook_delete,
)
from sensing.services.spool import dropped_seen, target_name

ADMINS = "sensing.change_messagesettings"
SECRET_SHOWN = "webhook_secret"


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADMINS, raise_exception=True)
def messages_page(request: HttpRequest) -> HttpResponse:
    settings = message_settings()
    form = MessagesForm(request.POST or None, request.FILES or None, settings=settings)
    if request.method == "POST" and form.is_valid():
        try:
            message_settings_change(by=_user(request), **form.changes())
        except Refused as refused:
            names = {"ca_certificates": "authority"}
            field = names.get(refused.field or "", refused.field)
            form.add_refusal(Refused(refused.code, refused.message, field))
        else:
            messages.success(request, _("The settings are saved."))
            return redirect("messages")
    stored = message_settings()
    context = {
        "form": form,
        "settings": stored,
        "broker": target_document(stored),
        "hooks": [target_document(hook) | {"hook": hook} for hook in Webhook.objects.all()],
    }
    return render(request, "messages.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADMINS, raise_exception=True)
def webhook_new(request: HttpRequest) -> HttpResponse:
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.changes()
        try:
            hook = webhook_create(by=_user(request), **given)
        except Refused as refused:
            form.add_refusal(refused)
        else:
            if not given["secret"]:
                # Made here: shown on the next page, once.
                request.session[SECRET_SHOWN] = {"pk": hook.pk, "secret": hook.secret}
            return redirect("webhook", pk=hook.pk)
    return render(
        request, "messages_webhook.html", {"form": form}, status=422 if form.errors else 200
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADMINS, raise_exception=True)
def webhook_page(request: HttpRequest, pk: int) -> HttpResponse:
    hook = get_object_or_404(Webhook, pk=pk)
    form = WebhookForm(request.POST or None, hook=hook)
    if request.method == "POST" and form.is_valid():
        try:
            webhook_change(hook=hook, by=_user(request), **form.changes())
        except Refused as refused:
            form.add_refusal(refused)
        else:
            messages.success(request, _("%(name)s is saved.") % {"name": hook.name})
            return redirect("webhook", pk=hook.pk)
    stored = get_object_or_404(Webhook, pk=pk)
    made = request.session.pop(SECRET_SHOWN, None) or {}
    context = {
        "form": form,
        "hook": stored,
        "target": target_document(stored),
        "deliveries": deliveries(stored),
        "secret": made.get("secret") if made.get("pk") == pk else None,
    }
    return render(request, "messages_webhook.html", context, status=422 if form.errors else 200)


@require_POST
@permission_required(ADMINS, raise_exception=True)
def webhook_delete_page(request: HttpRequest, pk: int) -> HttpResponse:
    hook = get_object_or_404(Webhook, pk=pk)
    name = hook.name
    webhook_delete(hook=hook, by=_user(request))
    messages.success(request, _("%(name)s is deleted.") % {"name": name})
    return redirect("messages")


@require_POST
@permission_required(ADMINS, raise_exception=True)
def messages_dropped_seen(request: HttpRequest) -> HttpResponse:
    dropped_seen(message_settings())
    for hook in Webhook.objects.exclude(dropped=0):
        dropped_seen(hook)
    return redirect("messages")


def target_document(target: MessageSettings | Webhook) -> dict[str, Any]:
    """How a target is, for a page."""
    length = spool_length(target_name(target))
    message, advice = target_words(target.cause)
    states = {"up": "live", "down": "failed", "connecting": "connecting", "off": "paused"}
    link = target.get_link_display()
    if isinstance(target, Webhook) and target.enabled and target.link == "off":
        link = _("Nothing sent yet")
    return {
        "state": states[target.link],
        "link": link,
        "since": target.link_since,
        "message": message,
        "advice": advice,
        "detail": target.detail,
        "waiting": length.waiting,
        "waiting_since": length.since,
        "given_up": length.given_up,
        "delivered": target.delivered,
        "delivered_at": target.delivered_at,
        "dropped": target.dropped,
        "dropped_from": target.dropped_from,
        "dropped_until": target.dropped_until,
    }


def _user(request: HttpRequest) -> User:
    # Every page needs a log-in, so nobody is anonymous here.
    assert isinstance(request.user, User)
    return request.user
