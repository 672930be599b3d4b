"""A file is inspected in a sandbox: what it is, how it is to be read, or why it is refused."""

from __future__ import annotations

import hashlib
import json
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models_registry.inspection.inspector import inspect
from models_registry.inspection.rejection import ModelRejected
from models_registry.inspection.report import Inspection
from models_registry.sandbox import ChildFailed
from tests import onnx_zoo
from tests.hostile_graphs import good
from tests.hostile_packages import package


@pytest.fixture(scope="module")
def inspected(tmp_path_factory: pytest.TempPathFactory) -> Inspection:
    path = tmp_path_factory.mktemp("models") / "model.onnx"
    path.write_bytes(good())
    return inspect(path)


def test_a_detector_is_described_and_its_contract_settled(inspected: Inspection) -> None:
    assert inspected.sha256 == hashlib.sha256(good()).hexdigest()
    assert inspected.size_bytes == len(good())
    assert (inspected.opset, inspected.ir_version) == (onnx_zoo.OPSET, 8)
    assert inspected.operators["Conv"] == 1
    (value,) = inspected.inputs
    assert value.to_json() == {
        "name": "images",
        "shape": [1, 3, 224, 224],
        "element_type": "float32",
    }
    assert [x.name for x in inspected.outputs] == ["output"]
    assert inspected.macs == 222 * 222 * 4 * 27  # the zoo's one convolution
    assert inspected.parameters == sum(
        int(np.prod(x.dims)) for x in onnx.load_from_string(good()).graph.initializer
    )
    assert inspected.weight_bytes_by_type == {"float32": inspected.parameters * 4}
    assert inspected.task == "detection"
    assert inspected.contract is not None
    assert inspected.contract.layout == "yolox"
    assert inspected.proposals[0].contract == inspected.contract
    assert inspected.dry_run_ms > 0
    assert 0 < inspected.peak_memory_bytes < 500 * 2**20
    assert inspected.stated is None


def test_an_inspection_survives_storage(inspected: Inspection) -> None:
    stored = json.loads(json.dumps(inspected.to_json()))
    assert Inspection.from_json(stored) == inspected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size_bytes", "many"),
        ("size_bytes", -1),
        ("macs", 2**70),
        ("dry_run_ms", float("nan")),
        ("dry_run_ms", True),
        ("sha256", "../../etc/passwd"),
        ("task", "x" * 100_000),
        ("operators", ["Conv"]),
        ("operators", {"Conv": 1.5}),
        ("inputs", [{"name": 1, "shape": [], "element_type": ""}]),
        ("inputs", [{"name": "x"}] * 1000),
        ("contract", {"layout": "yolox"}),
        ("proposals", [{"contract": None}]),
        ("proposals", "none"),
        ("warnings", [None]),
        ("metadata", {"a": {}}),
        ("stated", []),
        ("is_admin", True),
        ("opset", None),
        ("stated", {"labels": [[[[[[[[[]]]]]]]]]}),
    ],
)
def test_what_a_child_could_have_made_up_is_not_taken(
    inspected: Inspection, field: str, value: Any
) -> None:
    with pytest.raises(ValueError, match=r"expected|missing"):
        Inspection.from_json({**inspected.to_json(), field: value})


def test_text_that_no_database_takes_is_made_harmless(inspected: Inspection) -> None:
    document = {**inspected.to_json(), "producer": "a\x00b\ud800", "metadata": {"k\x1b": "ü\n"}}
    read = Inspection.from_json(document)
    assert read.producer == "a\ufffdb\ufffd"
    assert read.metadata == {"k\ufffd": "ü\n"}


def test_a_package_brings_its_contract_and_its_card(tmp_path: Path) -> None:
    path, folder = tmp_path / "upload", tmp_path / "unpacked"
    folder.mkdir()
    contract = {"labels": [f"kind {i}" for i in range(80)], "score_threshold": 0.4}
    path.write_bytes(
        package(
            {
                "model.onnx": good(),
                "model.json": json.dumps(contract).encode(),
                "card.md": "# Größe\n".encode(),
                "__MACOSX/._model.onnx": b"what some systems add",
            }
        )
    )
    found = inspect(path, unpack_to=folder, stated={"score_threshold": 0.2})
    assert [x.name for x in folder.iterdir()] == ["model.onnx"]
    assert (folder / "model.onnx").read_bytes() == good()
    assert found.sha256 == hashlib.sha256(good()).hexdigest()
    assert found.card == "# Größe\n"
    assert found.stated == contract
    assert found.contract is not None
    assert found.contract.labels[3] == "kind 3"
    assert found.contract.score_threshold == 0.2  # what the operator states wins


def test_numbered_classes_are_left_to_a_person(tmp_path: Path) -> None:
    path = onnx_zoo.save(onnx_zoo.build(onnx_zoo.ssd_outputs()), tmp_path)
    found = inspect(path)
    assert found.contract is None
    assert {"labels", "class_offset"} <= set(found.proposals[0].unsure)
    assert "a person must choose" in found.warnings[0]
    assert Inspection.from_json(found.to_json()) == found
    chosen = found.proposals[0].contract
    assert inspect(path, stated=chosen.to_json()).contract == chosen


def test_weights_that_are_no_numbers_are_a_warning(tmp_path: Path) -> None:
    broken = onnx.load_from_string(good())
    weight = next(x for x in broken.graph.initializer if x.name == "filters")
    values = numpy_helper.to_array(weight).copy()
    values[0, 0] = np.nan
    weight.CopyFrom(numpy_helper.from_array(values, "filters"))
    path = onnx_zoo.save(broken.SerializeToString(), tmp_path)
    (warning,) = [x for x in inspect(path).warnings if "no finite" in x]
    assert "'filters'" in warning


def test_open_sides_are_settled_by_the_dry_run(tmp_path: Path) -> None:
    build = onnx_zoo.build({"output": onnx_zoo.yolox_output()}, side=None)
    path = onnx_zoo.save(build, tmp_path)
    found = inspect(path, stated={"input_width": 224, "input_height": 224})
    assert found.inputs[0].shape == (1, 3, "height", "width")
    assert found.macs == 222 * 222 * 4 * 27
    assert found.contract is not None
    assert found.contract.input_width == 224


def test_a_refused_file_keeps_its_facts_and_travels(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 3])],
    )
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = onnx_zoo.save(built.SerializeToString(), tmp_path)
    with pytest.raises(ModelRejected, match="looks like classification") as refused:
        inspect(path)
    told = pickle.loads(pickle.dumps(refused.value))
    assert told.code == "unknown_layout"
    assert told.facts["task"] == "classification"
    assert told.facts["operators"] == {"GlobalAveragePool": 1, "Flatten": 1}
    assert told.facts["macs"] == 0
    assert told.facts["dry_run_ms"] > 0


def test_progress_is_told_in_words(tmp_path: Path) -> None:
    path = onnx_zoo.save(good(), tmp_path)
    seen: list[tuple[float, str]] = []
    inspect(path, on_progress=lambda share, words: seen.append((share, words)))
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert seen[0] == (0.02, "reading the file")
    assert seen[-1] == (1.0, "inspected")


def test_a_cancelled_inspection_is_no_rejection(tmp_path: Path) -> None:
    path, folder = tmp_path / "upload", tmp_path / "unpacked"
    folder.mkdir()
    path.write_bytes(package({"model.onnx": good()}))
    begun = threading.Event()
    with pytest.raises(ChildFailed) as told:
        inspect(
            path,
            unpack_to=folder,
            on_progress=lambda share, words: begun.set(),
            cancelled=begun.is_set,
        )
    assert told.value.code == "cancelled"
    assert list(folder.iterdir()) == []
