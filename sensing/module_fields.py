"""Form fields of one sensing module, made from the schema of its parameters."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from sensing.modules import SensingModule, parameter_schema


class ModuleFields:
    """A switch and one field per parameter; lists of lines or zones offer those of the scene."""

    def __init__(self, module: type[SensingModule], document: dict[str, Any] | None) -> None:
        self.kind = module.kind
        self.title = _(module.title)
        self.switch = f"module_{module.kind}"
        settings = {
            setting["kind"]: setting["parameters"]
            for setting in (document or {}).get("modules", [])
        }
        self.schema = [
            row
            for row in parameter_schema(module.kind)
            if not row["names"] or (document or {}).get(row["names"])
        ]
        chosen = settings.get(module.kind, {})
        self.fields: dict[str, forms.Field] = {
            self.switch: forms.BooleanField(label=self.title, required=False)
        }
        self.initial: dict[str, Any] = {
            # A new camera counts vehicles until someone says otherwise.
            self.switch: module.kind in settings if document else module.kind == "vehicle_traffic"
        }
        for row in self.schema:
            name = self._name(row)
            self.fields[name] = _field(row, document or {})
            self.initial[name] = chosen.get(row["name"], row["default"])

    @property
    def parameters(self) -> list[str]:
        return [self._name(row) for row in self.schema]

    def read(self, cleaned: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
        """Parameters that differ from their defaults, over those ``before`` that are not shown."""
        parameters = dict(before.get(self.kind, {}))
        for row in self.schema:
            value = cleaned[self._name(row)]
            if value is None or value == row["default"]:
                parameters.pop(row["name"], None)
            else:
                parameters[row["name"]] = value
        return parameters

    def _name(self, row: dict[str, Any]) -> str:
        return f"{self.switch}__{row['name']}"


def _field(row: dict[str, Any], document: dict[str, Any]) -> forms.Field:
    label, help_text = (
        _(row["name"].removesuffix("_s").replace("_", " ").capitalize()),
        _(row["help"]),
    )
    if row["type"] == "boolean":
        return forms.BooleanField(label=label, help_text=help_text, required=False)
    if row["type"] == "list":
        choices = [(name, _(name)) for name in row["choices"]]
        if row["names"]:
            choices = [(item["id"], item["name"]) for item in document.get(row["names"], [])]
        return forms.MultipleChoiceField(
            label=label,
            help_text=help_text,
            choices=choices,
            required=False,
            widget=forms.CheckboxSelectMultiple,
        )
    field = forms.FloatField(
        label=label,
        help_text=help_text,
        required=False,
        min_value=row["minimum"],
        max_value=row["maximum"],
    )
    field.unit = row["unit"]  # type: ignore[attr-defined]  # for the template
    field.widget.attrs["step"] = "any"
    return field
