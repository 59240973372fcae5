"""The chapter adapt: what it refuses, what it says at its limits; that it runs, test_notebooks."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from genoattn.chapters import adapt as chapter
from genoattn.chapters import adapt_words as words
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork
from genoattn.plots import adapt as draw
from genoattn.study.parameters import Checked, ParameterError, check
from genoattn.study.run import Run


def asked(**given) -> Checked:
    default = {name: one.default for name, one in chapter.PARAMETERS.items()}
    return Checked(chapter.PARAMETERS, default | given)


def test_the_chapter_adapts_to_a_simulated_species(tmp_path):
    torch.manual_seed(0)
    network = ConvolutionalNetwork(ConvolutionalConfig(layers=2, channels=4, downstream=7))
    network.save(tmp_path / "training/demo.safetensors", Card(train_set="none"))
    p = asked(run_dir=str(tmp_path), length=40_000, n_sites=[10], passes=0.1, least_steps=2,
              n_bootstrap=20, block=500)  # fmt: skip
    run = Run.of(p)
    given = chapter.opened(run, p)
    assert words.SIMULATED in given.finding.said
    found = chapter.adapted(run, given, p)
    assert found.curve["species"].unique().tolist() == ["another_species"]
    assert found.curve["n_sites"].min() == 10
    assert "labelled sites" in chapter.in_short(found).said
    for drawn in (draw.purines(given.audit), draw.learning_curve(found.curve)):
        assert drawn.caption
        plt.close(drawn.figure)
    run.write(p, found)
    table = pd.read_csv(run.results / "adaptation.csv")
    table.assign(species="earlier").to_csv(run.results / "adaptation.csv", index=False)
    again = chapter.adapted(run, given, p)
    assert set(again.finding.results["adaptation"]["species"]) == {"another_species", "earlier"}
    pd.testing.assert_frame_equal(found.curve, again.curve)


@pytest.mark.parametrize(
    ("given", "lacking"), [({"fasta": "a"}, "sites"), ({"sites": "a"}, "fasta")]
)
def test_a_genome_without_sites_is_refused(given, lacking):
    values = {name: one.default for name, one in chapter.PARAMETERS.items()} | given
    with pytest.raises(ParameterError, match=f"'{lacking}' is missing"):
        check(chapter.PARAMETERS, values)


def curve(*rows):
    """Rows of n_sites, before, after, low and high of the difference."""
    table = pd.DataFrame(
        rows, columns=["n_sites", "before", "after", "difference_low", "difference_high"]
    )
    return table.assign(
        difference=table["after"] - table["before"], metric="pr_auc", resolution=1, seed=1
    )


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(0.001, 0.2, "rises from"), (0.0, 0.2, "does not change significantly"),
     (-0.2, -0.001, "falls from")],
)  # fmt: skip
def test_a_change_is_named_only_if_its_interval_excludes_none(low, high, word):
    assert word in words.say_all(curve((100, 0.1, 0.2, low, high)))


def test_how_many_sites_are_enough():
    rows = [(25, 0.1, 0.17, 0, 1), (50, 0.1, 0.1801, 0, 1), (100, 0.1, 0.2, 0, 1)]
    assert words.say_enough(curve(*rows)) == "50 of them already bring 80% of the gain."
    said = words.say_enough(curve(rows[0], rows[2]))
    assert said == "25 of them bring 70% of the gain; 80% of it need more."
    assert words.say_enough(curve(rows[0])) == ""
    assert words.say_enough(curve(rows[0], (100, 0.2, 0.1, 0, 1))) == ""


def test_of_several_seeds_the_mean_is_said_beside_the_single_ones():
    one = curve((25, 0.1, 0.2, 0.05, 0.15), (100, 0.1, 0.3, 0.15, 0.25))
    two = curve((25, 0.1, 0.3, 0.15, 0.25), (100, 0.1, 0.4, 0.25, 0.35)).assign(seed=2)
    every = [
        one_seed.assign(metric=metric, resolution=k)
        for one_seed in (one, two)
        for metric, k in (("pr_auc", 1), ("pr_auc", 10), ("roc_auc", 1))
    ]
    both = pd.concat(every, ignore_index=True)
    said = words.say_curve(both)
    assert "| 25 | 0.100 → 0.250 | +0.150 (+0.100 to +0.200) | 0.200 to 0.300 |" in said
    assert "means over 2 seeds" in said
    assert "means over" not in words.say_curve(both[both["seed"] == 1])
    assert "genome (mean of 2 seeds), the PR AUC" in words.say_all(both)
    drawn = draw.learning_curve(both.assign(after_low=both["after"], after_high=both["after"]))
    assert "small circles are single seeds" in drawn.caption
    assert [len(one.get_offsets()) for one in drawn.figure.axes[0].collections][-1] == 4
    plt.close(drawn.figure)


def test_adaptations_to_other_species_are_listed_beside():
    others = curve((50, 0.1, 0.2, 0.05, 0.15), (100, 0.1, 0.3, 0.15, 0.25)).assign(species="B")
    said = words.say_others(others)
    assert "| B" in said
    assert "0.100 → 0.300" in said
    assert words.say_others(others.iloc[:0]) == ""


def test_the_audit_says_why_it_doubts():
    audit = pd.DataFrame({"offset": [-1, 0, 1], "purines": [0.3, 0.5, 0.7]})
    assert words.say_audit(audit, None).startswith("50% of the sites are purines, more than")
    assert "speaks against the table (shifted)" in words.say_audit(audit, "shifted")
