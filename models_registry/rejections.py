"""Why a file was rejected and what to do about it, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

TITLES = {
    "empty": noop("The file is empty."),
    "not_onnx": noop("This is no ONNX model."),
    "truncated": noop("The file is damaged."),
    "too_large": noop("The file is too large."),
    "external_data": noop("Its weights lie in other files."),
    "custom_operator": noop("It needs operators that the gateway does not run."),
    "unsupported_opset": noop("Its ONNX version is not supported."),
    "bad_package": noop("The package is not as expected."),
    "path_traversal": noop("The package is not safe to open."),
    "zip_bomb": noop("The package is not safe to open."),
    "encrypted_package": noop("The package is encrypted."),
    "contract_invalid": noop("The contract cannot be read."),
    "contract_mismatch": noop("The contract does not fit the model."),
    "not_image_input": noop("It does not take a picture."),
    "unknown_layout": noop("It is no object detector that the gateway knows."),
    "crashed": noop("Reading it failed."),
    "timeout": noop("It takes too long."),
    "out_of_memory": noop("It needs too much memory."),
    "run_failed": noop("It fails on a picture."),
    "not_loadable": noop("ONNX Runtime cannot load it."),
}
ADVICE = {
    "empty": noop("The file has no content. Export the model again and upload that file."),
    "not_onnx": noop("Upload a model in ONNX format, as your training tool exports it."),
    "truncated": noop("The file ends too early. Copy it again, compare its size, and upload it."),
    "too_large": noop("Upload a smaller model, or compress it before."),
    "external_data": noop("Export the model as one file, with its weights inside."),
    "custom_operator": noop(
        "Export the model with standard ONNX operators only; see the operators named above."
    ),
    "unsupported_opset": noop("Export the model again with opset 11 to 21."),
    "bad_package": noop(
        "A package holds model.onnx, model.json and, if you like, card.md, in no folder."
    ),
    "path_traversal": noop("Make the package again from plain files; it names files outside."),
    "zip_bomb": noop("Make the package again; its content is far larger than a model."),
    "encrypted_package": noop("Make the package again without a password."),
    "contract_invalid": noop("Correct model.json as described in the documentation."),
    "contract_mismatch": noop("model.json describes another model. Correct it, or leave it out."),
    "not_image_input": noop("The gateway runs models that take one picture."),
    "unknown_layout": noop(
        "The gateway runs object detectors. State the layout in model.json if it is one."
    ),
    "crashed": noop("The file stops the program that reads it. Export the model again."),
    "timeout": noop("The model does not finish. Check it for endless loops or a huge input."),
    "out_of_memory": noop("The model wants more memory than a gateway has to give."),
    "run_failed": noop("The model loads but fails on a picture. Run it once where it was made."),
    "not_loadable": noop("ONNX Runtime cannot load it. Export it with a supported version."),
}


def rejection_advice(code: str) -> str:
    """What an operator can do about a rejection; '' for none."""
    return _(ADVICE[code]) if code in ADVICE else ""


def rejection_title(code: str) -> str:
    """Why a file was rejected, in a few words; '' for none."""
    return _(TITLES[code]) if code in TITLES else ""
