import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.train.checkpointing import Checkpointer, load_net
from wsss_tf.train.optimizer import MomentumSGD
from wsss_tf.train.schedules import Poly


class Run:
    """A small net, its optimizer and its checkpoints."""

    def __init__(self, folder, units: int = 3):
        self.net = keras.Sequential([
            keras.Input([4]), keras.layers.Dense(units, name="fc6"), keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5), keras.layers.Dense(2, name="fc8")])
        self.optimizer = MomentumSGD(Poly(0.1, 20, 0.9), 0.9, 1e-2)
        self.checkpointer = Checkpointer(folder, self.net, self.optimizer)

    def train(self, steps: int, save: bool = False) -> "Run":
        for _ in range(steps):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(self.net(tf.reshape(tf.range(8.0), [2, 4]) / 8, training=True) - 1))
            variables = self.net.trainable_variables
            self.optimizer.apply(tape.gradient(loss, variables), variables)
            if save:
                self.checkpointer.save(int(self.optimizer.iterations.numpy()))
        return self

    @property
    def state(self) -> list[np.ndarray]:
        return [variable.numpy() for variable in [*self.net.variables, *self.optimizer.variables]]


def assert_same(left: Run, right: Run):
    for a, b in zip(left.state, right.state, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def run(tmp_path):
    """Three steps, each saved."""
    return Run(tmp_path / "run").train(3, save=True)


def test_an_empty_folder_is_step_0(tmp_path):
    run = Run(tmp_path / "new")
    before = run.state
    assert run.checkpointer.restore() == 0
    for a, b in zip(before, run.state):
        np.testing.assert_array_equal(a, b)


def test_everything_comes_back(run, tmp_path):
    """Weights, statistics, momentum buffers, step and the random state of dropout."""
    resumed = Run(tmp_path / "run")
    assert resumed.checkpointer.restore() == 3
    assert_same(resumed, run)
    assert max(np.abs(buffer).max() for buffer in resumed.optimizer.variables[2:]) > 0


def test_a_resumed_run_continues_bit_by_bit(run, tmp_path):
    resumed = Run(tmp_path / "run")
    resumed.checkpointer.restore()
    assert_same(resumed.train(4), run.train(4))


def test_the_folder_may_move(run, tmp_path):
    (tmp_path / "run").rename(tmp_path / "moved")
    moved = Run(tmp_path / "moved")
    assert moved.checkpointer.restore() == 3
    assert_same(moved, run)


def test_two_checkpoints_are_kept(run, tmp_path):
    assert sorted(file.name for file in (tmp_path / "run").glob("*.index")) == ["ckpt-2.index", "ckpt-3.index"]


def test_leftovers_of_a_killed_save_are_removed(run, tmp_path):
    leftover = tmp_path / "run" / "ckpt-4_temp"
    leftover.mkdir()
    (leftover / "part-00000-of-00001.data-00000-of-00001").write_bytes(b"half")
    assert Run(tmp_path / "run").checkpointer.restore() == 3
    assert not leftover.exists()


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, empty, flip, lambda path: path.unlink()])
@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, capsys, damage, part):
    run = Run(tmp_path / "run").train(2, save=True)
    before = run.state
    run.train(1, save=True)
    damage(tmp_path / "run" / f"ckpt-3.{part}")
    resumed = Run(tmp_path / "run")
    assert resumed.checkpointer.restore() == 2
    for a, b in zip(resumed.state, before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert "ckpt-3: this checkpoint is damaged" in capsys.readouterr().out
    resumed.train(1, save=True)
    assert Run(tmp_path / "run").checkpointer.restore() == 3


def test_without_any_usable_checkpoint_the_folder_is_named(run, tmp_path):
    for file in (tmp_path / "run").glob("*.data*"):
        truncate(file)
    with pytest.raises(InputError, match="run: .*damaged.*remove the folder"):
        Run(tmp_path / "run").checkpointer.restore()


def test_checkpoints_of_another_net_are_refused(run, tmp_path):
    with pytest.raises(InputError, match="of another version"):
        Run(tmp_path / "run", units=5).checkpointer.restore()


def test_a_net_alone_takes_the_weights_of_any_checkpoint(tmp_path):
    folder = tmp_path / "alone"
    trained = Run(folder).train(1, save=True)
    wanted = [variable.numpy() for variable in trained.net.weights]
    trained.train(1, save=True)
    net = Run(tmp_path / "other").net
    load_net(net, str(folder / "ckpt-1"))
    for variable, value in zip(net.weights, wanted, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    with pytest.raises(InputError, match="ckpt-1: damaged, or of another net"):
        load_net(Run(tmp_path / "wide", units=5).net, str(folder / "ckpt-1"))
    (folder / "ckpt-1.data-00000-of-00001").write_bytes(b"broken")
    with pytest.raises(InputError, match="ckpt-1: damaged, or of another net"):
        load_net(net, str(folder / "ckpt-1"))
