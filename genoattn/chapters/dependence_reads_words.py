"""What the chapter dependence says of the elements that the model reads, and of its first layer."""

from __future__ import annotations

import pandas as pd

from genoattn.genome.sites import paper_label
from genoattn.study import report
from genoattn.study.report import listed, table, with_interval


def say_used(found: pd.DataFrame, n_sites: int, min_seqlets: int) -> str:
    """Say which elements the mutation map holds, and what they are worth.

    Parameters
    ----------
    found : DataFrame
        ``element``, ``offset``, ``n_seqlets``, ``effect``, ``ci_low``, ``ci_high``, ``q_value``.
    n_sites : int
        Sites of the map.
    min_seqlets : int
        Fewest sites of an element.
    """
    if found.empty:
        return (
            f"At {n_sites:,} start sites, no motif of the mutation map occurs {min_seqlets} times "
            "at one place; with more sites, rarer or weaker elements would be found."
        )
    needed = found[found["ci_high"] < 0].sort_values("effect")
    told = listed(
        f"{row['element']} ({row['effect']:+.2f} at {row['n_seqlets']} sites)"
        for row in needed.head(5).to_dict("records")
    )
    rows = pd.DataFrame(
        {
            "element": found["element"],
            "place": [f"{int(paper_label(int(one))):+d}" for one in found["offset"]],
            "sites": found["n_seqlets"].astype(str),
            "effect of random letters": [
                with_interval(*one)
                for one in zip(found["effect"], found["ci_low"], found["ci_high"], strict=True)
            ],
            "q of the name": [f"{one:.2g}" for one in found["q_value"]],
        }
    )
    return (
        f"The mutation map of {n_sites:,} start sites holds **{len(found)} elements**, found "
        f"without asking for any: {len(needed)} of them lower the log-odds significantly when "
        f"replaced by random letters{': ' + told if len(needed) else ''}.\n"
        + report.folded("All elements of the map", table(rows))
    )


def say_first_layer(heads: pd.DataFrame) -> str:
    """Say what the heads of the first layer look for, and how well one matrix explains it.

    Parameters
    ----------
    heads : DataFrame
        `first_layer.FirstLayer.summary`.
    """
    top = heads.loc[heads["key_range"].idxmax()]
    rows = pd.DataFrame(
        {
            "head": [f"L1 H{one}" for one in heads["head"]],
            "best key word": heads["key_word"],
            "range of keys": heads["key_range"].map("{:.1f}".format),
            "explained by one matrix": heads["one_matrix"].map("{:.0%}".format),
            "with a pair": heads["with_a_pair"].map("{:.0%}".format),
            "distance (nt)": heads["distance"].astype(str),
            "best query word": heads["query_word"],
        }
    )
    return (
        f"Of the {len(heads)} heads, L1 H{int(top['head'])} tells keys apart most: between its "
        f"worst and its best word ({top['key_word']}) attention differs by a factor of e to the "
        f"{top['key_range']:.1f}. A single matrix for the key explains "
        f"{heads['one_matrix'].min():.0%} to {heads['one_matrix'].max():.0%} of what the heads of "
        "the layer compare; the rest is how the query's word and the key's word play together.\n"
        + report.folded("The heads of the first layer", table(rows))
    )
