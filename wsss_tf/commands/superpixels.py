"""wsss superpixels: ways to make superpixels, compared on the training photos of a data set."""

import dataclasses

from wsss_tf.commands.parsing import Parsed, experiment_of
from wsss_tf.commands.program import Command, prepare
from wsss_tf.config import setting
from wsss_tf.errors import InputError
from wsss_tf.files.store import write_text


@dataclasses.dataclass(frozen=True)
class SuperpixelTableConfig:
    """Rows of the table and pictures"""

    rows: str = setting("", "flagfiles, separated by commas, one per row of the table")
    photos: int = setting(4, "photos in the pictures", low=1)
    columns: str = setting("", "experiments of the rows that the pictures show, separated by commas; empty: the first seven rows")


USAGE = """wsss superpixels --rows=FLAGFILE,FLAGFILE,... --experiment=NAME [--NAME=VALUE ...]

Compares ways to make superpixels on the training photos of a data set: Table 3.5, its curves, and pictures. Each flagfile
names its experiment, method and parameters. Any other flag given here goes to every row and wins over the flagfiles.
Table, curves and pictures go to RUNS/NAME/superpixel_table."""


def main(parsed: Parsed) -> None:
    """Makes what is missing, prints the table and draws."""
    from wsss_tf.commands.superpixel_rows import measure
    from wsss_tf.figures.page import draw_page, save_figure
    from wsss_tf.figures.superpixel_curves import curves
    from wsss_tf.figures.superpixel_table import pictures, shown, table

    files = [row for row in parsed.config.rows.split(",") if row]
    if not files:
        raise InputError("expected --rows=FLAGFILE,...: name the flagfiles to compare")
    prepare(parsed.experiment)
    given = [flag for flag in parsed.given if not flag.startswith(("--experiment=", "--system="))]
    experiments = [experiment_of([f"--flagfile={file}", *given]) for file in files]
    rows = measure(experiments)
    folder, text = parsed.experiment.folder("superpixel_table"), table(rows)
    write_text(folder / "table.md", text + "\n")
    print(text)
    chosen = [row for row in rows if row.experiment in parsed.config.columns.split(",")] or rows[:7]
    dataset = experiments[0].dataset
    page = pictures(chosen, shown(dataset.train, parsed.config.photos), dataset.class_names)
    for name, figure in (("curves", curves(rows)), ("pictures", draw_page(page))):
        print(*save_figure(figure, folder, name), sep="\n")


COMMAND = Command("superpixels", USAGE, main, SuperpixelTableConfig)
