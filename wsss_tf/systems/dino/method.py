"""Self-distillation of a transformer without labels (DINO).

The student sees all views of a photo, the teacher the two global ones; the
teacher is a running mean of the student.
"""


import keras
import tensorflow as tf

from wsss_tf.data.stream.multicrop import GLOBAL_VIEWS
from wsss_tf.nets import vit
from wsss_tf.nets.projection import add_projection
from wsss_tf.ops import colour
from wsss_tf.systems.dino import loss as dino_loss
from wsss_tf.systems.dino.settings import DistillationConfig
from wsss_tf.train.schedules import Cosine

Views = dict[str, tf.Tensor]
"""One batch of the stream (wsss_tf.data.stream.multicrop), centred RGB:

  image    float32 [B, S, S, 3]     first global view
  partner  float32 [B, S, S, 3]     second global view
  local    float32 [B, L, s, s, 3]  local views, if there are any
"""


class SelfDistillation:
    """Student, teacher and centre.

    Ref: Caron et al., ICCV 2021, algorithm 1.
    """

    reads = {}

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
