"""Sites of the paper's four sources on a short genome, drawn at random or written as a picture."""

from __future__ import annotations

import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

from genoattn.data.curation import SOURCES, Merging

LENGTH = 60  # of the toy genome; short, so that random sites meet and cross the origin

some = settings(max_examples=40, deadline=None)
site_rows = st.lists(
    st.tuples(st.integers(0, LENGTH - 1), st.sampled_from("+-"), st.sampled_from(SOURCES)),
    unique=True,
    max_size=40,
)
windows = st.integers(0, 8)
lengths = st.sampled_from([None, LENGTH])


def frame(rows):
    """Sites from (position, strand, source) triples."""
    return pd.DataFrame(rows, columns=["position", "strand", "source"]).astype({"position": int})


def line(text, strand="+"):
    """Sites from a picture: ``"7:RC 9:S"`` is RegulonDB and Cappable at 7, SEnd-seq at 9."""
    names = dict(zip("RCMS", SOURCES, strict=True))
    rows = [
        (int(place), strand, names[letter])
        for place, letters in (word.split(":") for word in text.split())
        for letter in letters
    ]
    return frame(rows)


def merging(window=5, rule="agreed", outvoted="kept", length=None):
    """The paper's sources, merged so."""
    return Merging(window=window, rule=rule, outvoted=outvoted, length=length)


def signed(a, b, length):
    """Shift from a to b along the forward strand, the shorter way round a circular genome."""
    d = b - a
    if length is not None:
        d = (d + length // 2) % length - length // 2
    return d
