"""The loop of a classifier: batch, what labels and teacher say of it, step, average."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models_registry.training.average import Average
from models_registry.training.checkpoint import (
    Checkpoint,
    Parts,
    load_begun,
    restore,
    save,
    state_of,
)
from models_registry.training.classifier_network import ClassifierNet
from models_registry.training.classifier_recipe import ClassifierRecipe
from models_registry.training.errors import TrainingFailed
from models_registry.training.finetune_classifier import Draw, classifier_loss
from models_registry.training.frequency_gates import open_share
from models_registry.training.optimiser import make_optimiser, rate_at
from models_registry.training.soft_targets import Teach
from models_registry.training.trainer import LONGEST_GRADIENT, TELL_EVERY_S, Said

SEEDS_APART = 1_000_003
Evaluate = Callable[[ClassifierNet, int], dict[str, float]]


class ClassifierTrainer:
    """Trains one net by ``recipe``. With a ``folder`` it keeps checkpoints there and goes on from
    the last. ``evaluate``: accuracy by weather of a net after a step."""

    def __init__(
        self,
        recipe: ClassifierRecipe,
        classes: int,
        *,
        folder: Path | None = None,
        resume: bool = False,
        teach: Teach | None = None,
        evaluate: Evaluate = lambda net, step: {},
        said: Said = print,
    ) -> None:
        self._recipe, self._folder, self._teach = recipe, folder, teach
        self._evaluate, self._said = evaluate, said
        self._device = torch.device(recipe.schedule.device)
        torch.manual_seed(recipe.seed)
        net = ClassifierNet(recipe.network, classes)
        self.net = net.to(self._device, memory_format=torch.channels_last)
        self._optimiser = make_optimiser(self.net, recipe.schedule)
        self._average = Average(self.net, recipe.schedule.average)
        self.step, self.seconds, self.evaluations = 0, 0.0, list[tuple[int, dict[str, float]]]()
        found = load_begun(folder, resume=resume) if folder else None
        if found:
            self._take_up(found)

    @property
    def averaged(self) -> ClassifierNet:
        """The net with the weights that are shipped."""
        net: ClassifierNet = self._average.net
        return net

    def run(self, draw: Draw, stop: Callable[[], bool] = lambda: False) -> bool:
        """Whether it came to the end; ``stop`` is asked after each step. What was done is saved.

        ``draw``: as ``KindBatches.draw``. Raises ``TrainingFailed`` (``loss_not_finite``).
        """
        schedule = self._recipe.schedule
        began_s, told_s = time.perf_counter() - self.seconds, time.perf_counter()
        while self.step < schedule.steps:
            loss = self._learn(*draw(self.step))
            self.step += 1
            self._average.follow(self.net, self.step - 1)
            self.seconds = time.perf_counter() - began_s
            last = self.step == schedule.steps
            if time.perf_counter() - told_s >= TELL_EVERY_S:
                told_s = time.perf_counter()
                left_s = self.seconds / self.step * (schedule.steps - self.step)
                words = f"step {self.step} of {schedule.steps}, loss {loss:.3f}"
                self._said(f"{words}, {math.ceil(left_s / 60)} min left")
            if self.step % schedule.evaluate_every == 0 or last:
                self.evaluations.append((self.step, self._evaluate(self.averaged, self.step)))
            stopped = not last and stop()
            if self.step % schedule.save_every == 0 or last or stopped:
                self.save()
            if stopped:
                self._said(f"stopped after step {self.step}; --resume goes on from here")
                return False
        return True

    def save(self) -> None:
        """The whole state, replaced in one go."""
        if self._folder is None:
            return
        history = {"seconds": self.seconds, "evaluations": self.evaluations}
        recipe = self._recipe.to_json()
        save(self._folder, state_of(self.step, recipe, history, self._parts))

    @property
    def _parts(self) -> Parts:
        return self.net, self._average.net, self._optimiser

    def _take_up(self, found: Checkpoint) -> None:
        assert self._folder is not None  # where it was found
        restore(found, self._folder, self._recipe.to_json(), self._parts)
        self.step, self.seconds = found.step, found.history["seconds"]
        self.evaluations = [(step, found) for step, found in found.history["evaluations"]]
        self._said(f"goes on after step {self.step}")

    def _learn(self, pixels: NDArray[np.uint8], kinds: NDArray[np.int64]) -> float:
        recipe, self.net = self._recipe, self.net.train()
        for group in self._optimiser.param_groups:
            group["lr"] = rate_at(self.step, recipe.schedule)
        torch.manual_seed(
            recipe.seed * SEEDS_APART + self.step
        )  # what gates draw, after a break too
        shown = torch.from_numpy(pixels).to(self._device).float().div_(255)
        shown = shown.contiguous(memory_format=torch.channels_last)
        half = recipe.schedule.precision == "bfloat16"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=half):
            answer = self.net(shown).float()
        loss = self._loss(answer, pixels, torch.from_numpy(kinds).to(self._device))
        if not torch.isfinite(loss):
            raise TrainingFailed(
                "loss_not_finite", f"step {self.step + 1}: a lower schedule.rate may help"
            )
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), LONGEST_GRADIENT)
        self._optimiser.step()
        return float(loss.detach())

    def _loss(self, answer: Tensor, pixels: NDArray[np.uint8], kinds: Tensor) -> Tensor:
        teacher = self._recipe.teacher
        meant = None if self._teach is None else self._teach(pixels).to(self._device)
        part, temperature = (teacher.part, teacher.temperature) if teacher else (0.0, 1.0)
        loss = classifier_loss(answer, kinds, meant, part, temperature)
        return loss + self._recipe.network.band_cost * open_share(self.net)
