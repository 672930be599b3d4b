"""The detector that ships: a lineage of the registry like any other, there from the first start."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from models_registry.builtin import ALIAS, DETECTOR, LINEAGE, PARENT, inspection_of
from models_registry.models import Alias, ModelVersion, OriginChoice
from models_registry.services.catalog import alias_set, model_describe, version_add
from models_registry.storage import version_path, write_whole


def builtin_install() -> Alias:
    """The alias of the shipped detector, with its versions entered where they are not there yet.

    An alias that names a version already stays where it is.
    """
    version = _entered(DETECTOR, _entered(PARENT, None))
    model_describe(model=version.model, licence="as the gateway", source="docs/lightweight.md")
    alias = Alias.objects.filter(model=version.model, name=ALIAS).first()
    return alias or alias_set(version=version, by=None, name=ALIAS)


def _entered(path: Path, parent: ModelVersion | None) -> ModelVersion:
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    known = ModelVersion.objects.filter(sha256=sha256, origin=OriginChoice.BUILT_IN).first()
    if known is not None:
        return known
    document = json.loads(inspection_of(path).read_text())
    contract = document.pop("contract")
    document.pop("card")
    write_whole(version_path(sha256), content)
    version, _new = version_add(
        by=None,
        model_name=LINEAGE,
        sha256=sha256,
        size_bytes=len(content),
        contract=contract,
        inspection=document,
        origin=OriginChoice.BUILT_IN,
        parent=parent,
        file_name=path.name,
        card=path.with_suffix(".md").read_text(),
    )
    return version
