"""The loop: batch, loss, step, average; saved, evaluated and told about now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from models_registry.training.average import Average
from models_registry.training.batches import Batch, Batches
from models_registry.training.checkpoint import FILE as CHECKPOINT
from models_registry.training.checkpoint import (
    Checkpoint,
    Parts,
    load_begun,
    restore,
    save,
    state_of,
)
from models_registry.training.errors import TrainingFailed
from models_registry.training.frequency_gates import open_share
from models_registry.training.history import Evaluated, History, StepFigures
from models_registry.training.loss import DetectionLoss, Losses, Truth
from models_registry.training.network import DetectorNet
from models_registry.training.optimiser import make_optimiser, rate_at
from models_registry.training.recipe import Recipe

Said = Callable[[str], None]
Evaluate = Callable[[Any, int], list[Evaluated]]
Beside = Callable[[Tensor, Tensor], Tensor]
TELL_EVERY_S = 5.0
FIGURES_EVERY = 20
LONGEST_GRADIENT = 10.0
BAND_COST = 0.1  # what open gates of a frequency stem add to the loss


@dataclass(slots=True)
class _Sums:
    """Since the last entry in the history."""

    steps: int = 0
    losses: list[tuple[float, float, float]] = field(default_factory=list)
    cells: int = 0
    pictures: int = 0
    started_s: float = field(default_factory=time.perf_counter)


class Trainer:
    """Trains one net by ``recipe`` in ``folder``; whoever makes it anew there goes on.

    ``net``: instead of a fresh ``DetectorNet`` another module with its inputs and outputs.
    ``beside``: a further loss of the pixels (0–1; the clear ones of a batch that has them) and the
    net's answer to them.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        evaluate: Evaluate,
        said: Said,
        *,
        resume: bool = False,
        net: nn.Module | None = None,
        beside: Beside | None = None,
    ) -> None:
        self._recipe, self._folder = recipe, folder
        self._evaluate, self._said = evaluate, said
        self._device = torch.device(recipe.schedule.device)
        torch.manual_seed(recipe.seed)
        net = DetectorNet(recipe.network, len(recipe.classes)) if net is None else net
        self.net = net.to(self._device, memory_format=torch.channels_last)
        self._optimiser = make_optimiser(self.net, recipe.schedule)
        self._average = Average(self.net, recipe.schedule.average)
        self._loss = DetectionLoss(recipe.loss, recipe.network.strides)
        self._beside = beside
        self.history, self.step = History(), 0
        found = load_begun(folder, resume=resume)
        if found:
            self._take_up(found)
        elif resume:
            said(f"{folder}: nothing to go on from yet, begins with step 1")

    @property
    def averaged(self) -> Any:
        """The net with the weights that are shipped."""
        return self._average.net

    def run(self, batches: Batches, stop: Callable[[], bool] = lambda: False) -> bool:
        """Whether it came to the end; ``stop`` is asked after each step. What was done is saved.

        Raises ``TrainingFailed`` (``loss_not_finite``); the last checkpoint stays as it is.
        """
        schedule = self._recipe.schedule
        sums, told_s = _Sums(), time.perf_counter()
        began_s = time.perf_counter() - self.history.seconds
        for batch in self._loaded(batches):
            losses = self._learn(batch)
            self.step += 1
            self._average.follow(self.net, self.step - 1)
            self._count(sums, losses, len(batch.pixels))
            now_s = time.perf_counter()
            self.history.seconds = now_s - began_s
            last = self.step == schedule.steps
            if self.step % FIGURES_EVERY == 0 or last:
                sums = self._note(sums, now_s)
            if now_s - told_s >= TELL_EVERY_S:
                told_s = now_s
                self._tell()
            if self.step % schedule.evaluate_every == 0 or last:
                self.examine()
                sums.started_s += time.perf_counter() - now_s
            stopped = not last and stop()
            if self.step % schedule.save_every == 0 or last or stopped:
                self.save()
            if stopped:
                self._said(f"stopped after step {self.step}; --resume goes on from here")
                return False
        return True

    def examine(self) -> None:
        """Figures of this step; they replace those that it has already."""
        found = self._evaluate(self.averaged, self.step)
        history = self.history
        history.evaluations = [x for x in history.evaluations if x.step != self.step] + found
        for evaluated in found:
            self._said(f"step {self.step} {evaluated.words()}")

    def save(self) -> None:
        """The whole state, replaced in one go."""
        recipe, history = self._recipe.to_json(), self.history.to_json()
        save(self._folder, state_of(self.step, recipe, history, self._parts))

    @property
    def _parts(self) -> Parts:
        return self.net, self._average.net, self._optimiser

    def _take_up(self, found: Checkpoint) -> None:
        restore(found, self._folder, self._recipe.to_json(), self._parts)
        self.history, self.step = History.from_json(found.history), found.step
        self._said(f"goes on after step {self.step}")

    def _loaded(self, batches: Batches) -> Iterator[Batch]:
        steps = range(self.step, self._recipe.schedule.steps)
        loader: DataLoader[Any] = DataLoader(
            batches.handed_over(),
            batch_size=None,
            sampler=steps,
            num_workers=self._recipe.schedule.workers,
            worker_init_fn=_one_thread,
        )
        for batch in loader:
            if isinstance(batch, TrainingFailed):
                raise batch
            yield batch

    def _learn(self, batch: Batch) -> Losses:
        self.net.train()
        rate = rate_at(self.step, self._recipe.schedule)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        pixels = self._pixels(batch.pixels)
        half = self._recipe.schedule.precision == "bfloat16"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=half):
            answer = self.net(pixels)
        losses = self._loss(
            answer,
            pixels.shape[3],
            pixels.shape[2],
            Truth(*map(self._tensor, (batch.rows, batch.ignored, batch.labelled))),
        )
        total = losses.total + BAND_COST * open_share(self.net)
        if self._beside is not None:
            shown = pixels if batch.clear is None else self._pixels(batch.clear)
            total = total + self._beside(shown, answer.float())
        self._optimiser.zero_grad(set_to_none=True)
        total.backward()
        length = torch.nn.utils.clip_grad_norm_(self.net.parameters(), LONGEST_GRADIENT)
        if not (torch.isfinite(total) and torch.isfinite(length)):
            raise self._not_finite(total, length)
        self._optimiser.step()
        return losses

    def _not_finite(self, loss: Tensor, gradient: Tensor) -> TrainingFailed:
        """Nothing was learnt from it yet, so whatever was saved is sound."""
        saved = (self._folder / CHECKPOINT).is_file()
        return TrainingFailed(
            "loss_not_finite",
            f"step {self.step + 1}: expected a finite loss and gradient, got {loss.item()} and"
            f" {gradient.item()}: a lower schedule.rate may help"
            + ("; --resume goes on from the last checkpoint" if saved else ""),
        )

    def _pixels(self, array: Any) -> Tensor:
        pixels = self._tensor(array).float().div_(255)
        return pixels.contiguous(memory_format=torch.channels_last)

    def _tensor(self, array: Any) -> Tensor:
        return torch.from_numpy(array).to(self._device)

    def _count(self, sums: _Sums, losses: Losses, pictures: int) -> None:
        sums.steps += 1
        sums.losses.append((losses.total.item(), losses.classes.item(), losses.boxes.item()))
        sums.cells += losses.objects
        sums.pictures += pictures

    def _note(self, sums: _Sums, now_s: float) -> _Sums:
        total, classes, boxes = (sum(x) / sums.steps for x in zip(*sums.losses, strict=True))
        self.history.steps.append(
            StepFigures(
                step=self.step,
                loss=total,
                class_loss=classes,
                box_loss=boxes,
                cells_per_picture=sums.cells / sums.pictures,
                rate=rate_at(self.step - 1, self._recipe.schedule),
                pictures_per_s=sums.pictures / max(now_s - sums.started_s, 1e-9),
            )
        )
        return _Sums()

    def _tell(self) -> None:
        steps, seconds = self._recipe.schedule.steps, self.history.seconds
        left_s = seconds / self.step * (steps - self.step)
        loss = f"{self.history.steps[-1].loss:.3f}" if self.history.steps else "–"
        rate = self.step * self._recipe.schedule.batch / seconds
        self._said(
            f"step {self.step} of {steps}, loss {loss}, {rate:.0f} pictures/s,"
            f" {math.ceil(left_s / 60)} min left"
        )


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(0)  # OpenCV's own threads do not survive the fork
    torch.set_num_threads(1)
