"""Masks of photos with the CRF in worker processes while the net computes, against one after the other in one process.

Usage: python benchmarks/predict_crf.py --seg_weights=none [--test_crf_backend=lattice --photos=8 --classes=20 --repeats=5]

Photos are made here with the size of VOC's (500 x 375). The segmenter has random weights, so that all its classes go
into the CRF; a trained one leaves fewer, try --classes=3. The two ways take turns, and each turn starts its processes
anew. The ratio is the median over the pairs; one during which other programs took more than a tenth of the machine does
not count and is repeated. The masks must be the same.
"""

import dataclasses
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

import keras
from input_pipeline import photos
from program import run_benchmark

from wsss_tf.config import setting
from wsss_tf.example import Example
from wsss_tf.experiment import Experiment
from wsss_tf.files.images import read_photo
from wsss_tf.inference.probabilities import Predictor
from wsss_tf.inference.settings import PredictConfig
from wsss_tf.nets.backbone import backbone_grid
from wsss_tf.parallel.each_image import make_missing
from wsss_tf.parallel.pool import Workers
from wsss_tf.results.masks import marginals, write_masks
from wsss_tf.systems.segmenter import build_segmenter


@dataclasses.dataclass(frozen=True)
class Config:
    """How much to measure"""

    photos: int = setting(8, "photos per turn", low=1)
    classes: int = setting(20, "classes without the background", low=1)
    repeats: int = setting(5, "pairs of turns that count", low=1)
    others: float = setting(0.1, "share of the machine that other programs may take during a pair; 1: any")


def make_masks(examples: tuple[Example, ...], folder: Path, predictor: Predictor, test: PredictConfig, workers: int) -> float:
    """Seconds until the masks of all photos lie in a folder, as the stage `masks` makes them."""

    def arguments(example: Example) -> tuple:
        image = read_photo(example.image)
        name = f"{example.image_id}.png"
        return folder / "plain" / name, predictor.probabilities(image), image, test.crf_set, test.crf_backend

    start = time.perf_counter()
    make_missing(write_masks, examples, lambda example: folder / "crf" / f"{example.image_id}.png", arguments, "masks",
                 Workers(workers))
    return time.perf_counter() - start


def parts(examples: tuple[Example, ...], predictor: Predictor, test: PredictConfig) -> tuple[float, float]:
    """Median seconds of the net and of the CRF on one photo."""
    net, crf = [], []
    for example in examples:
        image = read_photo(example.image)
        start = time.perf_counter()
        probabilities = predictor.probabilities(image)
        net.append(time.perf_counter() - start)
        marginals(probabilities, image, test.crf_set, test.crf_backend)
        crf.append(time.perf_counter() - start - net[-1])
    return statistics.median(net), statistics.median(crf)


def processor_seconds() -> tuple[float, float]:
    """Seconds that all cores together have worked for anybody (0 where it is not told: not Linux), and for this program."""
    own = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    try:
        user, nice, system, _, _, *interrupts = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:8])
    except OSError:
        return 0.0, own
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK"), own


def main(experiment: Experiment, config: Config) -> None:
    """Prints the times of the net and the CRF, of both ways, and their ratio."""
    e = experiment.settings
    keras.utils.set_random_seed(0)
    predictor = Predictor(build_segmenter(e.seg_backbone, e.segmenter, config.classes), backbone_grid(e.seg_backbone), e.test)
    workers, seconds, turn = (1, experiment.run.workers), [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        examples = photos(folder, config.photos)
        parts(examples[:1], predictor, e.test)
        net, crf = parts(examples, predictor, e.test)
        while len(seconds) < config.repeats:
            turn += 1
            before = processor_seconds()
            pair = [make_masks(examples, folder / f"{turn}_{way}", predictor, e.test, workers[way]) for way in (0, 1)]
            anybody, own = (after - start for after, start in zip(processor_seconds(), before))
            others = (anybody - own) / sum(pair) / os.cpu_count()
            print(f"pair {turn}: {pair[0]:.2f} s / {pair[1]:.2f} s, other programs took {max(others, 0):.0%}", flush=True)
            if others <= config.others:
                seconds.append(pair)
        made = [{path.relative_to(folder / f"1_{way}"): path.read_bytes() for path in (folder / f"1_{way}").rglob("*.png")}
                for way in (0, 1)]
    ratios = [serial / parallel for serial, parallel in seconds]
    print(f"net, one photo           {net:8.3f} s")
    print(f"CRF, one photo           {crf:8.3f} s")
    for title, way in zip(("one process", "workers"), zip(*seconds)):
        print(f"{title:24s} {statistics.median(way) / config.photos:8.3f} s per photo")
    print(f"one process / workers    {statistics.median(ratios):8.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"same masks               {'yes' if made[0] == made[1] and len(made[0]) == 2 * config.photos else 'NO'}")


if __name__ == "__main__":
    run_benchmark(main, Config, __doc__)
