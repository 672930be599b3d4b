"""Where messages go, over REST. For admins; passwords and secrets are write-only."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from models_registry.api.fields import StrictSerializer
from models_registry.api.serializers import ErrorDocument
from models_registry.api.views import ApiView, read
from models_registry.errors import Refused
from sensing.messaging.errors import Undelivered
from sensing.messaging.link import try_link
from sensing.messaging.webhook_sender import deliver
from sensing.messaging.words import target_words
from sensing.models import (
    IntervalChoice,
    MessageSettings,
    ProtocolChoice,
    SpooledMessage,
    Webhook,
)
from sensing.selectors.messaging import deliveries, message_settings, spool_length
from sensing.services.messaging import (
    broker_address,
    changed_settings,
    message_settings_change,
    webhook_change,
    webhook_create,
    webhook_delete,
)
from sensing.services.spool import target_name, trial_message

BAD_INPUT = OpenApiResponse(ErrorDocument, description="Bad input")
ADMINS = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), "sensing.change_messagesettings")
WRITE_ONLY = "Write only. Empty or missing: the stored one stays."


class ReceiverDocument(serializers.Serializer[Any]):
    """How a target is. ``dropped`` messages were given up because the spool was full or they were
    too old; they were about the time from ``dropped_from`` to ``dropped_until``."""

    link = serializers.ChoiceField(choices=["off", "connecting", "up", "down"])
    cause = serializers.CharField()
    detail = serializers.CharField()
    message = serializers.CharField()
    advice = serializers.CharField()
    link_since = serializers.DateTimeField(allow_null=True)
    waiting = serializers.IntegerField()
    waiting_since = serializers.DateTimeField(allow_null=True)
    given_up = serializers.IntegerField()
    delivered = serializers.IntegerField()
    delivered_at = serializers.DateTimeField(allow_null=True)
    dropped = serializers.IntegerField()
    dropped_from = serializers.DateTimeField(allow_null=True)
    dropped_until = serializers.DateTimeField(allow_null=True)


class MessageSettingsInput(StrictSerializer):
    enabled = serializers.BooleanField(required=False)
    host = serializers.CharField(max_length=253, required=False, allow_blank=True)
    port = serializers.IntegerField(min_value=1, max_value=65535, required=False)
    protocol = serializers.ChoiceField(choices=ProtocolChoice.choices, required=False)
    tls = serializers.BooleanField(required=False)
    verify = serializers.BooleanField(required=False)
    ca_certificates = serializers.CharField(
        max_length=65536, required=False, allow_blank=True, help_text="PEM; empty: the system's."
    )
    username = serializers.CharField(max_length=200, required=False, allow_blank=True)
    password = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        write_only=True,
        help_text=WRITE_ONLY,
    )
    clear_password = serializers.BooleanField(required=False, write_only=True)
    base_topic = serializers.CharField(max_length=120, required=False)
    discovery = serializers.BooleanField(required=False)
    discovery_prefix = serializers.CharField(max_length=120, required=False)
    gateway_name = serializers.CharField(max_length=40, required=False)
    interval_minutes = serializers.ChoiceField(choices=IntervalChoice.choices, required=False)
    keep_days = serializers.IntegerField(min_value=1, max_value=60, required=False)
    keep_rows = serializers.IntegerField(min_value=1000, max_value=1_000_000, required=False)


class MessageSettingsDocument(MessageSettingsInput):
    has_password = serializers.BooleanField(read_only=True)
    target = ReceiverDocument(read_only=True)


class TriedDocument(serializers.Serializer[Any]):
    """Whether it worked; if not, why and what to do. ``answer``: the receiver's status."""

    ok = serializers.BooleanField()
    cause = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)
    message = serializers.CharField(required=False)
    advice = serializers.CharField(required=False)
    answer = serializers.CharField(required=False)


class WebhookInput(StrictSerializer):
    name = serializers.CharField(max_length=80)
    url = serializers.CharField(max_length=1000)
    secret = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        write_only=True,
        help_text=WRITE_ONLY + " A new webhook without one gets one, which is answered once.",
    )
    enabled = serializers.BooleanField(required=False)
    intervals = serializers.BooleanField(required=False)
    states = serializers.BooleanField(required=False)
    wrong_way = serializers.BooleanField(required=False)
    give_up_days = serializers.IntegerField(min_value=1, max_value=30, required=False)


class WebhookDocument(WebhookInput):
    id = serializers.IntegerField(read_only=True)
    target = ReceiverDocument(read_only=True)
    made_secret = serializers.CharField(
        read_only=True, required=False, help_text="Only in the answer that made the webhook."
    )


class DeliveryDocument(serializers.ModelSerializer[SpooledMessage]):
    class Meta:
        model = SpooledMessage
        fields = (
            "kind",
            "key",
            "revision",
            "about",
            "created_at",
            "state",
            "attempts",
            "due_at",
            "answer",
            "finished_at",
        )
        read_only_fields = fields


class MessagesView(ApiView):
    """The MQTT broker, and what all messages share."""

    queryset = MessageSettings.objects.all()
    required_permissions = ADMINS

    @extend_schema(summary="Message settings", responses=MessageSettingsDocument)
    def get(self, request: Request) -> Response:
        return Response(settings_answer(message_settings()))

    @extend_schema(
        summary="Change message settings",
        request=MessageSettingsInput,
        responses={200: MessageSettingsDocument, 400: BAD_INPUT},
    )
    def patch(self, request: Request) -> Response:
        changes = read(MessageSettingsInput, request.data, partial=True)
        return Response(settings_answer(message_settings_change(by=request.user, **changes)))


class MessagesTestView(ApiView):
    """Connects once to the broker, with changes if any are sent, and publishes one test message."""

    queryset = MessageSettings.objects.all()
    required_permissions = ADMINS

    @extend_schema(
        summary="Test the connection to the broker",
        request=MessageSettingsInput,
        responses={200: TriedDocument, 400: BAD_INPUT},
    )
    def post(self, request: Request) -> Response:
        changes = read(MessageSettingsInput, request.data, partial=True)
        settings = changed_settings(message_settings(), **changes)
        if not settings.host:
            message, advice = target_words("bad_address")
            raise Refused("bad_address", f"{message} {advice}", "host")
        try:
            try_link(broker_address(settings))
        except Undelivered as problem:
            return Response(failed(problem))
        return Response({"ok": True})


@extend_schema_view(
    list=extend_schema(summary="All webhooks", responses=WebhookDocument(many=True)),
    retrieve=extend_schema(summary="One webhook", responses=WebhookDocument),
)
class WebhookViewSet(ListModelMixin, RetrieveModelMixin, ApiView, GenericViewSet[Webhook]):
    """Addresses to which messages are posted."""

    queryset = Webhook.objects.all()
    serializer_class = WebhookDocument
    lookup_value_converter = "int"
    pagination_class = None
    required_permissions: ClassVar[dict[str, str]] = ADMINS

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response([hook_answer(hook) for hook in self.get_queryset()])

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(hook_answer(self.get_object()))

    @extend_schema(
        summary="Make a webhook",
        request=WebhookInput,
        responses={201: WebhookDocument, 400: BAD_INPUT},
    )
    def create(self, request: Request) -> Response:
        given = read(WebhookInput, request.data)
        hook = webhook_create(by=request.user, **given)
        made = {} if given.get("secret") else {"made_secret": hook.secret}
        return Response(hook_answer(hook) | made, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change some fields of a webhook",
        request=WebhookInput,
        responses={200: WebhookDocument, 400: BAD_INPUT},
    )
    def partial_update(self, request: Request, pk: int) -> Response:
        changes = read(WebhookInput, request.data, partial=True)
        return Response(
            hook_answer(webhook_change(hook=self.get_object(), by=request.user, **changes))
        )

    @extend_schema(summary="Delete a webhook and what waits for it", responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        webhook_delete(hook=self.get_object(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Send a test message", request=None, responses=TriedDocument)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: int) -> Response:
        hook = self.get_object()
        try:
            answer = deliver(hook, trial_message(hook, timezone.now()))
        except Undelivered as problem:
            return Response(failed(problem))
        return Response({"ok": True, "answer": answer})

    @extend_schema(summary="Last messages of a webhook", responses=DeliveryDocument(many=True))
    @action(detail=True, methods=["get"])
    def deliveries(self, request: Request, pk: int) -> Response:
        found: QuerySet[SpooledMessage] = deliveries(self.get_object())
        return Response(DeliveryDocument(found, many=True).data)


def settings_answer(settings: MessageSettings) -> dict[str, Any]:
    shown = MessageSettingsDocument(settings).fields
    answer = {
        name: getattr(settings, name)
        for name, field in shown.items()
        if not field.write_only and not field.read_only
    }
    return answer | {"has_password": bool(settings.password), "target": target_answer(settings)}


def hook_answer(hook: Webhook) -> dict[str, Any]:
    shown = ("id", "name", "url", "enabled", "intervals", "states", "wrong_way", "give_up_days")
    return {name: getattr(hook, name) for name in shown} | {"target": target_answer(hook)}


def target_answer(target: MessageSettings | Webhook) -> dict[str, Any]:
    length = spool_length(target_name(target))
    message, advice = target_words(target.cause)
    found = {
        name: getattr(target, name)
        for name in map(str, ReceiverDocument().fields)
        if hasattr(target, name)
    }
    found |= {"message": message, "advice": advice, "waiting": length.waiting}
    found |= {"waiting_since": length.since, "given_up": length.given_up}
    return dict(ReceiverDocument(found).data)


def failed(problem: Undelivered) -> dict[str, Any]:
    message, advice = target_words(problem.code)
    return {
        "ok": False,
        "cause": problem.code,
        "detail": problem.detail,
        "message": message,
        "advice": advice,
    }
