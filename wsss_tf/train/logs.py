"""Logs of a training run: JSON lines and TensorBoard."""

import json
from pathlib import Path

import tensorflow as tf

from wsss_tf.files.json_artefact import read_log
from wsss_tf.files.store import write_text


class TrainingLog:
    """Writes <folder>/log.jsonl and TensorBoard events under <folder>/tensorboard."""

    def __init__(self, folder: Path, start: int, writes: bool = True):
        """Opens the logs and drops lines beyond the step that a resumed run starts from; writes nothing where another does."""
        self._path, self._writer = folder / "log.jsonl", tf.summary.create_noop_writer()
        self._writes = writes
        if not writes:
            return
        if self._path.exists():
            kept = [line for line in read_log(self._path) if line["step"] <= start]
            write_text(self._path, "".join(json.dumps(line) + "\n" for line in kept))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = tf.summary.create_file_writer(str(folder / "tensorboard"))

    def __enter__(self) -> "TrainingLog":
        return self

    def __exit__(self, *unused) -> None:
        self._writer.close()

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Appends one line of numbers."""
        if not self._writes:
            return
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        with self._writer.as_default():
            for name, value in values.items():
                tf.summary.scalar(name, value, step)

    def pictures(self, step: int, **pictures: tf.Tensor) -> None:
        """Adds uint8 pictures [B, H, W, 3], four at most of each name."""
        with self._writer.as_default():
            for name, batch in pictures.items():
                tf.summary.image(name, batch, step, max_outputs=4)
        self._writer.flush()
