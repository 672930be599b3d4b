"""Holds the rules of docs/architecture.md: who may import what, and how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared_data import ROOT

PACKAGES = ("models_registry", "sensing", "aision")
PURE = (
    "models_registry/runtime",
    "models_registry/sandbox",
    "models_registry/inspection",
    "models_registry/compression",
    "models_registry/benchmarking",
    "models_registry/training",
    "sensing/domain",
    "sensing/export",
    "sensing/modules",
    "sensing/worker",
    "sensing/simulation",
)
WEB = ("django", "rest_framework", "channels", "celery", "drf_spectacular")
FORBIDDEN = {
    "models_registry": ("sensing", "aision"),
    "sensing": ("aision",),
    "sensing/domain": ("sensing.modules", "sensing.worker", "sensing.models", "cv2", "onnxruntime"),
    "sensing/export": ("sensing.modules", "sensing.worker", "sensing.models", "cv2", "onnxruntime"),
    "sensing/modules": ("sensing.worker", "sensing.models", "cv2", "onnxruntime"),
    "sensing/simulation": ("sensing.worker", "sensing.modules", "sensing.models", "onnxruntime"),
    "models_registry/runtime": (
        "sensing",
        "aision",
        "models_registry.inspection",
        "models_registry.compression",
        "models_registry.benchmarking",
        "models_registry.models",
    ),
    "models_registry/sandbox": ("models_registry.runtime", "models_registry.inspection", "onnx"),
    "models_registry/inspection": ("models_registry.models", "models_registry.services"),
    "models_registry/compression": ("models_registry.models", "models_registry.services"),
    "models_registry/benchmarking": ("models_registry.models", "models_registry.services"),
    "models_registry/training": ("models_registry.models", "models_registry.services"),
}
TRAINERS = tuple(
    f"models_registry/management/commands/{x}.py"
    for x in ("train", "train_regions", "evaluate", "finetune")
)
MAX_LINES = 400
NAMELESS = {"utils", "helpers", "common", "manager", "misc"}


def sources(folder: str) -> list[Path]:
    found = (ROOT / folder).rglob("*.py")
    return sorted(path for path in found if "migrations" not in path.parts)


def imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """(line, module, inside a function) of each import."""
    tree = ast.parse(path.read_text())
    inside = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, id(node) in inside
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.lineno, node.module or "", id(node) in inside
            for alias in node.names:
                assert alias.name != "*", f"{path}:{node.lineno}: star import"


def within(module: str, roots: tuple[str, ...]) -> bool:
    return any(module == root or module.startswith(root + ".") for root in roots)


@pytest.mark.parametrize("folder", [*FORBIDDEN])
def test_imports_point_one_way(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for path in sources(folder)
        for line, module, _ in imports(path)
        if within(module, FORBIDDEN[folder])
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", PURE)
def test_pure_packages_name_no_web_framework(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for path in sources(folder)
        for line, module, _ in imports(path)
        if within(module, WEB)
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", PURE)
def test_pure_packages_run_with_the_web_frameworks_blocked(folder: str) -> None:
    package = folder.replace("/", ".")
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sources(folder)
    ]
    code = (
        "import sys, importlib\n"
        f"for name in {WEB!r}: sys.modules[name] = None\n"
        f"for name in {[package, *modules]!r}:\n"
        "    try: importlib.import_module(name)\n"
        "    except ModuleNotFoundError as error:\n"
        "        if error.name != 'torch': raise\n"  # an extra that a gateway does without
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_only_training_commands_reach_the_training_and_only_it_names_torch() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for package in PACKAGES
        for path in sources(package)
        if not path.is_relative_to(ROOT / "models_registry/training")
        for line, module, _ in imports(path)
        if within(module, ("torch",))
        or (
            within(module, ("models_registry.training",))
            and str(path.relative_to(ROOT)) not in TRAINERS
        )
    ]
    assert wrong == []


def test_one_file_makes_inference_sessions() -> None:
    makers = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in sources(package)
        if "InferenceSession(" in path.read_text()
    ]
    assert makers == ["models_registry/runtime/session.py"]


def test_one_file_talks_to_the_channel_layer() -> None:
    talkers = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in sources(package)
        if "get_channel_layer(" in path.read_text()
    ]
    assert talkers == ["sensing/live.py"]


def test_services_import_no_tasks() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for package in PACKAGES
        for path in sources(package)
        if path.name.startswith(("services", "selectors")) or path.parent.name == "services"
        for line, module, _ in imports(path)
        if module.endswith(".tasks")
    ]
    assert wrong == []


def test_imports_stand_at_the_top_of_a_file() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for package in PACKAGES
        for path in sources(package)
        for line, module, inside in imports(path)
        if inside and path.name != "apps.py"
    ]
    assert wrong == []


def test_files_are_short_and_named_after_what_they_do() -> None:
    files = [path for package in (*PACKAGES, "tests", "bench") for path in sources(package)]
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in files
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert too_long == {}
    assert [str(path) for path in files if path.stem in NAMELESS] == []
