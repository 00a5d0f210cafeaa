"""Flags of the training engine."""

import dataclasses

from wsss_tf.config import setting
from wsss_tf.nets.settings import LAST_LAYERS

ORDERS = ("tensorflow", "caffe")  # of learning rate and momentum
FORMATS = ("float32", "mixed_float16", "mixed_bfloat16")  # of the nets' numbers


@dataclasses.dataclass(frozen=True)
class LoopConfig:
    """What the training loop needs to know with any optimizer."""

    batch: int = setting(20, "images per step", low=1)
    parts: int = setting(1, "gradient accumulation: each device computes its images of a step in this many parts, one after the "
                            "other, and needs memory for one part only; the gradients are those of the whole batch", low=1)
    precision: str = setting("float32", "number format of the nets in training; mixed_float16 scales its loss", FORMATS)
    clip_norm: float | None = setting(None, "limit on the norm of the whole gradient; the thesis has none", low=0.0, kind=float)
    log_every: int = setting(20, "steps between log lines", low=1, counts=False)
    save_every: int = setting(200, "steps between checkpoints and example pictures", low=1, counts=False)


@dataclasses.dataclass(frozen=True)
class TrainConfig(LoopConfig):
    """Stochastic gradient descent: how long, how fast, on what (section 2.4.1)."""

    epochs: int = setting(30, "passes over the training images (section 2.4.1: segmenter 30, classifier 50)", low=1)
    steps: int | None = setting(None, "length of the training in steps, for papers that give it so (EPS: 20000); none: as "
                                      "--epochs says", low=1, kind=int)
    stop_after: float | None = setting(None, "end the training after this many epochs, before the learning rate has run its "
                                             "course (SC-CAM uses epochs 30, 40 and 50 of 61); none: at its end", low=0.0,
                                       kind=float)
    lr: float = setting(1e-3, "learning rate at the start; of the triangular schedule, in its middle", low=0.0)
    schedule: str = setting("poly", "course of the learning rate: poly, constant, or triangular by epochs, as in LDF",
                            ("poly", "constant", "triangular"))
    power: float = setting(0.9, "power of the poly decay of the learning rate")
    warmup_epochs: int = setting(0, "epochs in which the learning rate climbs from warmup_lr; chapter 3 has 3 (section "
                                    "3.4.1, A3-12)", low=0)
    warmup_lr: float = setting(1e-6, "learning rate at the first step of the warm-up (section 3.4.1)", low=0.0)
    momentum: float = setting(0.9, "momentum of SGD; the released code of PSA, IRN, SEAM, EPS, SC-CAM and SIPE passes its weight "
                                   "decay (1e-4 or 5e-4) in the momentum's place by mistake (docs/methods.md)")
    momentum_order: str = setting("tensorflow", "where the learning rate stands: outside the momentum buffer, as in TensorFlow "
                                                "and PyTorch, or inside, as in caffe (docs/methods.md)", ORDERS)
    nesterov: bool = setting(False, "use Nesterov's momentum in PyTorch's form, as LDF does")
    weight_decay: float = setting(5e-4, "factor of the L2 penalty on kernels, whose gradient is added to that of the loss; biases "
                                        "and norms have none")
    decay_all: bool = setting(False, "let the L2 penalty act on biases and norms too, as IRN does")
    bias_multiplier: float = setting(2.0, "factor on the learning rate of biases (A2-25)", low=0.0)
    last_multiplier: float = setting(10.0, "factor on the learning rate of the last layers; their biases have both (A2-25)")
    last_decay: float = setting(1.0, "factor on the L2 penalty of the last layers", low=0.0)
    last_layers: str = setting("fc8", "which layers are the last ones: fc8 alone (A2-25), or the head, all new layers",
                               tuple(LAST_LAYERS))
    warmup_until: str = setting(
        "lr", "where the warm-up ends: lr, at the whole rate, after which the schedule goes on from where it stands by then "
              "(section 3.4.1, A3-12); or schedule, where it meets the schedule's curve", ("lr", "schedule"))
    lr_every: int = setting(1, "steps between two changes of the learning rate; deeplab-pytorch has 10 (docs/methods.md)",
                            low=1)
