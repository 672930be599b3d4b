"""Tells the output layout from the model itself, and settles the contract to run it by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from models_registry.runtime.contract import ContractInvalid, ModelContract, check_names
from models_registry.runtime.decode import LAYOUTS
from models_registry.runtime.decode.layout import Claim, Decoder, LayoutMismatch, Probe
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.labels import COCO_80, default_labels, numbered_labels
from models_registry.runtime.model_file import ModelFile
from models_registry.runtime.probe import (
    ExporterNotes,
    ImageInput,
    canvas_size,
    image_input,
    probe,
    read_notes,
)
from models_registry.runtime.session import Session

CERTAIN = 0.6
OTHER_CONVENTIONS = ("pose", "segment", "obb", "classify")  # tasks of exporters whose heads differ


@dataclass(frozen=True, slots=True)
class Finding:
    """A plausible contract. ``unsure``: fields that neither graph nor metadata settles."""

    contract: ModelContract
    certainty: float
    reason: str
    unsure: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """A model ready to run: its contract, its decoder, how sure that is."""

    contract: ModelContract
    decoder: Decoder
    picture: ImageInput
    finding: Finding | None  # None when only the contract speaks for its layout


@dataclass(frozen=True, slots=True)
class Examined:
    """A model after its dry run; ``findings`` best first, empty when no layout fits."""

    probe: Probe
    picture: ImageInput
    notes: ExporterNotes
    findings: tuple[Finding, ...]


def examine(
    file: ModelFile, session: Session, width: int | None = None, height: int | None = None
) -> Examined:
    """Runs the model once and asks every layout. ``width``, ``height`` settle open input sides.

    Raises ``ModelUnusable`` when it does not take a picture or cannot run.
    """
    picture, notes = image_input(session), read_notes(session.metadata)
    sides = canvas_size(picture, width, height, notes)
    seen = probe(session, picture, *sides, file.pixel_range)
    findings = []
    for layout in LAYOUTS.values():
        claim = layout.recognise(seen)
        if claim is not None and notes.task not in OTHER_CONVENTIONS:
            findings.append(_finding(layout.name, claim, seen, picture, notes))
    findings.sort(key=lambda finding: -finding.certainty)
    return Examined(seen, picture, notes, tuple(findings))


def settle(
    file: ModelFile, session: Session, stated: ModelContract | dict[str, Any] | None
) -> Settled:
    """The contract to run by: what was stated, over what was found.

    ``stated`` may be complete, partial (a dict with some fields) or ``None``. Raises
    ``ModelUnusable`` (``unknown_layout``, ``ambiguous_layout``, ``contract_invalid``,
    ``contract_mismatch`` and those of ``examine``).
    """
    try:
        wishes = (
            stated.to_json() if isinstance(stated, ModelContract) else check_names(stated or {})
        )
        examined = examine(file, session, *stated_sides(wishes))
    except ContractInvalid as error:
        raise ModelUnusable("contract_invalid", str(error)) from error
    return settle_examined(examined, wishes)


def stated_sides(wishes: dict[str, Any]) -> tuple[int | None, int | None]:
    """Width and height that a partial contract states. Raises ``ContractInvalid``."""
    for name in ("input_width", "input_height"):
        if name in wishes and type(wishes[name]) is not int:
            got = repr(wishes[name])[:200]
            raise ContractInvalid(f"{name}: expected a whole number, got {got}")
    return wishes.get("input_width"), wishes.get("input_height")


def settle_examined(examined: Examined, wishes: dict[str, Any]) -> Settled:
    """As ``settle``, for a model that has had its dry run; ``wishes``: the stated fields."""
    try:
        finding = _choose(examined, wishes)
        contract = _merge(examined, finding, wishes)
    except ContractInvalid as error:
        raise ModelUnusable("contract_invalid", str(error)) from error
    _check_input(contract, examined.picture)
    try:
        decoder = LAYOUTS[contract.layout].build(contract, examined.probe)
    except LayoutMismatch as error:
        raise ModelUnusable(
            "contract_mismatch",
            f"layout {contract.layout} with {len(contract.labels)} labels: {error}",
        ) from error
    return Settled(contract, decoder, examined.picture, finding)


def _finding(
    layout: str, claim: Claim, seen: Probe, picture: ImageInput, notes: ExporterNotes
) -> Finding:
    labels, sure = _labels(claim, notes)
    unsure = claim.unsure if sure else tuple(dict.fromkeys(("labels", *claim.unsure)))
    if sure:
        unsure = tuple(name for name in unsure if name != "labels")
    fields = _for_range(dict(claim.fields), seen.pixel_range, picture.element_type)
    contract = ModelContract(
        layout=layout,
        input_name=picture.name,
        input_width=seen.width,
        input_height=seen.height,
        axes=picture.axes,
        element_type=picture.element_type,
        labels=labels,
        **fields,
    )
    return Finding(contract, claim.certainty, claim.reason, unsure)


def _labels(claim: Claim, notes: ExporterNotes) -> tuple[tuple[str, ...], bool]:
    """The labels, and whether they are known rather than assumed."""
    distinct = len(set(notes.labels)) == len(notes.labels) > 0
    if distinct and claim.classes in (None, len(notes.labels)):
        return notes.labels, True
    if claim.classes is None:
        return COCO_80, False
    known = default_labels(claim.classes)
    return (known, True) if known else (numbered_labels(max(claim.classes, 1)), False)


def _for_range(fields: dict[str, Any], pixel_range: float | None, element: str) -> dict[str, Any]:
    """The usual normalisation, set right by what the first weights were made for."""
    plain = "mean" not in fields
    if element == "uint8" or (plain and pixel_range == 255):
        fields = {name: value for name, value in fields.items() if name not in ("mean", "std")}
        return {**fields, "scale": 1.0}
    return {**fields, "scale": 1 / 255} if plain and pixel_range == 1 else fields


def _choose(examined: Examined, wishes: dict[str, Any]) -> Finding | None:
    """The finding to build on; ``None`` when the wishes name a layout that nothing speaks for."""
    findings = examined.findings
    if "layout" in wishes:
        return next((f for f in findings if f.contract.layout == wishes["layout"]), None)
    if not findings or findings[0].certainty < 0.2:
        raise ModelUnusable("unknown_layout", _unknown(examined))
    best = findings[0]
    rival = findings[1].certainty if len(findings) > 1 else 0.0
    if best.certainty < CERTAIN or rival > best.certainty - 0.2:
        plausible = ", ".join(f"{f.contract.layout} ({f.reason})" for f in findings)
        raise ModelUnusable(
            "ambiguous_layout",
            f"expected a contract that states the layout, plausible: {plausible}",
        )
    if "class_offset" in best.unsure and not {"labels", "class_offset"} <= set(wishes):
        raise ModelUnusable(
            "ambiguous_layout",
            f"layout {best.contract.layout}: its outputs number the classes without saying which is"
            " which; expected a contract that states labels and class_offset",
        )
    return best


def _unknown(examined: Examined) -> str:
    outputs = zip(examined.probe.names, examined.probe.shapes, strict=True)
    got = ", ".join(f"{name} {shape}" for name, shape in outputs)
    task = f", made for {examined.notes.task}" if examined.notes.task else ""
    expected = "; ".join(layout.title for layout in LAYOUTS.values())
    return f"expected the outputs of a detector ({expected}), got {got}{task}"


def _merge(examined: Examined, finding: Finding | None, wishes: dict[str, Any]) -> ModelContract:
    if finding is not None:
        return replace(finding.contract, **wishes)
    picture, seen = examined.picture, examined.probe
    own: dict[str, Any] = {
        "input_name": picture.name,
        "input_width": seen.width,
        "input_height": seen.height,
        "axes": picture.axes,
        "element_type": picture.element_type,
    }
    return ModelContract.from_json({**own, **wishes})


def _check_input(contract: ModelContract, picture: ImageInput) -> None:
    for name, stated, own in (
        ("input_name", contract.input_name, picture.name),
        ("axes", contract.axes, picture.axes),
        ("element_type", contract.element_type, picture.element_type),
    ):
        if stated != own:
            raise ModelUnusable(
                "contract_mismatch", f"{name}: expected the model's {own!r}, got {stated!r}"
            )
