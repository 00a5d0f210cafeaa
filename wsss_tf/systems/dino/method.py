"""Self-distillation of a transformer without labels (DINO).

The student sees all views of a photo, the teacher the two global ones; the
teacher is a running mean of the student.
"""

import dataclasses

import keras
import tensorflow as tf

from wsss_tf.systems.dino import loss as dino_loss
from wsss_tf.config import setting
from wsss_tf.data.stream.multicrop import GLOBAL_VIEWS
from wsss_tf.nets import vit
from wsss_tf.ops import colour
from wsss_tf.nets.projection import add_projection
from wsss_tf.train.schedules import Cosine
from wsss_tf.train.loop import LoopConfig

Views = dict[str, tf.Tensor]
"""One batch of the stream (wsss_tf.data.stream.multicrop), centred RGB:

  image    float32 [B, S, S, 3]     first global view
  partner  float32 [B, S, S, 3]     second global view
  local    float32 [B, L, s, s, 3]  local views, if there are any
"""


@dataclasses.dataclass(frozen=True)
class DistillationConfig:
    """Net, temperatures and momenta of self-distillation; the defaults are DINO's."""

    vit: str = setting("vit_s16", "size of the transformer", tuple(vit.SIZES))
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
    clip_each: float = setting(3.0, "largest norm of the gradient of each variable, 0 for no limit", low=0.0)
    freeze_last: int = setting(1, "epochs in which the head's last layer stays as it is", low=0)


class SelfDistillation:
    """Student, teacher and centre.

    Ref: Caron et al., ICCV 2021, algorithm 1.
    """

    def __init__(self, config: DistillationConfig, steps: int, warmup: int):
        """Makes the nets, the teacher like the student.

        Args:
          config: net, temperatures, momenta.
          steps: of the whole training.
          warmup: steps over which the teacher's temperature rises.
        """
        self.net, self.teacher = _student(config), _student(config)
        self.teacher.set_weights(self.net.get_weights())
        self.teacher.trainable = False
        self.centre = tf.Variable(tf.zeros([config.outputs]), trainable=False, name="centre")
        self.step = tf.Variable(0, trainable=False, dtype=tf.int64, name="step")
        self.state = {"teacher": self.teacher, "centre": self.centre, "step": self.step}
        self._config, self._warmup = config, warmup
        self._momentum = Cosine(config.momentum, 1.0, steps)

    @property
    def trained(self) -> keras.Model:
        """The teacher's transformer, which is the better one: image -> [CLS] float32 [B, width]."""
        return self.teacher.get_layer(self._config.vit)

    def losses(self, batch: Views) -> dict[str, tf.Tensor]:
        """The loss (eq. 3), what tells a collapse, and what moves the centre.

        Returns:
          float32 [B] each: "loss"; "entropy" of the teacher; "divergence", the
          rest of the loss; "information" about the example in the teacher's
          output. The last two vanish in a collapse. And float32 [B, K] "teacher",
          its mean logits.
        """
        config, views = self._config, tf.concat([batch["image"], batch["partner"]], axis=0)
        teacher = _by_example(self.teacher(views, training=False))
        target = dino_loss.teacher_output(teacher, self.centre, self._temperature())
        student = _by_example(self.net(views, training=True))
        if "local" in batch:
            shape = tf.shape(batch["local"])
            local = self.net(tf.reshape(batch["local"], tf.concat([[-1], shape[2:]], axis=0)), training=True)
            student = tf.concat([student, tf.reshape(local, [shape[0], shape[1], config.outputs])], axis=1)
        loss = dino_loss.dino_loss(student, target, config.student_temperature)
        entropy = dino_loss.entropy(target)
        return {"loss": loss, "entropy": entropy, "divergence": loss - entropy,
                "information": dino_loss.information(target), "teacher": tf.reduce_mean(teacher, axis=1)}

    def after_step(self, means: dict[str, tf.Tensor]) -> None:
        """Moves the teacher towards the student, and the centre towards the teacher's mean output (eq. 4)."""
        kept = self._config.centre_momentum
        self.centre.assign(kept * self.centre + (1.0 - kept) * means["teacher"])
        momentum = self._momentum(self.step)
        for old, new in zip(self.teacher.weights, self.net.weights, strict=True):
            old.assign(momentum * old + (1.0 - momentum) * new)
        self.step.assign_add(1)

    def preview(self, batch: Views) -> tf.Tensor:
        """The second global view, which the student must recognise from the first."""
        return colour.uncentre(batch["partner"])

    def _temperature(self) -> tf.Tensor:
        config = self._config
        done = tf.minimum(tf.cast(self.step, tf.float32) / max(1, self._warmup), 1.0) if self._warmup else 1.0
        return config.teacher_start + (config.teacher_temperature - config.teacher_start) * done


def _student(config: DistillationConfig) -> keras.Model:
    trunk = vit.build(config.vit, facet=vit.CLS, positions=config.positions)
    return add_projection(trunk, config.outputs, config.hidden, config.bottleneck)


def _by_example(logits: tf.Tensor) -> tf.Tensor:
    """The outputs for all first global views and then all second ones: [2 B, K] -> [B, 2, K]."""
    return tf.stack(tf.split(logits, GLOBAL_VIEWS), axis=1)
