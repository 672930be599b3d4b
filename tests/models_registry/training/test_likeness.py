"""A teacher whose maps the student's are to be like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from models_registry.training.errors import TrainingFailed
from models_registry.training.extra import with_torch
from models_registry.training.recipe_file import read_recipe
from tests.models_registry.training.rectangles import (
    HEIGHT,
    WIDTH,
    Trained,
    needs_torch,
    recipe_document,
    train,
)

pytestmark = needs_torch
CHANNELS = (5, 7)  # of a made-up teacher


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.fixture
def net(torch: Any) -> Any:
    torch.manual_seed(1)
    recipe = read_recipe(recipe_document())
    return with_torch("network").DetectorNet(recipe.network, len(recipe.classes)).train()


def maps_of(path: Path) -> list[str]:
    """What the heads of a trained file share, stride by stride."""
    names = [x for node in onnx.load(path).graph.node for x in node.output]
    return [next(x for x in names if x.startswith(f"net_heads_{at}_shared_2")) for at in (0, 1)]


def like(teacher: Path, **fields: Any) -> dict[str, Any]:
    """A narrower student of ``teacher``'s maps."""
    document = recipe_document(steps=12)
    document["network"]["width"] = 0.25
    document["evaluation"] = []
    told = {"path": str(teacher.resolve()), "likeness": 2.0, "soften": 0.0, **fields}
    document["teacher"] = {"maps": maps_of(teacher), **told}
    return document


def made_maps(torch: Any) -> list[Any]:
    """Of two pictures in strides 8 and 16."""
    drawn = torch.Generator().manual_seed(2)
    sizes = ((HEIGHT // 8, WIDTH // 8), (HEIGHT // 16, WIDTH // 16))
    return [
        torch.randn(2, channels, *size, generator=drawn)
        for channels, size in zip(CHANNELS, sizes, strict=True)
    ]


def test_a_net_learns_to_be_like_maps_and_what_turns_its_own_learns_with_it(
    torch: Any, net: Any
) -> None:
    unlike = with_torch("likeness").join(net, CHANNELS)
    pixels, wanted = torch.rand(2, 3, HEIGHT, WIDTH), made_maps(torch)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    losses = []
    for _ in range(40):
        net(pixels)
        loss = unlike(wanted)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]
    assert any(name.startswith("likeness.") for name, _ in net.named_parameters())


def test_only_the_course_of_a_channel_counts(torch: Any, net: Any) -> None:
    unlike = with_torch("likeness").join(net, CHANNELS)
    pixels, wanted = torch.rand(2, 3, HEIGHT, WIDTH), made_maps(torch)
    net(pixels)
    first = unlike(wanted)
    net(pixels)
    torch.testing.assert_close(unlike([3 * x + 7 for x in wanted]), first, rtol=1e-3, atol=1e-4)


def test_outside_training_the_net_is_not_listened_to(torch: Any, net: Any) -> None:
    unlike = with_torch("likeness").join(net, CHANNELS)
    pixels, wanted = torch.rand(2, 3, HEIGHT, WIDTH), made_maps(torch)
    net(pixels)
    net.eval()(torch.zeros_like(pixels))  # what an examination does between two steps
    net.train()
    before = unlike(wanted)
    net(pixels)
    torch.testing.assert_close(unlike(wanted), before)


def weights(path: Path) -> int:
    return sum(int(np.prod(x.dims)) for x in onnx.load(path).graph.initializer)


def test_a_student_s_file_holds_nothing_of_it(trained: Trained) -> None:
    document = like(trained.path)
    taught, _ = train(trained.data, document, out="like", distil=True)
    alone, _ = train(trained.data, document, out="alone")
    assert weights(taught) == weights(alone)


def test_a_run_that_was_broken_off_goes_on_with_what_turns_the_maps(trained: Trained) -> None:
    document = like(trained.path, clear=True)
    whole, _ = train(trained.data, document, out="whole-like", distil=True)
    steps = iter([False] * 5 + [True])
    stop = {"stop": lambda: next(steps)}
    assert train(trained.data, document, out="broken-like", distil=True, **stop)[0] is None
    again, _ = train(trained.data, document, out="broken-like", distil=True, resume=True)
    assert whole.read_bytes() == again.read_bytes()


def test_the_teacher_sees_the_picture_before_light_and_weather(trained: Trained) -> None:
    batches, run = with_torch("batches"), with_torch("run")
    document = like(trained.path, clear=True)
    document["augmentation"] |= {"night": 1.0, "colour": 0.0, "rain": 0.0, "snow": 0.0}
    recipe = read_recipe(document)
    places = run.Places(trained.data, trained.data / "out", trained.data / "kept")
    sources, _ = run.prepare(recipe, places, run.no_renderer, lambda words: None)
    batch = batches.Batches(recipe, sources)[0]
    assert batch.clear.shape == batch.pixels.shape
    assert batch.pixels.mean() < 0.6 * batch.clear.mean()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"maps": ["no-such-tensor", "output"]}, r"names of its tensors, got \['no-such-tensor'\]"),
        ({"maps": "the other way round"}, r"maps of \[\(8, 12\), \(4, 6\)\] rows and columns, got"),
        ({"cells": 1.0}, "the layout yolox for cells beside likeness, got yolov8"),
        ({"maps": []}, r"teacher.maps: expected a tensor for each of \[8, 16\]"),
        ({"likeness": 0.0, "soften": 0.5}, "teacher.likeness: expected a weight above 0"),
        (
            {"likeness": 0.0, "maps": [], "soften": 0.5, "clear": True},
            "teacher.clear: expected cells or likeness above 0",
        ),
    ],
)
def test_maps_that_cannot_be_compared_are_told(
    trained: Trained, fields: dict[str, Any], words: str
) -> None:
    if fields.get("maps") == "the other way round":
        fields = {"maps": maps_of(trained.path)[::-1]}
    with pytest.raises(TrainingFailed, match=words):
        train(trained.data, like(trained.path, **fields), out="refused", distil=True)
