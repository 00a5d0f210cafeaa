"""Flags of self-distillation."""

import dataclasses

from wsss_tf.config import setting
from wsss_tf.nets.settings import VIT_SIZES
from wsss_tf.train.settings import LoopConfig


@dataclasses.dataclass(frozen=True)
class DistillationConfig:
    """Net, temperatures and momenta of self-distillation; the defaults are DINO's."""

    vit: str = setting("vit_s16", "size of the transformer", tuple(VIT_SIZES))
    positions: str = setting("torch", "how the positional embedding is resized: torch (DINO) or tf (thesis, A3-5)",
                             ("torch", "tf"))
    outputs: int = setting(65536, "outputs of the projection head", low=2)
    hidden: int = setting(2048, "width of the hidden layers of the projection head", low=1)
    bottleneck: int = setting(256, "width of the projection head before its last layer", low=1)
    student_temperature: float = setting(0.1, "temperature of the student", low=0.001)
    teacher_temperature: float = setting(0.07, "temperature of the teacher after its warm-up", low=0.001)
    teacher_start: float = setting(0.04, "temperature of the teacher at the start", low=0.001)
    teacher_warmup: int = setting(30, "epochs over which the teacher's temperature rises", low=0)
    momentum: float = setting(0.996, "share of the old teacher in the new one at the start; rises to 1 on a cosine",
                              low=0.0)
    centre_momentum: float = setting(0.9, "share of the old centre in the new one", low=0.0)


@dataclasses.dataclass(frozen=True)
class DistillationTrainConfig(LoopConfig):
    """Optimiser and length of self-distillation; the defaults are DINO's."""

    batch: int = setting(64, "photos per step; DINO 64 on each of its GPUs", low=1)
    epochs: int = setting(100, "passes over the photos; DINO 100 to 800", low=1)
    lr: float = setting(5e-4, "learning rate after the warm-up for 256 photos per step; goes with them", low=0.0)
    lr_end: float = setting(1e-6, "learning rate at the end of its cosine", low=0.0)
    warmup: int = setting(10, "epochs over which the learning rate rises from 0", low=0)
    weight_decay: float = setting(0.04, "decay of kernels at the start; none on biases and norms", low=0.0)
    weight_decay_end: float = setting(0.4, "decay of kernels at the end of its cosine", low=0.0)
    clip_each: float | None = setting(3.0, "largest norm of the gradient of each variable", low=0.0, kind=float)
    freeze_last: int = setting(1, "epochs in which the head's last layer stays as it is", low=0)
