"""How many steps a training has, and how many of them are made."""

import pytest

from wsss_tf.errors import InputError
from wsss_tf.train.length import Length, training_length
from wsss_tf.train.settings import TrainConfig


@pytest.mark.parametrize("images, settings, expected", [
    (10582, {"batch": 20, "epochs": 50}, Length(529, 26450, 26450)),  # the thesis's classifier, section 2.4.1
    (10582, {"batch": 8, "epochs": 30, "steps": 20000}, Length(1322, 20000, 20000)),  # EPS
    (10582, {"batch": 16, "epochs": 61, "stop_after": 30.0}, Length(661, 40321, 19830)),  # SC-CAM, round 1
    (10582, {"batch": 16, "epochs": 61, "stop_after": 61.0}, Length(661, 40321, 40321)),
    (9, {"batch": 2, "epochs": 3, "stop_after": 0.5}, Length(4, 12, 2)),
    (9, {"batch": 2, "epochs": 3, "stop_after": 0.01}, Length(4, 12, 1)),
    (9, {"batch": 2, "steps": 7, "stop_after": 1.5}, Length(4, 7, 6)),
    (3, {"batch": 5, "epochs": 2}, Length(1, 2, 2)),
])
def test_length(images, settings, expected):
    assert training_length(TrainConfig(**settings), images) == expected


@pytest.mark.parametrize("length, epochs", [(Length(4, 12, 12), 3), (Length(4, 12, 5), 3), (Length(4, 13, 13), 4), (Length(4, 3, 3), 1)])
def test_epochs_of_the_schedule(length, epochs):
    assert length.epochs == epochs


@pytest.mark.parametrize("settings, most", [({"epochs": 3}, "3"), ({"steps": 10}, "2.5")])
def test_no_stop_after_the_end(settings, most):
    with pytest.raises(InputError, match=f"^stop_after=3.5: expected at most {most}, the epochs of the whole training"):
        training_length(TrainConfig(batch=2, stop_after=3.5, **settings), 9)
