"""The genome browser's files: what is kept, what is published, and the page in a real browser."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoattn.book import browser
from genoattn.genome.formats import FEATURE_COLUMNS
from genoattn.genome.sequence import Genome
from genoattn.study.inputs import StudyInputs

ROOT = Path(__file__).parents[2]
LENGTH = 60_000  # more than a piece of output


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=50),
    st.floats(1e-6, 0.1),
)
def test_outputs_survive_within_the_stated_error(values, floor):
    track = np.array([values, values])
    kept = browser.output_of(browser.levels_of(track, floor), floor)
    high = track >= floor
    assert (kept[~high] == 0).all()
    assert (np.abs(kept[high] / track[high] - 1) <= 0.045).all()


def test_positions_without_output_stay_without():
    track = np.array([[np.nan, 0.0, 0.5]])
    levels = browser.levels_of(track, 0.01)
    assert levels[0, 0] == browser.NO_OUTPUT and levels[0, 1] == browser.BELOW
    assert np.isnan(browser.output_of(levels, 0.01)[0, 0])


@pytest.mark.parametrize("floor", [0.0, -1.0, np.nan])
def test_a_floor_must_be_positive(floor):
    with pytest.raises(ValueError, match="floor"):
        browser.levels_of(np.zeros((2, 3)), floor)


def sites(*rows):
    return pd.DataFrame(rows, columns=["position", "strand", "source"])


def test_support_counts_sources_not_sites():
    found = browser.support_counts(
        sites(
            (199, "+", "smrt"),
            (150, "+", "smrt"),
            (100, "+", "cappable"),
            (200, "+", "smrt"),
            (120, "-", "smrt"),
            (240, "-", "smrt"),
        ),
        length=250,
    )
    assert found.to_numpy().tolist() == [
        [100, 200, "+", 2],
        [100, 200, "-", 1],
        [200, 250, "+", 1],
        [200, 250, "-", 1],
    ]


def scene():
    levels = np.zeros((2, LENGTH), dtype=np.uint8)
    levels[:, 10_000:] = browser.BELOW
    levels[0, 12_345], levels[1, 55_000] = 60, 40
    return browser.Scene(
        contig="TOY",
        title="A toy",
        weights="none",
        length=LENGTH,
        floor=0.001,
        n_sources=4,
        levels=levels,
        genes=pd.DataFrame(
            [
                (12_400, 13_000, "+", "abcA", "x1", "gene"),
                (13_100, 14_000, "-", "y", "x2", "pseudogene"),
            ],
            columns=["start", "end", "strand", "name", "locus_tag", "kind"],
        ),
        support=pd.DataFrame([(12_300, 12_400, "+", 3)], columns=["start", "end", "strand", "n"]),
        places=pd.DataFrame(
            [
                ("one", "First", 12_000, 15_000, "A place in *abcA* & more."),
                ("two", "Second", 54_000, 56_000, "Another."),
            ],
            columns=["key", "title", "start", "end", "caption"],
        ),
    )


def own():
    return StudyInputs(
        genome=Genome("TOY", np.arange(LENGTH, dtype=np.uint8) % 4),
        features=pd.DataFrame(columns=FEATURE_COLUMNS),
        operons=pd.DataFrame(columns=["start", "end", "strand", "name", "genes"]),
        terminators=pd.DataFrame(columns=["position", "strand", "source", "kind"]),
        sites=sites((12_345, "+", "regulondb")),
        elements=pd.DataFrame(
            [(100, "+", "-10", -12, "TATAAT"), (100, "-", "-10", -12, "TATAAT")],
            columns=["tss_position", "strand", "element", "offset", "sequence"],
        ),
    )


def test_a_scene_is_read_as_it_was_saved(tmp_path):
    before = scene()
    before.save(tmp_path)
    after = browser.Scene.read(tmp_path)
    assert np.array_equal(after.levels, before.levels)
    assert (after.contig, after.floor, after.n_sources) == ("TOY", 0.001, 4)
    for name in ("genes", "support", "places"):
        pd.testing.assert_frame_equal(getattr(after, name), getattr(before, name))


@pytest.mark.parametrize("name", ["about.json", "output.npz", "genes.tsv"])
def test_a_scene_that_lacks_a_file_is_refused(tmp_path, name):
    scene().save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=re.escape(name)):
        browser.Scene.read(tmp_path)


def test_a_scene_of_another_length_is_refused(tmp_path):
    replace(scene(), length=LENGTH + 1).save(tmp_path)
    with pytest.raises(ValueError, match="shape"):
        browser.Scene.read(tmp_path)


def given_values(path):
    """What a script of the page passes to the page."""
    text = path.read_text(encoding="utf-8")
    return json.loads("[" + text[text.index("(") + 1 : text.rindex(")")] + "]")


def test_pieces_hold_the_output(tmp_path):
    browser.write_page(scene(), "toy", tmp_path, None, private=False)
    name, about = given_values(tmp_path / "toy" / "data.js")
    assert name == "toy" and about["shards"] == [0, 1] and about["unread"] == [[0, 10_000]]
    _, number, packed = given_values(tmp_path / "toy" / "output_1.js")
    piece = np.frombuffer(base64.b64decode(packed), dtype=np.uint8).reshape(2, -1)
    assert number == 1 and np.array_equal(piece, scene().levels[:, 50_000:])
    coarse = np.frombuffer(base64.b64decode(about["coarse"]), dtype=np.uint8).reshape(2, -1)
    assert coarse.shape == (2, LENGTH // 50) and coarse[0, 12_345 // 50] == 60


def test_tables_and_sequence_are_shown_only_where_given(tmp_path):
    browser.write_page(scene(), "open", tmp_path, None, private=False)
    _, about = given_values(tmp_path / "open" / "data.js")
    assert about["tables"] == [] and not (tmp_path / "open" / "sequence.js").exists()
    assert "do not publish" not in about["note"]
    browser.write_page(scene(), "full", tmp_path, own(), private=True)
    _, about = given_values(tmp_path / "full" / "data.js")
    tables = {table["id"]: table["rows"] for table in about["tables"]}
    assert tables["regulondb"] == [[12_345, 12_346, "+", ""]]
    assert "do not publish" in about["note"]
    assert given_values(tmp_path / "full" / "sequence.js")[1].startswith("ACGTACGT")


def test_elements_lie_upstream_on_their_strand(tmp_path):
    browser.write_page(scene(), "toy", tmp_path, own(), private=False)
    _, about = given_values(tmp_path / "toy" / "data.js")
    rows = next(table["rows"] for table in about["tables"] if table["id"] == "elements")
    assert rows == [[88, 94, "+", "-10"], [107, 113, "-", "-10"]]


def test_no_tables_without_a_folder_that_holds_them_all(monkeypatch, tmp_path):
    monkeypatch.delenv("GENOATTN_DATA", raising=False)
    assert browser.local_ecoli() is None
    monkeypatch.setenv("GENOATTN_DATA", str(tmp_path))
    assert browser.local_ecoli() is None


def test_each_place_has_its_figure(tmp_path):
    (tmp_path / "gone.png").write_bytes(b"")
    browser.draw(scene(), tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*")) == ["one.png", "two.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.glob("*.png"))


def test_what_is_committed_can_be_used_and_names_no_site():
    folder = ROOT / "book/static/browser/ecoli"
    here = browser.Scene.read(folder)
    assert here.contig == "NC_000913.3" and here.length == 4_641_652
    assert (here.support["start"] % browser.BIN == 0).all()
    assert list(here.support) == ["start", "end", "strand", "n"]
    assert len(here.places) >= 10 and here.places["key"].is_unique
    for place in here.places.itertuples():
        assert (here.levels[:, place.start : place.end] > browser.NO_OUTPUT).all()
        assert (folder / f"{place.key}.png").is_file()
    assert sum(path.stat().st_size for path in folder.glob("*")) < 6e6


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("link, locus", [("#toy--two", "TOY:54001-56000"), ("", "TOY:12001-15000")])
def test_the_page_shows_a_place_without_a_server(tmp_path, link, locus):
    static = tmp_path / "_static" / "browser"
    browser.write_page(scene(), "toy", static, own(), private=False)
    browser._igv(static / "igv.min.js")
    for path in (ROOT / "book/static/browser").glob("browser.*"):
        shutil.copy(path, static)
    text = (ROOT / "book/browser.md").read_text(encoding="utf-8")
    body = re.search(r"```\{raw\} html\n(.*?)```", text, re.DOTALL)[1]
    body = re.sub(r"<script src=[^>]*demo/data.js[^>]*></script>\n", "", body)
    page = tmp_path / "book" / "browser.html"
    page.parent.mkdir()
    page.write_text(body.replace("browser/ecoli/data.js", "browser/toy/data.js"), encoding="utf-8")
    seen = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=20000",
            "--dump-dom",
            page.as_uri() + link,
        ],
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    assert f'data-locus="{locus}"' in seen and 'data-genome="toy"' in seen
    assert "cannot be shown" not in seen
