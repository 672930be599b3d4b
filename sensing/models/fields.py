"""A column whose text is encrypted at rest."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cryptography.fernet import InvalidToken
from django.db import models
from encrypted_fields.fields import EncryptedTextField  # type: ignore[import-untyped]

if TYPE_CHECKING:  # the package has no types
    _Base = models.TextField[str, str]
else:
    _Base = EncryptedTextField

logger = logging.getLogger(__name__)


class SecretField(_Base):
    """Encrypted text; '' stays ''.

    Differs from its base in two ways: ``clean`` does not switch off decryption for every other
    thread while it runs, and a value that cannot be decrypted (the key was lost) reads as ''
    instead of as its ciphertext, which would otherwise be sent to the camera as a password.
    """

    f: Any  # the Fernet of its base

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(value) or ""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str:
        if not value:
            return ""
        try:
            return str(self.f.decrypt(value.encode()).decode())
        except InvalidToken:
            logger.warning("%s cannot be decrypted: was AISION_FIELD_KEY changed?", self)
            return ""

    def to_python(self, value: Any) -> Any:
        return models.TextField.to_python(self, value)

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        return models.TextField.clean(self, value, model_instance)
