"""The comparison as a table of texts, and its Markdown and LaTeX."""

from wsss_tf.compare import Comparison, Line
from wsss_tf.paper import table_of
from wsss_tf.paper_protocols import MIOU

COLUMNS = ("row", "run", "measure", "measured", "original", "difference", "seeds", "scored on", "CRF", "test scales",
           "backbone", "start", "learned from", "why no difference")
NUMBERS = ("measured", "original", "difference", "seeds")  # columns that are set to the right

_LATEX = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
          "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
          "|": r"\textbar{}", "\"": "''", "±": r"$\pm$", "−": r"$-$", "–": "--"}


def cells(line: Line) -> tuple[str, ...]:
    """The texts of one line, by column."""
    p = line.protocol
    return (
        line.paper_row or "-", line.group.name, line.measure, measured(line),
        "-" if line.original is None else number(line, line.original.value),
        "-" if line.difference is None else number(line, line.difference, sign="+"),
        str(len(line.values)), p.scored_on, p.crf, p.test_scales, p.backbone, p.start, p.supervision,
        "; ".join(line.reasons))


def measured(line: Line) -> str:
    """Mean ± standard deviation; of one seed the number alone."""
    mean = number(line, line.mean)
    return mean if line.spread is None else f"{mean} ± {number(line, line.spread)}"


def number(line: Line, value: float, sign: str = "") -> str:
    """A number with the digits that its measure is printed with."""
    digits = 1 if line.measure == MIOU else 2 if line.measure == "superpixels" else 3
    return f"{value:{sign}.{digits}f}"


def legend(comparison: Comparison) -> list[str]:
    """What the numbers mean, and remarks on the tables that occur, one sentence or paragraph each."""
    several = any(line.spread is not None for line in comparison.lines)
    spread = "mean ± standard deviation (n - 1) over runs that differ in their seed alone" if several else "one seed each"
    notes = [f"mIoU in percent, measures of superpixels as in Table 3.5; {spread}. A difference (measured minus original) "
             "stands only where both numbers were measured alike."]
    for where, remarks in comparison.remarks.items():
        notes += [f"{where}: {remark}" for remark in remarks]
    return notes + [f"Left out: {run}: {reason}" for run, reason in comparison.left_out.items()]


def markdown(comparison: Comparison) -> str:
    """The comparison as Markdown."""
    rule = ["---:" if column in NUMBERS else "---" for column in COLUMNS]
    rows = [COLUMNS, rule, *(map(_plain, cells(line)) for line in comparison.lines)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n\n".join(["# Measured beside original", table, *map(_plain, legend(comparison))]) + "\n"


def latex(comparison: Comparison) -> str:
    """The comparison as a LaTeX document part: one booktabs tabular per table, remarks below; needs no other package."""
    tables = {}
    for line in comparison.lines:
        where = table_of(line.paper_row).where if line.paper_row else "no original"
        tables.setdefault(where, []).append(line)
    return "\n".join(_latex_table(where, lines) for where, lines in tables.items()) + "".join(
        f"\n\\par\\noindent {escape(note)}" for note in legend(comparison)) + "\n"


def escape(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _latex_table(where: str, lines: list[Line]) -> str:
    shown = [index for index, column in enumerate(COLUMNS) if column != "why no difference"]
    align = "".join("r" if COLUMNS[index] in NUMBERS else "l" for index in shown)
    reasons = dict.fromkeys(reason for line in lines for reason in line.reasons)
    rows = [" & ".join(escape(cells(line)[index]) for index in shown) + r" \\" for line in lines]
    heads = " & ".join(escape(COLUMNS[index]) for index in shown)
    body = "\n".join(rows)
    below = f"\n\\par\\noindent No difference: {escape('; '.join(reasons))}." if reasons else ""
    return (f"\\begin{{table}}\n\\centering\\tiny\n\\caption{{Measured beside original: {escape(where)}}}\n"
            f"\\begin{{tabular}}{{{align}}}\n\\toprule\n{heads} \\\\\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}"
            f"{below}\n\\end{{table}}\n")


def _plain(text: str) -> str:
    """Text that Markdown neither splits into cells nor takes for HTML or emphasis."""
    for letter in "\\|<>*_`[]":
        text = text.replace(letter, "\\" + letter)
    return " ".join(text.split())
