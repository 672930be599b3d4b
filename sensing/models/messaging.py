"""Where messages go to, and those that still wait to be sent."""

from __future__ import annotations

import secrets

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from sensing.models.cameras import Camera
from sensing.models.fields import SecretField

BROKER = "mqtt"
"""The broker's name as the target of a message; a webhook's is ``webhook:<row>``."""


def new_gateway_name() -> str:
    return f"aision-{secrets.token_hex(4)}"


class IntervalChoice(models.IntegerChoices):
    ONE = 1, _("1 minute")
    FIVE = 5, _("5 minutes")
    FIFTEEN = 15, _("15 minutes")


class ProtocolChoice(models.TextChoices):
    FIVE = "5", _("MQTT 5")
    THREE = "3.1.1", _("MQTT 3.1.1")


class LinkChoice(models.TextChoices):
    OFF = "off", _("Switched off")
    CONNECTING = "connecting", _("Connecting")
    UP = "up", _("Connected")
    DOWN = "down", _("Not reached")


class MessageTarget(models.Model):
    """What is known of a receiver: how it is, and what it got. Written by its sender only."""

    link = models.CharField(
        _("connection"), max_length=10, choices=LinkChoice, default=LinkChoice.OFF
    )
    cause = models.CharField(_("cause"), max_length=40, blank=True, default="")
    detail = models.CharField(_("detail"), max_length=200, blank=True, default="")
    link_since = models.DateTimeField(_("since"), null=True, blank=True)
    delivered = models.BigIntegerField(_("messages delivered"), default=0)
    delivered_at = models.DateTimeField(_("last delivered"), null=True, blank=True)
    dropped = models.BigIntegerField(_("messages dropped"), default=0)
    """Given up: the spool was full or they were too old. They were about the time between these."""
    dropped_from = models.DateTimeField(_("dropped from"), null=True, blank=True)
    dropped_until = models.DateTimeField(_("dropped until"), null=True, blank=True)

    class Meta:
        abstract = True


class MessageSettings(MessageTarget):
    """The MQTT broker, and what all messages share; one row."""

    enabled = models.BooleanField(_("send to an MQTT broker"), default=False)
    host = models.CharField(_("broker"), max_length=253, blank=True, default="")
    port = models.PositiveIntegerField(
        _("port"), default=1883, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    protocol = models.CharField(
        _("protocol"), max_length=5, choices=ProtocolChoice, default=ProtocolChoice.FIVE
    )
    tls = models.BooleanField(_("encrypted (TLS)"), default=False)
    verify = models.BooleanField(_("check the broker's certificate"), default=True)
    ca_certificates = models.TextField(_("certificates of own authorities"), blank=True, default="")
    username = SecretField(_("user name"), blank=True, default="")
    password = SecretField(_("password"), blank=True, default="")
    base_topic = models.CharField(_("base topic"), max_length=120, default="aision")
    discovery = models.BooleanField(_("announce to Home Assistant"), default=False)
    discovery_prefix = models.CharField(
        _("discovery prefix"), max_length=120, default="homeassistant"
    )
    gateway_name = models.CharField(
        _("name of this gateway in messages"), max_length=40, default=new_gateway_name
    )
    interval_minutes = models.PositiveSmallIntegerField(
        _("interval"), choices=IntervalChoice, default=IntervalChoice.ONE
    )
    keep_days = models.PositiveIntegerField(
        _("keep unsent messages (days)"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
    )
    keep_rows = models.PositiveIntegerField(
        _("keep unsent messages (at most)"),
        default=100_000,
        validators=[MinValueValidator(1000), MaxValueValidator(1_000_000)],
    )
    retained_topics = models.JSONField(_("topics kept by the broker"), default=list, editable=False)
    wrong_way_seen = models.BigIntegerField(default=0, editable=False)
    """Crossings up to this row were looked at for wrong-way messages."""
    updated_at = models.DateTimeField(_("updated"), null=True, editable=False)

    class Meta:
        verbose_name = _("message settings")
        verbose_name_plural = _("message settings")
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="message_settings_is_one_row")
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.host else self.gateway_name


class Webhook(MessageTarget):
    """An address to which messages are posted."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    url = models.CharField(_("address"), max_length=1000)
    secret = SecretField(_("secret"))
    enabled = models.BooleanField(_("switched on"), default=True)
    intervals = models.BooleanField(_("counts of each interval"), default=True)
    states = models.BooleanField(_("changes of a camera's state"), default=False)
    wrong_way = models.BooleanField(_("vehicles going the wrong way"), default=False)
    give_up_days = models.PositiveIntegerField(
        _("try for (days)"),
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(30)],
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), null=True, editable=False)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def target(self) -> str:
        return f"webhook:{self.pk}"


class MessageState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DELIVERED = "delivered", _("Delivered")
    GIVEN_UP = "given_up", _("Given up")


class MessageKind(models.TextChoices):
    INTERVAL = "interval", _("Counts of an interval")
    STATE = "state", _("State of a camera")
    WRONG_WAY = "wrong_way", _("Wrong way")
    TEST = "test", _("Test")


class SpooledMessage(models.Model):
    """One message for one target, exactly as it is sent. ``key`` and ``revision`` name it for ever;
    rows are sent in the order in which they were made."""

    target = models.CharField(_("target"), max_length=32)
    kind = models.CharField(_("kind"), max_length=10, choices=MessageKind)
    key = models.CharField(_("id"), max_length=200)
    revision = models.PositiveIntegerField(_("revision"), default=0)
    # No foreign key: what a camera counted is still sent after it was deleted.
    camera_id = models.BigIntegerField(_("camera"), null=True)
    payload = models.TextField(_("content"))
    about = models.DateTimeField(_("about"))
    created_at = models.DateTimeField(_("made"))
    state = models.CharField(
        _("state"), max_length=10, choices=MessageState, default=MessageState.WAITING
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("tried again at"), null=True)
    answer = models.CharField(_("last answer"), max_length=160, blank=True, default="")
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.UniqueConstraint(
                fields=["target", "key", "revision"], name="spooled_message_once"
            )
        ]
        indexes = [models.Index(fields=["target", "state", "id"], name="spooled_message_next")]

    def __str__(self) -> str:
        return f"{self.target} {self.key} r{self.revision}"


class MessagedInterval(models.Model):
    """An interval that was closed and spooled: the next one begins where the newest ends, and one
    whose facts changed since ``digest`` is sent again with the next revision."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="+")
    start_minute = models.BigIntegerField(_("first minute"))
    minutes = models.PositiveSmallIntegerField(_("minutes"))
    revision = models.PositiveIntegerField(_("revision"), default=0)
    digest = models.CharField(_("digest"), max_length=32)
    closed_at = models.DateTimeField(_("closed"))

    class Meta:
        verbose_name = _("messaged interval")
        verbose_name_plural = _("messaged intervals")
        constraints = [
            models.UniqueConstraint(
                fields=["camera", "start_minute", "minutes"], name="messaged_interval_once"
            )
        ]
        indexes = [models.Index(fields=["closed_at"], name="messaged_interval_closed")]

    def __str__(self) -> str:
        return f"{self.camera_id}: {self.start_minute}"
