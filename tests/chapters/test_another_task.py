"""Steps that only start sites of transcription are asked find nothing of another task."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from genoattn.chapters import heads, output, training_sites
from genoattn.genome.sequence import Genome, encode
from genoattn.study.tasks import TASKS


@pytest.fixture
def study():
    task = TASKS["tis"]
    return SimpleNamespace(of=task, asks=task.questions.__contains__)


def test_the_output_of_another_task_has_no_opposite_strand_pseudogenes_or_operons(study):
    out = SimpleNamespace(study=study)
    other = output.opposite(out, None, None)
    steps = [
        output.both_strands(out, None),
        output.paper_says(out, None, None, None),
        other,
        output.mirrored(out, other, None),
        output.shuffled(out, other, None, None),
        output.pseudogenes(out, None),
        output.internal(out, None, None, None),
        output.ranked(out, None, other, None),
    ]
    for one in steps:
        assert not one.finding.said and not one.finding.results
    assert not output.in_short(None, None, other, None, None).said


def test_heads_of_another_task_have_no_spacer_place_or_binding_sites(study):
    subject = SimpleNamespace(study=study)
    assert heads.spacer(subject, None, None, None, None).by_heads is None
    assert heads.known_sites(None, subject, None, None).any_site is None
    assert not heads.place(None, subject, None).said
    assert not heads.statements(None, None, SimpleNamespace(of=study.of), None).said


def test_starts_of_genes_are_of_a_codon_and_of_so_many_letters_of_the_shine_dalgarno():
    far = "C" * 30
    genes = (f"{far}AGGAGGCCCCCATG", f"{far}AGGAGCCCCCCGTG", f"{far}CCCCCCCCCCCCTG")
    text = "".join(f"{gene}{far}" for gene in genes)
    starts = [text.index(gene) + len(gene) - 3 for gene in genes]
    sites = pd.DataFrame({"position": starts, "strand": "+"})
    found = training_sites.gene_start_kinds(Genome("toy", encode(text)), sites)
    of = found.set_index(["kind", "site"])["group"]
    assert of["start codon"].sort_index().tolist() == ["ATG", "GTG", "another"]
    letters = of["Shine-Dalgarno"].sort_index().tolist()
    assert letters == ["6 of 6 letters", "5 of 6 letters", "3 or fewer of 6 letters"]
    groups = found[found["kind"] == "Shine-Dalgarno"]["group"].tolist()
    assert groups == sorted(groups), "in order, whatever the order of the sites"
    assert np.isin(found["site"], [0, 1, 2]).all()
