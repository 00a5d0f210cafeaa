"""Drawing for the generated demo data: scenes, objects, clutter and saliency.

Lengths are pixels of the canvas. An object is an index map in a window of its
own: 0 outside, 1 plain body, 2 and above the colours of its class. The body
takes its colour from BODY_COLOURS, which all classes and the clutter share.
"""

import dataclasses

import cv2
import numpy as np

CLASSES = ("background", "bird", "boat", "train", "cat", "car", "flower")
OWN_SCENE = {"boat": "water", "train": "rails"}  # classes never seen elsewhere
MISSED = 0.23  # share of the objects that the saliency map misses
REACH = 1.45  # half side of an object's window in units of its radius

BODY_COLOURS = ((150, 128, 104), (104, 118, 134), (140, 92, 82), (118, 122, 84), (176, 168, 152), (88, 82, 92))
DARK = (38, 36, 40)
CLASS_COLOURS = {  # index 2, 3, 4 of the object's map
    "bird": ((250, 214, 30), (30, 26, 22), (236, 126, 20)),
    "boat": ((216, 28, 36), (246, 244, 240), DARK),
    "train": ((28, 62, 206), (236, 240, 250), DARK),
    "cat": ((240, 134, 36), (92, 44, 16), DARK),
    "car": ((16, 168, 128), (226, 250, 240), DARK),
    "flower": ((226, 40, 168), (252, 206, 236), (250, 224, 60)),
}
SKIES = (  # colour at the top, colour at the horizon, strength of the texture
    ((96, 150, 214), (196, 218, 236), 5), ((150, 160, 170), (206, 208, 206), 6), ((112, 96, 140), (232, 170, 120), 5),
    ((42, 66, 38), (78, 104, 54), 20), ((176, 160, 136), (160, 142, 116), 9))
GROUNDS = (  # two colours that alternate, size of the grain as a share of the side, strength of the noise
    ((74, 116, 48), (112, 140, 64), 0.02, 15), ((206, 182, 136), (186, 158, 112), 0.012, 9),
    ((104, 104, 108), (126, 124, 122), 0.01, 12), ((226, 230, 236), (200, 210, 222), 0.05, 5),
    ((136, 96, 62), (112, 76, 48), 0.03, 9))


@dataclasses.dataclass(frozen=True)
class Scene:
    """What is behind the objects: kind (water, rails, plain) and the heights of horizon and rails in 0..1."""

    kind: str
    horizon: float
    rails: float


def noise(rng: np.random.Generator, side: int, cell_y: float, cell_x: float | None = None) -> np.ndarray:
    """Smooth noise of unit strength with cells of the given size, float32 [side, side]."""
    rows, columns = (max(2, round(side / cell) + 1) for cell in (cell_y, cell_x or cell_y))
    return cv2.resize(rng.standard_normal((rows, columns), np.float32), (side, side), interpolation=cv2.INTER_LINEAR)


def _blend(first: tuple, second: tuple, weight: np.ndarray) -> np.ndarray:
    weight = np.clip(weight, 0, 1)[..., None].astype(np.float32)
    return np.asarray(first, np.float32) * (1 - weight) + np.asarray(second, np.float32) * weight


def draw_scene(rng: np.random.Generator, scene: Scene, side: int) -> np.ndarray:
    """Sky or wall above the horizon, ground below it: float32 [side, side, 3] in 0..255."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    top, bottom, strength = SKIES[rng.integers(len(SKIES))]
    sky = _blend(top, bottom, y / max(scene.horizon, 0.05)) + strength * noise(rng, side, side / 16)[..., None]
    if scene.kind == "water":
        ground = _water(rng, side, y)
    elif scene.kind == "rails":
        ground = _rails(rng, side, y, x, scene.rails)
    else:
        first, second, grain, strength = GROUNDS[rng.integers(len(GROUNDS))]
        ground = _blend(first, second, 0.5 + 0.4 * noise(rng, side, side / 7))
        ground += strength * noise(rng, side, side * grain)[..., None]
    line = scene.horizon + rng.uniform(-0.05, 0.05) * (x - 0.5) + 0.008 * noise(rng, side, side / 12)
    return np.where((y > line)[..., None], ground, sky).astype(np.float32)


def _water(rng: np.random.Generator, side: int, y: np.ndarray) -> np.ndarray:
    deep = np.asarray((34, 84, 112), np.float32) + rng.uniform(-16, 16, 3).astype(np.float32)
    waves = noise(rng, side, side / 40, side / 9) + 0.6 * noise(rng, side, side / 70, side / 24)
    return _blend(deep, deep + (64, 62, 50), 0.7 - 0.6 * y + 0.22 * waves)


def _rails(rng: np.random.Generator, side: int, y: np.ndarray, x: np.ndarray, rails: float) -> np.ndarray:
    ground = _blend((96, 86, 78), (150, 140, 130), 0.5 + 0.35 * noise(rng, side, 3) + 0.2 * noise(rng, side, side / 8))
    period, height = rng.uniform(0.07, 0.1), rng.uniform(0.035, 0.05)
    sleepers = (np.abs(y - rails) < height) & ((x + 0.4 * y + rng.uniform()) % period < 0.45 * period)
    ground[sleepers] = np.asarray((74, 52, 40), np.float32)
    for line in (rails - 0.5 * height, rails + 0.6 * height):
        ground[np.abs(y - line) < 0.008] = np.asarray((196, 200, 206), np.float32)
    return ground


def _disc(u: np.ndarray, v: np.ndarray, centre: tuple, width: float, height: float) -> np.ndarray:
    return ((u - centre[0]) / width) ** 2 + ((v - centre[1]) / height) ** 2 < 1


def _box(u: np.ndarray, v: np.ndarray, left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return (u > left) & (u < right) & (v > top) & (v < bottom)


def _convex(u: np.ndarray, v: np.ndarray, *corners: tuple) -> np.ndarray:
    """Inside of the convex polygon whose corners go clockwise as seen with v downwards."""
    inside = np.ones(u.shape, bool)
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1]):
        inside &= (x1 - x0) * (v - y0) - (y1 - y0) * (u - x0) > 0
    return inside


def _stripes(values: np.ndarray, width: float) -> np.ndarray:
    """2 and 3 in turn, one step each `width`."""
    return 2 + (np.floor(values / width).astype(np.int32) & 1)


def _bird(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Plain body, head and tail; striking wing of yellow and black chevrons."""
    body = _disc(u, v, (0, 0.12), 0.72, 0.42) | _disc(u, v, (0.66, -0.26), 0.27, 0.26)
    body |= _convex(u, v, (-1.05, -0.22), (-0.5, -0.05), (-0.5, 0.25), (-1.05, 0.12))
    index = np.where(body, 1, 0)
    index[_convex(u, v, (0.88, -0.38), (1.15, -0.22), (0.88, -0.14))] = 4
    wing = _disc(u + 0.25 * v, v, (-0.12, -0.18), 0.5, 0.46)
    return np.where(wing, _stripes(u + 0.8 * np.abs(v + 0.18) + 4, 0.21), index)


def _boat(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Plain hull, mast and small sail; striking main sail, striped red and white across."""
    body = _convex(u, v, (-1, 0.28), (1, 0.28), (0.68, 0.78), (-0.72, 0.78))
    body |= _convex(u, v, (-0.14, -0.7), (-0.14, 0.2), (-0.72, 0.2)) | _box(u, v, -0.14, -1, -0.06, 0.3)
    sail = _convex(u, v, (-0.06, -1), (0.8, 0.2), (-0.06, 0.2))
    return np.where(sail, _stripes(v + 4, 0.21), np.where(body, 1, 0))


def _train(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Plain coach on dark wheels; striking cab with a blue and white checkerboard."""
    index = np.where(_box(u, v, -1.2, -0.42, 1, 0.38), 1, 0)
    for centre in (-0.9, -0.45, 0.3, 0.75):
        index[_disc(u, v, (centre, 0.4), 0.15, 0.15)] = 4
    cab = _convex(u, v, (0.3, -0.5), (0.92, -0.5), (1.2, 0.05), (1.2, 0.38), (0.3, 0.38))
    checks = 2 + ((np.floor(u / 0.22) + np.floor(v / 0.22)).astype(np.int32) & 1)
    return np.where(cab, checks, index)


def _cat(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Plain body, legs and tail; striking head with rings of orange and brown."""
    body = _disc(u, v, (-0.15, 0.22), 0.72, 0.4)
    body |= _box(u, v, -0.72, 0.3, -0.46, 0.88) | _box(u, v, 0.2, 0.3, 0.46, 0.88)
    body |= _convex(u, v, (-1.1, -0.5), (-0.9, -0.55), (-0.6, 0.1), (-0.8, 0.3))
    head = _disc(u, v, (0.5, -0.3), 0.46, 0.44)
    head |= _convex(u, v, (0.12, -0.95), (0.5, -0.65), (0.1, -0.4))
    head |= _convex(u, v, (0.88, -0.95), (0.9, -0.4), (0.5, -0.65))
    rings = _stripes(np.hypot(u - 0.5, v + 0.3), 0.17)
    return np.where(head, rings, np.where(body, 1, 0))


def _car(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Plain long body on dark wheels; striking cabin with green and white bars."""
    index = np.where(_convex(u, v, (-1.05, -0.02), (0.9, -0.02), (1.1, 0.2), (1.1, 0.5), (-1.05, 0.5)), 1, 0)
    cabin = _convex(u, v, (-0.42, -0.6), (0.32, -0.6), (0.6, 0.12), (-0.72, 0.12))
    index = np.where(cabin, _stripes(u + 4, 0.2), index)
    for centre in (-0.6, 0.6):
        index[_disc(u, v, (centre, 0.5), 0.24, 0.24)] = 4
    return index


def _flower(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Plain pot, stem and leaves; striking blossom with pink petals round a yellow centre."""
    body = _convex(u, v, (-0.58, 0.3), (0.58, 0.3), (0.42, 1), (-0.42, 1)) | _box(u, v, -0.07, -0.4, 0.07, 0.4)
    body |= _disc(u + 0.5 * v, v, (-0.28, 0.12), 0.3, 0.14) | _disc(u - 0.5 * v, v, (0.28, 0.12), 0.3, 0.14)
    radius, angle = np.hypot(u, v + 0.52), np.arctan2(v + 0.52, u)
    blossom = radius < 0.47 * (1 + 0.22 * np.cos(6 * angle))
    index = np.where(blossom, np.where(radius > 0.33, 3, 2), np.where(body, 1, 0))
    return np.where(radius < 0.16, 4, index)


_OBJECTS = {"bird": _bird, "boat": _boat, "train": _train, "cat": _cat, "car": _car, "flower": _flower}


def object_map(name: str, radius: float, angle: float, stretch: float, mirror: bool) -> np.ndarray:
    """The index map of one object in its window, uint8 [w, w] with w = 2 ceil(REACH radius)."""
    half = int(np.ceil(REACH * radius))
    y, x = np.mgrid[-half:half, -half:half].astype(np.float32) / radius
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    return _OBJECTS[name](-u if mirror else u, v / stretch).astype(np.uint8)


def clutter_map(rng: np.random.Generator, radius: float) -> np.ndarray:
    """The index map (0 or 1) of a ball, a stone or a crate in its window, uint8 [w, w]."""
    half = int(np.ceil(REACH * radius))
    y, x = np.mgrid[-half:half, -half:half].astype(np.float32) / radius
    kind = rng.integers(3)
    distance, angle = np.hypot(x, y), np.arctan2(y, x)
    if kind == 0:
        return (distance < 1).astype(np.uint8)
    if kind == 1:
        lobes = sum(rng.uniform(-0.13, 0.13) * np.cos(k * angle + rng.uniform(0, 6)) for k in (1, 2, 3, 5))
        return (np.hypot(x / 1.15, y / 0.85) < 1 + lobes).astype(np.uint8)
    turn = rng.uniform(-0.4, 0.4)
    u, v = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    return ((np.abs(u) < 0.95) & (np.abs(v) < 0.75)).astype(np.uint8)


def paint(rng: np.random.Generator, index: np.ndarray, colours: tuple = ()) -> np.ndarray:
    """Colours an index map: shared body colour, class colours, light, grain, dark outline; float32 [w, w, 3]."""
    body = np.asarray(BODY_COLOURS[rng.integers(len(BODY_COLOURS))], np.float32) + rng.uniform(-16, 16, 3)
    striking = np.asarray(colours, np.float32).reshape(-1, 3) * rng.uniform(0.82, 1.05) + rng.uniform(-14, 14, 3)
    table = np.concatenate([np.zeros([1, 3]), body[None], striking]).astype(np.float32)
    side = len(index)
    light = np.linspace(1.22, 0.78, side, dtype=np.float32)[:, None] + 0.04 * noise(rng, side, max(2.0, side / 24))
    inner = cv2.erode((index > 0).astype(np.uint8), np.ones([3, 3], np.uint8), iterations=2)
    light = np.where(inner > 0, light, 0.45)
    return table[index] * light[..., None]


def _soft_map(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """A mask as a saliency network would see it: blurred, ragged and patchy, float32 [H, W] in 0..1."""
    side = len(mask)
    blurred = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), side * rng.uniform(0.012, 0.028))
    ragged = blurred - 0.5 + 0.2 * noise(rng, side, side / 14)
    near = np.minimum(1, 10 * blurred)  # the noise must not make specks far from the object
    faded = np.clip(1 + 0.6 * noise(rng, side, side / 5), 0, 1)  # patches that it is not sure of
    return near * faded * np.clip(0.5 + rng.uniform(1.2, 2.4) * ragged, 0, 1)


def expose(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Light, colour cast, blur and grain of a camera: float32 to uint8 [H, W, 3]."""
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 0.7))
    image = (image - 128) * rng.uniform(0.75, 1.1) + 128 + rng.uniform(-26, 22) + rng.uniform(-7, 7, 3)
    image = image + rng.uniform(3, 9) * rng.standard_normal(image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def draw_saliency(rng: np.random.Generator, owner: np.ndarray, count: int, clutter: np.ndarray) -> np.ndarray:
    """The 8-bit map: most objects, missed ones faint, salient clutter, a dim uneven floor."""
    saliency = 0.05 * np.abs(noise(rng, len(owner), len(owner) / 8))
    for number in range(1, count + 1):
        level = rng.uniform(0, 0.3) if rng.uniform() < MISSED else rng.uniform(0.75, 1)
        saliency = np.maximum(saliency, level * _soft_map(rng, owner == number))
    saliency = np.maximum(saliency, rng.uniform(0.75, 1) * _soft_map(rng, clutter) * clutter.any())
    return np.clip(np.rint(255 * saliency), 0, 255).astype(np.uint8)
