"""What the chapter output says of predicted gene starts by reading frame."""

from __future__ import annotations

import pandas as pd

from genoattn.chapters.output_intervals import ABOVE, BELOW, UNKNOWN, verdict
from genoattn.study.report import table, with_interval


def say_frames(found: pd.DataFrame, n_novel: int, at_codon: int) -> str:
    """Say how many predicted starts that the annotation lacks lie in a gene, and in which frame.

    Parameters
    ----------
    found : DataFrame
        `frames.by_frame`.
    n_novel : int
        Predicted starts that the annotation lacks.
    at_codon : int
        Of these, those at ATG, GTG or TTG.
    """
    if not n_novel:
        return "Every predicted start is annotated, so there is no false positive to ask about."
    inside = int(found["n_inside"].iloc[0])
    said = (
        f"{n_novel:,} predicted starts are not annotated; {at_codon:,} of them "
        f"({at_codon / n_novel:.0%}) are at ATG, GTG or TTG, and {inside:,} ({inside / n_novel:.0%}"
        ") lie in a coding sequence on its strand"
    )
    if not inside:
        return f"{said}."
    rows = pd.DataFrame(
        {
            "first letter is": found["frame"],
            "predicted starts": found["n"].map("{:,}".format),
            "share": [
                with_interval(row["share"], row["ci_low"], row["ci_high"], ".0%")
                for row in found.to_dict("records")
            ],
            "of all start codons in genes": found["chance"].map("{:.0%}".format),
        }
    )
    return f"{said}. {_verdict(found)}\n{table(rows)}"


def _verdict(found: pd.DataFrame) -> str:
    """Whether those in frame are more than start codons in frame are."""
    row = found.iloc[0]
    how = verdict(row["ci_low"], row["ci_high"], row["chance"])
    share = with_interval(row["share"], row["ci_low"], row["ci_high"], ".0%")
    numbers = (
        f"{share} of those in genes are in the gene's frame, against {row['chance']:.0%} of the "
        "start codons in genes"
    )
    meaning = {
        ABOVE: "the model errs in frame, where another start of the same protein may be the right "
        "one",
        BELOW: "the model errs in frame less often than start codons lie there",
        UNKNOWN: "there are too few to tell",
    }.get(how, "no preference for the frame is shown")
    return f"{numbers}: {meaning}."


def short_frames(found: pd.DataFrame) -> str:
    """Say in one sentence whether false positives lie in frame."""
    if not found["n_inside"].iloc[0]:
        return "No predicted start that the annotation lacks lies in a gene."
    return f"Of the predicted starts that the annotation lacks, {_verdict(found)}"
