"""Fine-tuning as a supervised job on Ray Train: on a GPU where the cluster has one, else on the CPU."""

from __future__ import annotations

import json
import logging
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray import train as ray_train
from ray.train import Checkpoint, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

from herald.inference.pretrained import open_pretrained
from training.build import BuildSettings, Report
from training.finetune import FineTuning, Tuned, Tuner
from training.targets import Targets

PROGRESS, WEIGHTS, HISTORY = "progress.json", "weights.npz", "history.json"
FAILURES_MAX = 1
_TOLD_EVERY_STEPS = 5
_LOOK_S = 1.0

Examples = tuple[Sequence[str], Targets]


def fine_tune(train: Examples, held_out: Examples, *, settings: BuildSettings, report: Report) -> Tuned:
    """Fine-tune in a worker of Ray's, and tell its progress here.

    A worker that dies is started once more. Ray is started on this machine if this process has joined no cluster, and
    stopped again. Raises ``ray.train.TrainingFailedError``.
    """
    own = not ray.is_initialized()
    if own:
        report("starting Ray", 0.0, {})
        quiet: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
        ray.init(**quiet, _node_ip_address="127.0.0.1")
    try:
        with tempfile.TemporaryDirectory(prefix="herald-train-") as folder:
            return _fit(train, held_out, settings, report, Path(folder))
    finally:
        if own:
            ray.shutdown()


def _fit(train: Examples, held_out: Examples, settings: BuildSettings, report: Report, folder: Path) -> Tuned:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    gpus = int(resources.get("GPU", 0))
    trainer = TorchTrainer(
        _work,
        train_loop_config={
            "train": train,
            "held_out": held_out,
            "tuning": FineTuning(threads=settings.threads, epochs=settings.epochs).model_dump(),
            "seed": settings.seed,
            "encoder": settings.encoder,
            "progress": str(folder / PROGRESS),
        },
        scaling_config=ScalingConfig(num_workers=1, use_gpu=bool(gpus)),
        run_config=RunConfig(
            name="fine-tuning", storage_path=str(folder), failure_config=FailureConfig(max_failures=FAILURES_MAX)
        ),
    )
    done = threading.Event()
    teller = threading.Thread(target=_tell, args=(folder / PROGRESS, report, done), daemon=True)
    teller.start()
    try:
        result = trainer.fit()
    finally:
        done.set()
        teller.join()
    if result.checkpoint is None:
        raise RuntimeError("the fine-tuning ended without a checkpoint; look at Ray's logs")
    with result.checkpoint.as_directory() as place:
        return _read(Path(place))


def _work(config: dict[str, Any]) -> None:
    """Train in the worker, and hand the weights over as a checkpoint."""
    import torch  # noqa: PLC0415 - the worker's own

    progress = Path(config["progress"])

    def tell(done: int, steps: int, figures: Mapping[str, float]) -> None:
        if done % _TOLD_EVERY_STEPS == 0 or done == steps:
            new = progress.with_suffix(".new")
            new.write_text(json.dumps({"share": done / steps, "figures": dict(figures)}), "utf-8")
            new.replace(progress)

    device = "cuda" if torch.cuda.is_available() else "cpu"
    pretrained = open_pretrained(config["encoder"])
    tuner = Tuner(pretrained, FineTuning(**config["tuning"]), device=device, seed=config["seed"])
    tuned = tuner.train(config["train"], config["held_out"], tell)
    with tempfile.TemporaryDirectory(prefix="herald-weights-") as place:
        arrays: dict[str, Any] = {f"encoder/{name}": array for name, array in tuned.encoder.items()}
        np.savez(Path(place) / WEIGHTS, **arrays, weights=tuned.weights, bias=tuned.bias)
        (Path(place) / HISTORY).write_text(json.dumps([dict(epoch) for epoch in tuned.epochs]), "utf-8")
        ray_train.report(dict(tuned.epochs[-1]), checkpoint=Checkpoint.from_directory(place))


def _tell(progress: Path, report: Report, done: threading.Event) -> None:
    while not done.wait(_LOOK_S):
        if progress.exists():
            said = json.loads(progress.read_text("utf-8"))
            report("fine-tuning", said["share"], said["figures"])


def _read(place: Path) -> Tuned:
    with np.load(place / WEIGHTS, allow_pickle=False) as arrays:
        encoder = {name.removeprefix("encoder/"): arrays[name] for name in arrays.files if name.startswith("encoder/")}
        weights, bias = arrays["weights"], arrays["bias"]
    return Tuned(encoder, weights, bias, tuple(json.loads((place / HISTORY).read_text("utf-8"))))
