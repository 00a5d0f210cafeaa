"""Figures 3.5 to 3.7 and 3.12: every run is a point on the line of its method."""

import math

import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.figures.superpixel_curves import (
    Measured,
    accuracy_figure,
    bipartition_figure,
    boundaries_figure,
    curves,
    curves_figure,
    under_segmentation_figure,
)
from wsss_tf.files.images import read_ids, read_labels
from wsss_tf.superpixels.metrics import SuperpixelScores, mean_scores, superpixel_scores

SYSTEM = ("--system=superpixels",)
RGB = (*SYSTEM, "--feature_net=rgb", "--feature_stride=8", "--superpixel_crf_set=none", "--superpixel_tau=0.9")


@pytest.fixture(scope="module")
def sources(tiny, sources_of, tmp_path_factory):
    """The function (flags, settings) -> Sources in a folder with the scored runs rgb and slic."""
    runs = f"--runs={tmp_path_factory.mktemp('runs')}"
    for flags in (("--experiment=rgb", *RGB), ("--experiment=slic", *SYSTEM, "--superpixel_method=slic",
                                               "--superpixel_size=16")):
        chain = tiny(runs, *flags).chain
        for stage in chain.required("scores"):
            chain.run(stage)

    def make(*flags, **settings):
        return sources_of(tiny(runs, *SYSTEM, *flags), **settings)

    return make


def test_curves_of_finished_runs(sources):
    chosen = sources(compare="rgb,slic")
    scores = {name: mean_scores([superpixel_scores(
        read_ids(chosen.run.made_by(name, "superpixels").folder / f"{example.image_id}.png"), read_labels(example.mask))
        for example in chosen.run.dataset.train]) for name in ("rgb", "slic")}
    points = {"UE": ("count", "under_segmentation"), "BP-BR": ("boundary_recall", "boundary_precision"),
              "ASA": ("count", "achievable_accuracy")}
    drawings = {under_segmentation_figure: ["UE"], boundaries_figure: ["BP-BR"], accuracy_figure: ["ASA"],
                bipartition_figure: ["ASA", "UE"], curves_figure: ["UE", "BP-BR", "ASA"]}
    for draw, names in drawings.items():
        axes = draw(chosen).axes
        assert len(axes) == len(names)
        for ax, name in zip(axes, names):
            assert [line.get_label() for line in ax.lines] == ["discovery, rgb", "slic"]
            for line, found in zip(ax.lines, scores.values()):
                assert line.get_xydata().tolist() == [pytest.approx([getattr(found, field) for field in points[name]])]
    ax = boundaries_figure(chosen).axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("BR", "BP")


def test_lines_join_the_rows_of_a_method_by_their_number_of_superpixels():
    rows = [Measured(method, SuperpixelScores(count, 0.1, precision, recall, 0.9)) for method, count, precision, recall in (
        ("a", 30, 0.2, 0.9), ("a", 10, 0.4, 0.5), ("b", 20, 0.3, 0.3), ("a", 20, 0.3, 0.7))]
    lines = {line.get_label(): line.get_xydata().tolist() for line in curves(rows, ("BP-BR",)).axes[0].lines}
    assert lines == {"a": [[0.5, 0.4], [0.7, 0.3], [0.9, 0.2]], "b": [[0.3, 0.3]]}


def test_texts_do_not_overlap():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    rows = [Measured(f"discovery, a_net_with_a_long_name_{index}", SuperpixelScores(10 * step, 0.1 * step, 0.3, 0.5, 0.9))
            for index in range(6) for step in (1, 2, 3)]
    for names in (("UE",), ("ASA", "UE"), ("UE", "BP-BR", "ASA")):
        figure = curves(rows, names)
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        legend = figure.legends[0].get_window_extent(renderer)
        assert legend.x0 >= 0 and legend.x1 <= figure.bbox.x1 and legend.y0 >= -1
        for ax in figure.axes:
            assert ax.xaxis.label.get_window_extent(renderer).y0 >= legend.y1 - 1


def test_superpixels_taken_from_another_run(sources):
    chosen = sources("--experiment=borrower", "--reuse=rgb", *RGB)
    chosen.run.experiment.chain.run("scores")
    assert [line.get_label() for line in under_segmentation_figure(chosen).axes[0].lines] == ["discovery, rgb"]


def test_damaged_scores_are_told(sources):
    chosen = sources("--experiment=rgb", *RGB)
    path = chosen.folder("scores") / "scores.json"
    whole = path.read_text()
    try:
        for damaged in ("{", '{"masks": {}}', '{"superpixels": {"count": "many"}}'):
            path.write_text(damaged)
            with pytest.raises(InputError, match="scores.json: damaged"):
                curves_figure(chosen)
    finally:
        path.write_text(whole)


def test_undefined_scores_leave_a_gap():
    rows = [Measured("a", SuperpixelScores(count, 0.1, math.nan if count == 20 else 0.3, 0.5, 0.9)) for count in (10, 20, 30)]
    (line,) = curves(rows, ("BP-BR",)).axes[0].lines
    assert np.isnan(line.get_ydata()).tolist() == [False, True, False]
