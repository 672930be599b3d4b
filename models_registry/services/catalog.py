"""Versions, their contracts and their aliases."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, ProtectedError
from django.utils.translation import gettext as _

from models_registry.errors import Conflict, Refused
from models_registry.models import (
    Alias,
    DetectionModel,
    ModelVersion,
    OriginChoice,
)
from models_registry.models.catalog import NAME
from models_registry.runtime.contract import ContractInvalid, ModelContract
from models_registry.services.actor import Actor, user_id
from models_registry.services.audit import record
from models_registry.storage import packed_path, version_path

RESERVED = frozenset({"motion"})


def checked_name(name: str) -> str:
    """A name for a lineage or an alias. Raises ``Refused``."""
    try:
        NAME(name)
    except ValidationError as error:
        raise Refused("invalid", " ".join(error.messages), "model") from error
    if name in RESERVED:
        raise Refused("reserved", _("“%(name)s” is a built-in detector.") % {"name": name}, "model")
    return name


def contract_key(contract: dict[str, Any] | None) -> str:
    """Short and equal for equal contracts; '' without one."""
    if contract is None:
        return ""
    text = json.dumps(contract, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def version_add(
    *,
    by: Actor,
    model_name: str,
    sha256: str,
    size_bytes: int,
    contract: dict[str, Any] | None,
    inspection: dict[str, Any],
    origin: OriginChoice,
    parent: ModelVersion | None = None,
    file_name: str = "",
    notes: str = "",
    card: str = "",
) -> tuple[ModelVersion, bool]:
    """A stored file as the next version of a lineage, which is made if there is none yet.

    Returns the version and whether it is new: the same file with the same contract is one version.
    """
    key = contract_key(contract)
    with transaction.atomic():
        model, _made = DetectionModel.objects.get_or_create(
            name=checked_name(model_name),
            defaults={
                "task": inspection.get("task") or "detection",
                "created_by_id": user_id(by),
            },
        )
        # The lineage's row is locked, so that two versions cannot get one number.
        model = DetectionModel.objects.select_for_update().get(pk=model.pk)
        known = ModelVersion.objects.filter(sha256=sha256, contract_key=key).first()
        if known is not None:
            if _made:
                model.delete()
            return known, False
        last: int | None = model.versions.aggregate(last=Max("number"))["last"]
        version = ModelVersion.objects.create(
            model=model,
            number=(last or 0) + 1,
            sha256=sha256,
            size_bytes=size_bytes,
            contract=contract,
            contract_key=key,
            inspection=inspection,
            origin=origin,
            parent=parent,
            file_name=Path(file_name).name[:200],
            notes=notes,
            card=card,
            created_by_id=user_id(by),
        )
        record(by=by, action="version_added", subject=version.reference, detail=file_name)
    return version, True


def contract_choose(*, version: ModelVersion, by: Actor, document: Any) -> ModelVersion:
    """Give a version without a contract the right one.

    A version that has one never changes: choosing another makes the next version of the same file.
    Raises ``Refused``.
    """
    try:
        contract = ModelContract.from_json(document).to_json()
    except ContractInvalid as error:
        raise Refused("contract_invalid", str(error), "contract") from error
    if version.contract == contract:
        return version
    if version.contract is not None:
        other, _new = version_add(
            by=by,
            model_name=version.model.name,
            sha256=version.sha256,
            size_bytes=version.size_bytes,
            contract=contract,
            inspection=version.inspection,
            origin=OriginChoice(version.origin),
            parent=version.parent,
            file_name=version.file_name,
            notes=version.notes,
            card=version.card,
        )
        return other
    with transaction.atomic():
        key = contract_key(contract)
        known = ModelVersion.objects.filter(sha256=version.sha256, contract_key=key).first()
        if known is not None:
            return known
        updated = ModelVersion.objects.filter(pk=version.pk, contract__isnull=True).update(
            contract=contract, contract_key=key
        )
        if not updated:
            raise Conflict("conflict", _("Someone else has just chosen a contract. Load it again."))
        record(
            by=by,
            action="contract_chosen",
            subject=version.reference,
            detail=f"{contract['layout']}, {len(contract['labels'])} classes",
        )
    return ModelVersion.objects.get(pk=version.pk)


def version_delete(*, version: ModelVersion, by: Actor) -> None:
    """Delete a version and, when no other version uses it, its file. Raises ``Refused``."""
    reference, sha256 = version.reference, version.sha256
    with transaction.atomic():
        try:
            version.delete()
        except ProtectedError as error:
            raise _in_use(reference, error) from error
        record(by=by, action="version_deleted", subject=reference, detail=sha256)
        if not ModelVersion.objects.filter(sha256=sha256).exists():
            transaction.on_commit(lambda: _forget(sha256))


def model_delete(*, model: DetectionModel, by: Actor) -> None:
    """Delete a lineage with all its versions. Raises ``Refused`` when one is in use."""
    name = model.name
    with transaction.atomic():
        for alias in list(model.aliases.all()):
            alias_delete(alias=alias, by=by)
        for version in list(model.versions.all()):
            version_delete(version=version, by=by)
        model.delete()
        record(by=by, action="model_deleted", subject=name)


def model_change(*, model: DetectionModel, by: Actor, **changes: str) -> DetectionModel:
    """Change notes, licence or source of a lineage."""
    unknown = changes.keys() - {"notes", "licence", "source"}
    if unknown:
        raise TypeError(f"a lineage has no {', '.join(sorted(unknown))}")
    for field, value in changes.items():
        setattr(model, field, value)
    model.save(update_fields=list(changes))
    record(by=by, action="model_changed", subject=model.name, detail=", ".join(sorted(changes)))
    return model


def model_describe(*, model: DetectionModel, licence: str, source: str) -> None:
    """Note licence and source of a lineage where nothing is noted yet."""
    fields = {"licence": licence, "source": source}
    missing = {name: value for name, value in fields.items() if value and not getattr(model, name)}
    if missing:
        DetectionModel.objects.filter(pk=model.pk).update(**missing)


def alias_set(*, version: ModelVersion, by: Actor, name: str) -> Alias:
    """Let an alias of the lineage name this version. Raises ``Refused``."""
    if version.contract is None:
        raise Refused(
            "no_contract",
            _("Choose the contract of %(version)s first.") % {"version": version.reference},
        )
    with transaction.atomic():
        alias, _made = Alias.objects.update_or_create(
            model=version.model, name=checked_name(name), defaults={"version": version}
        )
        record(by=by, action="alias_set", subject=alias.reference, detail=version.reference)
    return alias


def alias_delete(*, alias: Alias, by: Actor) -> None:
    """Remove an alias. Raises ``Conflict`` while something follows it."""
    reference = alias.reference
    try:
        with transaction.atomic():
            alias.delete()
    except ProtectedError as error:
        raise _in_use(reference, error) from error
    record(by=by, action="alias_deleted", subject=reference)


def _in_use(reference: str, error: ProtectedError) -> Conflict:
    names = ", ".join(sorted({str(row) for row in error.protected_objects}))
    return Conflict(
        "in_use",
        _("%(name)s is in use by %(names)s. Deploy another version there first.")
        % {"name": reference, "names": names},
    )


def _forget(sha256: str) -> None:
    for path in (version_path(sha256), packed_path(sha256)):
        path.unlink(missing_ok=True)
