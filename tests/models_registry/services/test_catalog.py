"""Versions, contracts, aliases, and what may be deleted."""

from __future__ import annotations

import pytest

from models_registry.errors import Conflict, Refused
from models_registry.models import AuditEntry, DetectionModel, ModelVersion, OriginChoice
from models_registry.selectors.references import detector_references, resolve
from models_registry.services.catalog import (
    alias_delete,
    alias_set,
    contract_choose,
    model_delete,
    version_add,
    version_delete,
)
from models_registry.storage import version_path
from tests.models_registry.uploading import accepted, zoo_model
from tests.registry_rows import store_model

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("registry")]


def undecided() -> ModelVersion:
    """A version whose contract a person must choose."""
    sha256, size_bytes = store_model(zoo_model())
    version, _new = version_add(
        by=None,
        model_name="open",
        sha256=sha256,
        size_bytes=size_bytes,
        contract=None,
        inspection={},
        origin=OriginChoice.UPLOADED,
    )
    return version


def test_the_chosen_contract_stays_and_another_one_makes_the_next_version() -> None:
    version = undecided()
    contract = accepted(zoo_model(160)).contract
    chosen = contract_choose(version=version, by=None, document=contract)
    assert (chosen.pk, chosen.contract) == (version.pk, contract)

    assert contract is not None
    other = contract_choose(version=chosen, by=None, document={**contract, "score_threshold": 0.4})
    assert other.reference == "open:2"
    assert other.sha256 == version.sha256
    assert ModelVersion.objects.get(pk=version.pk).contract == contract


def test_choosing_the_contract_it_has_changes_nothing() -> None:
    version = accepted(zoo_model())
    assert contract_choose(version=version, by=None, document=version.contract) == version
    assert ModelVersion.objects.count() == 1


@pytest.mark.parametrize("document", [None, [], {}, {"layout": "yolox"}, {"layout": "sorcery"}])
def test_a_contract_that_is_none_is_refused(document: object) -> None:
    with pytest.raises(Refused) as refused:
        contract_choose(version=undecided(), by=None, document=document)
    assert refused.value.code == "contract_invalid"


def test_two_who_choose_at_once_do_not_both_win() -> None:
    version = undecided()
    contract = accepted(zoo_model(160)).contract
    late = ModelVersion.objects.get(pk=version.pk)
    contract_choose(version=version, by=None, document=contract)
    assert contract is not None
    with pytest.raises(Conflict):
        contract_choose(version=late, by=None, document={**contract, "score_threshold": 0.4})


def test_an_alias_names_one_version_at_a_time() -> None:
    first = accepted(zoo_model(), model_name="gate")
    second = accepted(zoo_model(160), model_name="gate")
    alias_set(version=first, by=None, name="production")
    alias_set(version=second, by=None, name="production")
    assert resolve("gate@production").version == second
    assert detector_references() == ["motion", "gate@production", "gate:2", "gate:1"]


def test_a_version_without_a_contract_gets_no_alias() -> None:
    with pytest.raises(Refused, match="Choose the contract"):
        alias_set(version=undecided(), by=None, name="production")
    assert detector_references() == ["motion"]


@pytest.mark.parametrize(
    "reference", ["", "gate", "gate:", "gate:0", "gate:9", "gate@staging", "gate:1e3", "motion:1"]
)
def test_a_reference_that_means_nothing_is_refused(reference: str) -> None:
    accepted(zoo_model(), model_name="gate")
    with pytest.raises(Refused, match="no detector"):
        resolve(reference)


def test_a_version_that_an_alias_names_cannot_be_deleted() -> None:
    version = accepted(zoo_model(), model_name="gate")
    alias = alias_set(version=version, by=None, name="production")
    with pytest.raises(Conflict, match="gate@production"):
        version_delete(version=version, by=None)
    assert version_path(version.sha256).exists()
    alias_delete(alias=alias, by=None)
    version_delete(version=ModelVersion.objects.get(), by=None)


def test_a_file_goes_with_its_last_version(
    django_capture_on_commit_callbacks: object,
) -> None:
    version = accepted(zoo_model(), model_name="gate")
    assert version.contract is not None
    other = contract_choose(
        version=version, by=None, document={**version.contract, "score_threshold": 0.4}
    )
    path = version_path(version.sha256)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        version_delete(version=version, by=None)
    assert path.exists()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        version_delete(version=other, by=None)
    assert not path.exists()


def test_a_lineage_goes_with_its_versions_and_aliases() -> None:
    version = accepted(zoo_model(), model_name="gate")
    alias_set(version=version, by=None, name="production")
    model_delete(model=DetectionModel.objects.get(), by=None)
    assert not ModelVersion.objects.exists()
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"alias_deleted", "version_deleted", "model_deleted"} <= actions
