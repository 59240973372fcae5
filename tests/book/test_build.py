"""The build's own steps, on toy packages, notebooks and sites."""

from __future__ import annotations

import io
from itertools import combinations

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from genoattn.book import build
from genoattn.plots import overview
from genoattn.plots.drawn import with_palette


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_notebook(path, *cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=list(cells)), path)


def ran(source, *outputs, tags=()):
    cell = new_code_cell(source, outputs=list(outputs), execution_count=1)
    cell.metadata = nbformat.from_dict(
        {"tags": list(tags), "papermill": {"duration": 1.5}, "execution": {"iopub": "now"}}
    )
    return cell


def test_chapters_run_in_the_order_of_their_numbers(here):
    for name in ("02_b", "01_a", "10_c", "notes"):
        write_notebook(here / f"notebooks/{name}.ipynb")
    assert build.chapters() == ["01_a", "02_b", "10_c"]
    assert build.chapters(named={"c": {}, "a": {}}) == ["01_a", "10_c"]
    with pytest.raises(ValueError, match="'d' is no chapter; the chapters are a, b, c"):
        build.chapters(named=["a", "d"])
    with pytest.raises(ValueError, match="no chapter is named"):
        build.chapters(named=[])


def test_profiles(here):
    (here / "good.yaml").write_text("curation:\n  window: 3\nheads: {}\n")
    (here / "flat.yaml").write_text("window: 3\n")
    (here / "empty.yaml").write_text("# nothing\n")
    assert build.profile("good.yaml") == {"curation": {"window": 3}, "heads": {}}
    assert build.profile("empty.yaml") == {}
    with pytest.raises(
        ValueError, match=r"flat\.yaml: window must have a mapping of its parameters"
    ):
        build.profile("flat.yaml")
    with pytest.raises(ValueError, match=r"no such profile; there are: empty, flat, good"):
        build.profile("mine.yaml")


def test_imports_are_followed_and_nothing_else_is(here):
    files = {
        "pkg/__init__.py": "",
        "pkg/a.py": "from pkg import b\n",
        "pkg/b.py": "def f():\n    from .sub.c import x\n",
        "pkg/sub/__init__.py": "from . import d\n",
        "pkg/sub/c.py": "import numpy\nx = 1\n",
        "pkg/sub/d.py": "from ..e import y\n",
        "pkg/e.py": "y = 1\n",
        "pkg/unused.py": "import pkg.a\n",
    }
    for name, text in files.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text)
    write_notebook(
        here / "n.ipynb",
        new_markdown_cell("import pkg.unused"),
        new_code_cell("%matplotlib inline\nimport pkg.a as alias"),
        new_code_cell("!ls\nimport json"),
    )
    assert build.imported_modules("n.ipynb", "pkg") == sorted(set(files) - {"pkg/unused.py"})
    write_notebook(here / "m.ipynb", new_code_cell("from pkg.e import y"))
    assert build.imported_modules("m.ipynb", "pkg") == ["pkg/__init__.py", "pkg/e.py"]


def test_tidy_leaves_out_the_traces_of_a_run(here):
    bar = "\rfit:  50%|#####     | 1/2\rfit: 100%|##########| 2/2\n"
    write_notebook(
        here / "run.ipynb",
        ran("a = 1", tags=["parameters"]),
        ran(
            "print(a)",
            new_output("stream", name="stderr", text=bar),
            new_output("stream", name="stdout", text="10%\r20%\rdone\n"),
        ),
        ran("warn()", new_output("stream", name="stderr", text=bar + "careful\n")),
        ran(
            "found; 7",
            new_output("display_data", {"text/markdown": "**7**", "text/plain": "Finding(7)"}),
            new_output("display_data", {"text/plain": "7"}),
        ),
    )
    notebook = nbformat.read("run.ipynb", as_version=4)
    notebook.metadata["papermill"] = {"input_path": "/somewhere"}
    nbformat.write(notebook, "run.ipynb")
    build.tidy("run.ipynb", "shown/run.ipynb")
    text = (here / "shown/run.ipynb").read_text()
    for trace in ("papermill", "iopub", "/somewhere", "50%", "100%"):
        assert trace not in text
    shown = nbformat.read("shown/run.ipynb", as_version=4)
    assert shown.cells[0].metadata.tags == ["parameters", "hide-input"]
    assert [output.text for output in shown.cells[1].outputs] == ["done\n"]
    assert [output.text.strip() for output in shown.cells[2].outputs] == ["careful"]
    data = [dict(output.data) for output in shown.cells[3].outputs]
    assert data == [{"text/markdown": "**7**"}, {"text/plain": "7"}]
    build.tidy("shown/run.ipynb", "again.ipynb")
    assert (here / "again.ipynb").read_text() == text


def test_a_page_leaves_out_what_another_task_is_asked(here):
    def cells(renew=""):
        return (
            new_markdown_cell(f"Both{renew}"),
            new_markdown_cell(f"Promoters{renew}", metadata={"tags": ["task-tss"]}),
            ran("boxes()", tags=["task-tss"]),
            new_markdown_cell(f"Codons{renew}", metadata={"tags": ["task-tis"]}),
            ran("codons()", tags=["task-tis"]),
        )

    write_notebook(here / "run.ipynb", *cells())
    build.tidy("run.ipynb", "tss.ipynb")
    assert build.main(["tidy", "run.ipynb", "tis.ipynb", "--task", "tis"]) == 0

    def shown(page):
        return [cell.source for cell in nbformat.read(page, as_version=4).cells]

    assert shown("tss.ipynb") == ["Both", "Promoters", "boxes()"]
    assert shown("tis.ipynb") == ["Both", "Codons", "codons()"]
    build.tidy("tis.ipynb", "again.ipynb")
    assert (here / "again.ipynb").read_text() == (here / "tis.ipynb").read_text()
    write_notebook(here / "source.ipynb", *cells(" anew"))
    build.refresh_prose("source.ipynb", "tis.ipynb")
    assert shown("tis.ipynb") == ["Both anew", "Codons anew", "codons()"]


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (ran("1/0", new_output("error", ename="ZeroDivisionError", evalue="by 0")), "ZeroDivision"),
        (new_code_cell("later()"), "cell 1: was not run"),
    ],
)
def test_tidy_refuses_a_chapter_that_failed(here, cell, says):
    write_notebook(here / "run.ipynb", cell)
    with pytest.raises(ValueError, match=says):
        build.tidy("run.ipynb", "shown.ipynb")
    assert sorted(path.name for path in here.iterdir()) == ["run.ipynb"]


def test_text_can_be_renewed_without_a_run(here):
    result = new_output("stream", name="stdout", text="1\n")
    write_notebook(
        here / "shown.ipynb",
        new_markdown_cell("Old", id="old"),
        ran("a = 1", tags=["parameters"]),
        ran("a = 2", tags=["injected-parameters"]),
        ran("print(a)", result),
    )
    parameters = new_code_cell("a = 1", id="p", metadata={"tags": ["parameters"]})
    texts = [new_markdown_cell(text, id=text.lower()) for text in ("New", "More", "End")]
    rest = new_code_cell("print(a)", id="r")
    write_notebook(here / "source.ipynb", texts[0], parameters, texts[1], rest, texts[2])
    build.refresh_prose("source.ipynb", "shown.ipynb")
    shown = nbformat.read("shown.ipynb", as_version=4)
    assert [c.source for c in shown.cells] == ["New", "a = 1", "a = 2", "More", "print(a)", "End"]
    assert shown.cells[4].outputs == [result]
    write_notebook(here / "source.ipynb", parameters, new_code_cell("print(a + 1)"))
    with pytest.raises(ValueError, match="execute the chapter again"):
        build.refresh_prose("source.ipynb", "shown.ipynb")


def test_the_lock_names_published_packages_only(here):
    (here / "freeze").write_text("torch==2.0+cpu\nB==1\na==2.0.post1\nnvidia-nvtx==1\ntriton==3\n")
    assert build.lock("freeze") == 3
    lines = (here / "requirements.lock").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "a==2.0.post1",
        "B==1",
        "torch==2.0",
    ]
    environment = yaml.safe_load((here / "environment.yml").read_text())
    assert environment["dependencies"][-1] == {"pip": ["a==2.0.post1", "B==1", "torch==2.0"]}
    (here / "freeze").write_text("a @ file:///somewhere\n")
    with pytest.raises(ValueError, match="no pin of a published package"):
        build.lock("freeze")


def test_the_figure_of_the_first_screen(here):
    members = [
        "+".join(group)
        for size in (1, 2, 3, 4)
        for group in combinations(["regulondb", "cappable", "smrt", "sendseq"], size)
    ]
    regions = pd.DataFrame({"members": members, "n": range(1, 16)})
    heads = pd.DataFrame(
        {
            "layer_1based": [1, 1, 2],
            "head_1based": [1, 2, 1],
            "selectivity": [0.9, 0.5, 0.8],
            "peak_label": [-10, -300, 1],
            "consensus": ["TATAATN", "NNNNNNN", "NNRNNNN"],
            "role": ["-10", None, None],
        }
    )
    label = np.r_[-400:0, 1:21]
    profiles = pd.concat(
        pd.DataFrame(
            {
                "layer_1based": layer,
                "head_1based": head,
                "label": label,
                "offset": label - (label > 0),
                "mean": 1.0 / (1 + np.abs(label - peak)),
            }
        )
        for layer, head, peak in [(1, 1, -10), (1, 2, -300), (2, 1, 1)]
    )
    (here / "results").mkdir()
    (here / "run/heads").mkdir(parents=True)
    regions.to_csv("results/curation_regions.csv", index=False)
    written = heads.rename(columns={"layer_1based": "layer", "head_1based": "head"})
    written = written.drop(columns="peak_label").assign(peak_offset=[-10, -300, 0])
    written.to_csv("results/heads.csv", index=False)
    build.overview("results", "run", "small.png", weights="curated")
    profiles.to_csv("run/heads/curated_profiles.csv", index=False)
    profiles.head(3).to_csv("run/heads/other_profiles.csv", index=False)  # newer, of another model
    build.overview("results", "run", "large.png", weights="curated")
    small, large = plt.imread("small.png"), plt.imread("large.png")
    assert large.shape[1] > small.shape[1]

    figure = overview.overview(regions, heads, profiles)
    right = figure.axes[1]
    shown = right.images[0].get_array()
    assert [text.get_text() for text in right.get_yticklabels()] == [
        "layer 1 head 1",
        "layer 2 head 1",
    ], "the head that looks elsewhere is left out"
    ticks = dict(zip(right.get_xticks(), right.get_xticklabels(), strict=True))
    assert ticks[shown[0].argmax()].get_text() == "-10"
    assert ticks[shown[1].argmax()].get_text() == "+1"


def test_a_picture_with_a_palette_is_smaller_and_looks_the_same():
    buffer = io.BytesIO()
    with plt.style.context("default"):
        figure, axes = plt.subplots()
        axes.imshow(np.random.default_rng(0).random((60, 60)), cmap="cividis")
        axes.set_title("title")
        figure.savefig(buffer)
        plt.close(figure)
    before = buffer.getvalue()
    after = with_palette(before)
    assert len(after) < 0.6 * len(before)
    assert with_palette(after) == after
    old, new = (
        np.asarray(Image.open(io.BytesIO(one)).convert("RGB"), dtype=int) for one in (before, after)
    )
    assert old.shape == new.shape
    assert np.abs(old - new).mean() < 2 and np.abs(old - new).max() < 40
