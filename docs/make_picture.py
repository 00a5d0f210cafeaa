"""Draws docs/picture.jpg from the finished runs demo_cam and demo_saliency of `make demo`.

python docs/make_picture.py
"""

from pathlib import Path

import cv2
import numpy as np

from wsss_tf.commands.parsing import experiment_of
from wsss_tf.files.cams import normalise, read_cam
from wsss_tf.files.images import read_labels, read_photo
from wsss_tf.files.store import write_image
from wsss_tf.imaging.drawing import draw_heat, draw_labels

ROOT = Path(__file__).parents[1]
SIDE, GAP, TITLE = 256, 8, 26
TRAIN, VAL = "shapes_train_0007", "shapes_val_0003"


def panel(title: str, picture: np.ndarray) -> np.ndarray:
    """A picture under its title: uint8 [SIDE + TITLE, SIDE, 3]."""
    canvas = np.full([SIDE + TITLE, SIDE, 3], 255, np.uint8)
    cv2.putText(canvas, title, (2, TITLE - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
    canvas[TITLE:] = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA if len(picture) > SIDE else cv2.INTER_CUBIC)
    return canvas


def main() -> None:
    """Draws the row: photo and CAM of a training picture, photo and masks of a new one."""
    cam_run, run = (experiment_of([f"--flagfile={ROOT}/flags/demo/{name}.cfg"]) for name in ("cam", "saliency"))
    photos = {example.image_id: read_photo(example.image) for example in (*run.dataset.train, *run.dataset.val)}
    _, cam = read_cam(cam_run.chain.require("cams"), TRAIN)
    masks = run.chain.require("masks")
    panels = [
        panel("photo with tags", photos[TRAIN]),
        panel("class activation map", draw_heat(photos[TRAIN], normalise(cam).max(axis=0, initial=0))),
        panel("new photo", photos[VAL]),
        panel("mask", draw_labels(photos[VAL], read_labels(masks / "plain" / f"{VAL}.png"))),
        panel("mask after the CRF", draw_labels(photos[VAL], read_labels(masks / "crf" / f"{VAL}.png")))]
    gap = np.full([SIDE + TITLE, GAP, 3], 255, np.uint8)
    row = np.concatenate([part for each in panels for part in (each, gap)][:-1], axis=1)
    write_image(Path(__file__).with_name("picture.jpg"), row)


if __name__ == "__main__":
    main()
