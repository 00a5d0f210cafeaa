"""Flags of the training streams."""

import dataclasses

from wsss_tf.config import setting


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """Training crops (section 2.4.1)."""

    crop: int = setting(321, "side of the square training crop in pixels (section 2.4.1: 321, 3.4.1: 448)", low=16)
    crop_scales: tuple = setting((0.5, 0.75, 1.0, 1.25, 1.5), "random resize factors, one is drawn (A2-11)", low=0.1)
    mirror: bool = setting(True, "mirror half of the crops")
    brightness: float = setting(0.3, "brightness factor drawn from 1 +- this; the thesis does not give the ranges")
    contrast: float = setting(0.3, "contrast factor drawn from 1 +- this")
    saturation: float = setting(0.3, "saturation factor drawn from 1 +- this")
    hue: float = setting(0.1, "hue turn drawn from +- this, in full turns")
    resize_long: tuple = setting((), "two numbers: the long side is drawn between them and the photo resized to it, bicubic, "
                                     "instead of by crop_scales (IRN: 320,640)")
    batch_sizes: tuple = setting((), "sides of square images in pixels, of which each batch draws one: its photos are stretched "
                                     "to it as they are, instead of resized and cropped (LDF: 224,256,288,320,352)")
    cut: float = setting(0.0, "with batch_sizes: a random part of each side, less than this share of it, is cut off before "
                              "(LDF: 0.125)", low=0.0)


@dataclasses.dataclass(frozen=True)
class ClassifierCropConfig:
    """Where the crops of the classifier differ from those of the segmenter."""

    crop: int | None = setting(None, "side of the classifier's crops in pixels (IRN: 512); none: as --crop", low=16, kind=int)
    resize_long: tuple = setting((), "as --resize_long, for the classifier; empty: as there")
    jitter: bool = setting(True, "colour jitter as by --brightness and so on; IRN has none")

    def applied_to(self, crops: AugmentConfig) -> AugmentConfig:
        """The crops of the classifier, given the segmenter's."""
        changed = {} if self.jitter else {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}
        return dataclasses.replace(crops, crop=self.crop or crops.crop,
                                   resize_long=self.resize_long or crops.resize_long, **changed)


@dataclasses.dataclass(frozen=True)
class MulticropConfig:
    """Crops and distortions of self-distillation; shares are of the views of a kind."""

    global_crop: int = setting(224, "side of the two global views in pixels, a multiple of the patch", low=8)
    local_crop: int = setting(96, "side of the local views in pixels, a multiple of the patch", low=8)
    local_views: int = setting(8, "local views of each photo", low=0)
    global_scales: tuple = setting((0.4, 1.0), "least and largest share of the photo's area in a global view", low=0.01)
    local_scales: tuple = setting((0.05, 0.4), "the same of a local view", low=0.01)
    mirror: bool = setting(True, "mirror half of the views")
    jitter: float = setting(0.8, "share of views whose colours are changed", low=0.0)
    brightness: float = setting(0.4, "brightness factor drawn from 1 +- this", low=0.0)
    contrast: float = setting(0.4, "contrast factor drawn from 1 +- this", low=0.0)
    saturation: float = setting(0.2, "saturation factor drawn from 1 +- this", low=0.0)
    hue: float = setting(0.1, "hue turn drawn from +- this, in full turns", low=0.0)
    grey: float = setting(0.2, "share of views without colour", low=0.0)
    blur: tuple = setting((1.0, 0.1, 0.5), "share of blurred views: first global, second global, local", low=0.0)
    blur_sigma: tuple = setting((0.1, 2.0), "least and largest deviation of the blur in pixels", low=0.01)
    solarise: float = setting(0.2, "share of second global views that are solarised", low=0.0)
