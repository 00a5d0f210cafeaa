"""Compares ways to make superpixels on the training photos of a data set: Table 3.5, its curves, and pictures.

Usage: python scripts/superpixels.py compare --rows=FLAGFILE,FLAGFILE,... --experiment=NAME

Each flagfile names its experiment, method and parameters. Any other flag that is given here goes to every row and wins
over the flagfiles. Table, curves and pictures go to RUNS/NAME/superpixel_table.
"""

from absl import flags

from wsss_tf.commands.program import given_flags, row_experiment, run_script
from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment
from wsss_tf.figures.page import draw_page, save_figure
from wsss_tf.figures.superpixel_table import curves, measure, pictures, shown, table
from wsss_tf.files.store import write_text

_ROWS = flags.DEFINE_list("rows", [], "flagfiles, one per row of the table")
_PHOTOS = flags.DEFINE_integer("photos", 4, "photos in the pictures", lower_bound=1)
_COLUMNS = flags.DEFINE_list("columns", [], "experiments of the rows that the pictures show; empty: the first seven rows")


def main(experiment: Experiment) -> None:
    """Makes what is missing, prints the table and draws."""
    if not _ROWS.value:
        raise InputError("expected --rows=FLAGFILE,...: name the flagfiles to compare")
    given = given_flags(experiment, without=("experiment",))
    rows = measure([row_experiment(flagfile, given) for flagfile in _ROWS.value])
    folder, text = experiment.folder("superpixel_table"), table(rows)
    write_text(folder / "table.md", text + "\n")
    print(text)
    chosen = [row for row in rows if row.experiment.run.experiment in _COLUMNS.value] or rows[:7]
    examples = shown(rows[0].experiment.dataset.train, _PHOTOS.value)
    for name, figure in (("curves", curves(rows)), ("pictures", draw_page(pictures(chosen, examples)))):
        print(*save_figure(figure, folder, name), sep="\n")


if __name__ == "__main__":
    run_script(main, command="compare")
