"""README and documents as texts: links, anchors, named files and words; what they quote from the code is what it has."""

import re
from pathlib import Path

import pytest

from wsss_tf.imaging.crf import CRF_SETS

ROOT = Path(__file__).parents[1]
PATHS = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "checkpoints/README.md")
DOCUMENTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PATHS}
OWN = ("benchmarks", "checkpoints", "docs", "flags", "scripts", "tests", "wsss_tf")  # folders of the repository
LINK = re.compile(r"\]\(([^)\s]*)\)")
GONE = re.compile(r"\btrunks?\b|\bspec\b|\.venv/bin/python scripts|--(?:cam_threshold|saliency_max|keep_foreground|alpha)\b"
                  r"|--(?:refinement|binarisation|tau_high|tau_low|method)=", re.IGNORECASE)


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """What GitHub calls the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(name: str) -> list[tuple[str, str]]:
    """(document or other file, anchor) of every link that leads to the repository."""
    targets = [target.partition("#") for target in LINK.findall(without_blocks(DOCUMENTS[name])) if "://" not in target]
    place = (ROOT / name).parent
    return [(str((place / path).resolve().relative_to(ROOT)) if path else name, anchor) for path, _, anchor in targets]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files_and_headings(name):
    for path, anchor in links(name):
        assert (ROOT / path).exists(), f"{path} does not exist"
        assert not anchor or anchor in anchors(DOCUMENTS[path]), f"{path} has no heading #{anchor}"


def test_every_document_can_be_reached_from_the_readme():
    reached, waiting = set(), ["README.md"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += [path for path, _ in links(name) if path in DOCUMENTS and path not in reached]
    assert reached == set(DOCUMENTS)


def test_documents_and_headings_that_the_code_cites_exist():
    cited = set()
    for folder, pattern in (("wsss_tf", "*.py"), ("flags", "*.cfg"), ("scripts", "*.py"), ("benchmarks", "*.py")):
        for path in (ROOT / folder).rglob(pattern):
            cited |= set(re.findall(r"\b(docs/[\w/]+\.md)(?:#([\w-]+))?", path.read_text(encoding="utf-8")))
    assert any(name == "docs/methods.md" for name, _ in cited)
    for name, anchor in cited:
        assert name in DOCUMENTS, f"{name} does not exist"
        assert not anchor or anchor in anchors(DOCUMENTS[name]), f"{name} has no heading #{anchor}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_named_in_the_text_exist(name):
    for code in re.findall(r"`([^`\n]+)`", without_blocks(DOCUMENTS[name])):
        for path in re.findall(rf"(?:{'|'.join(OWN)})/[\w./*-]*", code.partition("<")[0]):
            if code.startswith(path) and not re.search(r"[A-Z]{3}", path.removesuffix("README.md")):
                path = path.rstrip(".")
                assert (ROOT / path).exists() or list(ROOT.glob(path)), f"{path} does not exist"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_blocks_have_a_language_that_is_looked_at(name):
    text = DOCUMENTS[name]
    fences = re.findall(r"^```.*$", text, re.MULTILINE)
    assert len(fences) % 2 == 0 and not re.search(r"^ +```", text, re.MULTILINE)
    assert set(fences) <= {"```", "```bash", "```python"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_words_and_flags_that_are_gone_stay_away(name):
    assert not GONE.findall(DOCUMENTS[name])


def test_readme_is_short_and_methods_are_split():
    assert DOCUMENTS["README.md"].count("\n") <= 130
    assert all(text.count("\n") <= 430 for text in DOCUMENTS.values())


def test_crf_sets_are_those_of_the_code():
    section = DOCUMENTS["docs/methods.md"].partition("\n## CRF sets")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| `")]
    assert [row[0].strip("`") for row in rows] == list(CRF_SETS)
    for name, _, _, smooth, colour, iterations in rows:
        params = CRF_SETS[name.strip("`")]
        numbers = [float(number) for number in re.findall(r"[\d.]+", f"{smooth} {colour} {iterations.partition(';')[0]}")]
        assert numbers == pytest.approx([
            params.gauss_sxy, params.gauss_compat, params.bilateral_sxy, params.bilateral_srgb, params.bilateral_compat,
            params.iterations], rel=1e-3)


def test_checks_see_what_they_forbid():
    assert GONE.search("the trunk") and GONE.search("spec 0.6") and GONE.search("`--method=masking`")
    assert not GONE.search("`--superpixel_method=slic`, inspect, `--system=masking`")
    assert anchors("# A b\n## What each reads, and writes\n```\n# no\n```\n") == {"a-b", "what-each-reads-and-writes"}
