"""What the manifests of a finished run say: its scores, and how they came about.

The stages that a score comes from are found by their fingerprints among all runs
of the same folder, because runs share stages.
"""

import contextlib
import dataclasses
import functools
import json
from pathlib import Path

from wsss_tf.config import groups
from wsss_tf.data.settings import DataConfig
from wsss_tf.errors import InputError
from wsss_tf.files.manifest import MANIFEST, read_manifest
from wsss_tf.originals.protocol import Protocol, start_of
from wsss_tf.originals.rows import MIOU
from wsss_tf.originals.tables import row_names
from wsss_tf.stages.run_report import read_scores
from wsss_tf.stages.stage import united
from wsss_tf.superpixels.metrics import SHORT_NAMES
from wsss_tf.superpixels.settings import SuperpixelConfig, uses_features
from wsss_tf.systems.catalogue import SYSTEMS

_SCORES, _PREPARE = "scores", "prepare"
_NAMES = {"voc": "VOC 2012", "coco": "COCO 2014", "shapes": "generated shapes"}  # data sets, by source


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """One finished run.

    Attributes:
      folder: the run's.
      name: its experiment, without the seed at its end.
      system: whose stages it has.
      seed: its seed.
      fingerprint: of its scores.
      paper_rows: the original rows that it says it reproduces.
      settings: what its scores depend on, by flag; the data set's left out.
      inputs: digests of the data that its scores depend on.
      data: the flags that open its data set.
      prepared: what its stage `prepare` found in it.
      supervision: what it has learned from.
      scores: content of its scores.json.
      stages: stage -> the folder where it was made.
      revision: of the project that trained its net or made its superpixels.
    """

    folder: Path
    name: str
    system: str
    seed: int
    fingerprint: str
    paper_rows: tuple[str, ...]
    settings: dict[str, object]
    inputs: dict[str, object]
    data: DataConfig
    prepared: dict
    supervision: str
    scores: dict
    stages: dict[str, Path]
    revision: str

    @property
    def identity(self) -> str:
        """The same for runs that differ in their seed alone."""
        without = _without_effect()
        counted = {name: value for name, value in self.settings.items() if name not in without}
        return json.dumps([self.system, counted, self.inputs, sorted(self.stages)], sort_keys=True)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names by label value, background first."""
        return tuple(self.prepared["classes"])

    def measured(self) -> list[tuple[str, float, Protocol]]:
        """(measure, value, protocol) of every score; mIoU is in percent."""
        if "masks" in self.scores:
            crfs = {"plain": "none", "crf": str(self.settings["test_crf_set"])}
            return [(MIOU, 100 * self.scores["masks"][key]["miou"], self._mask_protocol(crf)) for key, crf in crfs.items()]
        scores = self.scores["superpixels"]
        return [(short, scores[name], self._superpixel_protocol()) for name, short in SHORT_NAMES.items()
                if scores.get(name) is not None]

    def _mask_protocol(self, crf: str) -> Protocol:
        s = self.settings
        return Protocol(
            **self._scored("val"), train=_split(self.data.train_list), train_images=self.prepared["train_images"], crf=crf,
            scales=tuple(s["test_scales"]), flip=s["test_flip"], supervision=self.supervision,
            backbone=s["seg_backbone"], start=start_of(s["seg_weights"]), settings=s)

    def _superpixel_protocol(self) -> Protocol:
        s, read = self.settings, {"crf": "none", "backbone": "none", "start": "none"}
        if uses_features(SuperpixelConfig(method=s["superpixel_method"])):
            start = "none" if s["feature_net"] == "rgb" else start_of(s["feature_weights"])
            if s["feature_net"] == "vit_shapes" and not s["feature_weights"]:
                start = "self-distillation on shapes"  # it brings its own
            read = {"crf": s["superpixel_crf_set"], "backbone": s["feature_net"], "start": start}
        return Protocol(**self._scored("train"), train="", train_images=0, scales=(), flip=False, supervision="none",
                        settings=s, **read)

    def _scored(self, split: str) -> dict:
        data = self.data
        return {"data": _NAMES.get(data.source, Path(data.data).name), "images": self.prepared[f"{split}_images"],
                "split": _split(data.val_list if split == "val" else data.train_list)}


def known_stages(runs: Path) -> dict[str, Path]:
    """Fingerprint -> folder of every finished stage of all runs, those that are outdated included."""
    known = {}
    for path in sorted(runs.glob(f"*/*/{MANIFEST}"), reverse=True):  # x before x.outdated-1, and so the later to win
        with contextlib.suppress(InputError):  # damaged: if scores come from it, they will be told to lack it
            known[read_manifest(path.parent)["fingerprint"]] = path.parent
    return known


def read_run(folder: Path, known: dict[str, Path]) -> RunRecord:
    """The record of a finished run.

    Args:
      folder: RUNS/EXPERIMENT.
      known: `known_stages` of RUNS.

    Raises:
      InputError: it has no scores, or a stage that they come from is gone.
    """
    if not (folder / _SCORES / MANIFEST).exists():
        raise InputError(f"{folder}: expected the scores of a finished run, found none: run `wsss run` with its flags first")
    manifest, scores = read_manifest(folder / _SCORES), read_scores(folder / _SCORES)
    if not {"masks", "superpixels"} & scores.keys():
        raise InputError(f"{folder}: its evaluation images have no masks, so it has no scores to compare")
    made, inputs = _origins(manifest, known, folder)
    system = str(manifest.get("system", ""))
    settings = {name: value for path in made.values() for name, value in read_manifest(path)["settings"].items()}
    settings = _defaults(system, settings) | settings | {"system": system}
    prepared = _prepared(inputs, known, folder)
    name, seed = manifest.get("experiment", folder.name), manifest.get("seed", 0)
    return RunRecord(
        folder=folder, name=name.removesuffix(f"_{seed}"), system=system, seed=seed, fingerprint=manifest["fingerprint"],
        paper_rows=row_names(manifest.get("paper_row", "")), settings=settings, inputs=inputs,
        data=_data_config(prepared["settings"]), prepared=prepared["results"],
        supervision=united(tuple(sorted(manifest["supervision"]))), scores=scores, stages=made,
        revision=read_manifest(_maker(made))["machine"].get("revision", ""))


def _origins(manifest: dict, known: dict[str, Path], run: Path) -> tuple[dict[str, Path], dict[str, object]]:
    """The folders of all stages that a stage comes from, by name, and the digests of the data they read."""
    made, inputs = {}, {}

    def visit(needs: dict) -> None:
        for told in needs.values():
            need, found = told["from"], told["fingerprint"]
            stage, _, part = need.partition(".")
            if part and stage == _PREPARE:
                inputs[part] = found
            elif not part and need not in made:
                if found not in known:
                    raise InputError(f"{run}: the stage {need} that its scores come from is not among the runs in "
                                     f"{run.parent}: put the run that it was taken from (--reuse) beside it")
                made[need] = known[found]
                visit(read_manifest(known[found])["inputs"])

    visit(manifest["inputs"])
    return made, inputs


def _prepared(inputs: dict, known: dict[str, Path], run: Path) -> dict:
    """The manifest of the stage `prepare` that found these digests, the run's own if it did."""
    for folder in sorted(known.values(), key=lambda folder: folder.parent != run):
        if folder.name.split(".")[0] == _PREPARE:
            manifest = read_manifest(folder)
            if all(manifest["results"].get(part) == found for part, found in inputs.items()):
                return manifest
    raise InputError(f"{run}: the stage prepare of its data is not among the runs in {run.parent}: run "
                     "`wsss run --until=prepare` with its flags, or put the run that it was taken from beside it")


def _defaults(system: str, settings: dict) -> dict[str, object]:
    """Values of flags that were added after a run: of the groups that its stages read, the defaults, which are forever."""
    own = groups(SYSTEMS[system].settings()).values() if system in SYSTEMS else ()
    flags = [{prefix + field.name: field.default for field in dataclasses.fields(group)} for prefix, group in own]
    return {name: value for group in flags if group.keys() & settings.keys() for name, value in group.items()}


def _maker(made: dict[str, Path]) -> Path:
    """The stage whose net makes the masks, else the one that made the superpixels."""
    if "masks" not in made:
        return made["superpixels"]
    needs = [told["from"] for told in read_manifest(made["masks"])["inputs"].values()]
    return next((made[need] for need in needs if need in made), made["masks"])


@functools.cache
def _without_effect() -> frozenset[str]:
    """Flags of all systems that change no result."""
    return frozenset(prefix + field.name for system in SYSTEMS.values() for prefix, own in groups(system.settings()).values()
                     for field in dataclasses.fields(own) if not field.metadata["counts"])


def _data_config(settings: dict) -> DataConfig:
    known = {field.name for field in dataclasses.fields(DataConfig)}
    return DataConfig(**{name: value for name, value in settings.items() if name in known})


def _split(name: str) -> str:
    """A list of ids is named or is a .txt file."""
    return Path(name).stem if name.endswith(".txt") else name
