"""What the chapter curation says of its numbers: frames in, sentences and tables out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from genoattn.data import agreement, coordinates, simulation
from genoattn.data.agreement import PRINTED
from genoattn.data.assays import source_name
from genoattn.data.curation import OUTVOTED, RULES, Merging
from genoattn.evaluation.statistics import proportion
from genoattn.study.inputs import StudyInputs
from genoattn.study.report import escaped, folded, in_words, listed, signed, table, with_interval


def describe(study: StudyInputs, merging: Merging) -> str:
    """Say what was loaded, and in which order the sources stand."""
    genome, n_sites = study.genome, study.sites["source"].value_counts()
    counts = "\n".join(
        f"- {called(name)}: {n_sites.get(name, 0):,} sites" for name in merging.sources
    )
    if len(merging.sources) == 1:
        order = "There is one source, so nothing is merged: its sites are the curated set."
    else:
        order = (
            "The order, from older techniques to the newest, matters below: where sources "
            "disagree about a position and the vote is tied, the newest technique decides."
        )
        if merging.trusted is not None:
            order += f" {called(merging.trusted)} is the source whose sites are all used."
    return (
        f"**{escaped(genome.name)}** has {genome.length:,} nt, {len(study.features):,} annotated "
        f"features and {len(study.sites):,} sites:\n\n{counts}\n\n{order}"
    )


# ---------------------------------------------------------------- where the tables come from


def say_simulation(assays: Sequence[simulation.Assay]) -> str:
    """Say how each simulated assay errs."""
    asked = pd.DataFrame([asdict(assay) for assay in assays])
    facts = pd.DataFrame(
        {
            "": asked["name"].map(source_name),
            "true sites missed": asked["miss_rate"].map("{:.0%}".format),
            "false among reported": asked["false_share"].map("{:.0%}".format),
            "exact among true": [f"{shifts[0]:.0%}" for shifts in asked["shifts"]],
        }
    )
    return (
        "**The simulation.** Genome, genes and promoters are made up, so the truth is known. Each "
        "assay misses some true sites, reports false ones, and shifts others by a few "
        f"nucleotides:\n{table(facts)}"
    )


def say_liftover(
    lift: coordinates.Liftover, n_old: int, n_lost: int, n_uncertain: int, n_beyond: int
) -> str:
    """Say what was left out of SEnd-seq and how Cappable-seq came onto the newer assembly."""
    indels = lift.indels
    facts = pd.DataFrame(
        {
            "from": [f"{n + 1:,}" for n in indels["start"]],
            "to": [f"{n:,}" for n in indels["end"]],
            "nt gained": [f"{n:+,}" for n in indels["change"]],
            "stretch narrowed down by": indels["evidence"],
        }
    )
    lifted = (
        f"{n_old - n_lost:,} of {n_old:,} sites were lifted; the other {n_lost:,} have no place on "
        "the new assembly."
        if n_lost
        else f"All {n_old:,} sites were lifted."
    )
    return (
        f"**Spike-ins.** {n_beyond} rows of the SEnd-seq table lie beyond the end of the genome, "
        "and their printed sequences are not in it. They seem to come from RNA that was added as a "
        "control, and are left out.\n\n"
        "**Liftover.** Cappable-seq was mapped on the older assembly U00096.2. The offsets between "
        f"the assemblies follow from {sum(lift.n_anchors):,} genes that both annotations name and "
        "that kept their length. Where the offset changes from one of these genes to the next, "
        "there is an indel. Its exact place is not known, only a stretch that holds it. If the new "
        "assembly has a mobile element there, the stretch is the few nucleotides around that "
        "insertion. If not, but a gene there changed its length, it is that gene. Otherwise it is "
        f"all between the two genes. {lifted} {n_uncertain} of them lie within such a stretch, so "
        "that their new position is uncertain, and are flagged.\n"
        + folded("The indels, in 1-based positions of U00096.2", table(facts))
    )


# ------------------------------------------------------------------------- are they right?


def say_offsets(shares: pd.DataFrame, expected: dict[str, int]) -> str:
    """Say at which offset most sites are purines, and what that means for the positions.

    Parameters
    ----------
    shares : DataFrame
        Columns source, strand, offset, n, purine, agreement.
    expected : dict
        Offset that the readers of the tables assume, by strand.
    """
    parts = shares.groupby(["source", "strand"], sort=False)
    best = shares.loc[parts["purine"].idxmax()]
    lines = [
        f"- {called(row['source'])}, {row['strand']} strand: **{signed(row['offset'])}** "
        f"({row['purine']:.0%} purine"
        + (
            f"; {row['agreement']:.1%} of the printed sequences agree)"
            if row["agreement"] > 0
            else ")"
        )
        for row in best.to_dict("records")
    ]
    verdicts = [offset_verdict(part, expected[str(part["strand"].iloc[0])]) for _, part in parts]
    wrong = [
        f"{called(row['source'])} on the {row['strand']} strand"
        for row, verdict in zip(best.to_dict("records"), verdicts, strict=True)
        if verdict == "wrong"
    ]
    if wrong:
        meaning = (
            f"This is **not** what the reader assumes for {listed(wrong)}: another offset has "
            "significantly more purines. Look whether that table counts from 0 or from 1."
        )
    elif "undecided" in verdicts:
        meaning = (
            "Nothing speaks against the positions as they stand, but some tables have too few "
            "sites to tell one offset from another."
        )
    elif set(expected.values()) == {0}:
        meaning = "The positions are right as they stand."
    else:
        meaning = (
            "Both tables print the plus strand 0-based and the minus strand 1-based, like the "
            "start and the end of a BED interval; our readers of these files add 1 on the plus "
            "strand."
        )
    return "The offset with most purines at the site:\n\n" + "\n".join(lines) + f"\n\n{meaning}"


def offset_verdict(part: pd.DataFrame, expected: int) -> str:
    """Judge whether the sites of one source and strand have most purines at the expected offset.

    Parameters
    ----------
    part : DataFrame
        A row an offset: offset, n, purine.
    expected : int

    Returns
    -------
    str
        ``right``: no offset has more, and the mean of the others is lower by more than three
        standard errors. ``wrong``: the best has more by as much. ``undecided``: neither.
    """
    share = part.set_index("offset")["purine"]
    n, here, best = int(part["n"].iloc[0]), float(share[expected]), float(share.max())

    def apart(high: float, low: float) -> bool:
        return high - low > 3 * np.sqrt((high * (1 - high) + low * (1 - low)) / n)

    if best > here:
        return "wrong" if apart(best, here) else "undecided"
    return "right" if apart(here, float(share.drop(expected).mean())) else "undecided"


# --------------------------------------------------------------------- how much they share


def say_shared(
    counts: pd.DataFrame, regions: pd.DataFrame, merging: Merging, published: bool
) -> str:
    """Say what the sources share, in words and in a table."""
    if len(merging.sources) == 1:
        return f"{called(merging.sources[0])} is the only source: there is nothing to compare."
    size = np.array([len(group) for group in agreement.groups(merging.sources)])
    n = len(merging.sources)
    words = {2: "in both"} if n == 2 else {2: "in at least two", 3: "in at least three"}
    if n > 2:
        words[n] = f"in all {in_words(n)}"
    several = [
        f"{regions.loc[size >= k, 'n'].sum():,} are {text}{paper(f'shared_by_{k}', published)}"
        for k, text in words.items()
    ]
    ranked = counts.sort_values("percent_shared", kind="stable")
    least, most = ranked.iloc[0], ranked.iloc[-1]
    return (
        f"Of {regions['n'].sum():,} TSSs that any source has, {listed(several)}. "
        f"{called(most['source'])} shares the "
        f"largest part of its sites ({most['percent_shared']:.0f}%), {called(least['source'])} the "
        f"smallest ({least['percent_shared']:.0f}%); but a small set finds partners in a large "
        "one more easily than the other way round."
        + (" A Venn diagram of more than four sets cannot be read, so there is none." * (n > 4))
        + "\n\n"
        f"*Shared* counts each TSS once{', as Table 1 of the paper does' if published else ''}; "
        "*any partner* counts all sites with a neighbour in another source, without matching them "
        f"one to one. The window is {merging.window} nt. The interpretation in use has two "
        f"parts. *{_capital(merging.rule)}* is how groups are made: {RULES[merging.rule]}. "
        f"*{_capital(merging.outvoted)}* is what becomes of outvoted sites: "
        f"{escaped(merging.fate(merging.outvoted))}.\n{_table_one(counts, published)}"
    )


def _table_one(counts: pd.DataFrame, published: bool) -> str:
    """Lay out Table 1: counts and shares in percent, the paper's beside ours."""
    rows = {"": counts["source"].map(called)}
    rows["sites"] = counts["n_sites"].map("{:,}".format)
    if published:
        rows["sites, paper"] = counts["paper_n_sites"].map("{:,}".format)
    rows["shared"] = _with_percent(counts["n_shared"], counts["percent_shared"])
    if published:
        rows["shared, paper"] = _with_percent(
            counts["paper_n_shared"], counts["paper_percent_shared"]
        )
    rows["any partner"] = _with_percent(counts["n_shared_strict"], counts["percent_shared_strict"])
    return table(pd.DataFrame(rows))


def _with_percent(counts: pd.Series, percents: pd.Series) -> pd.Series:
    """Counts with their percentage in brackets."""
    return counts.map("{:,}".format) + percents.map(" ({:.1f}%)".format)


# ------------------------------------------------------------------- how exactly they agree


def say_agreement(pairs: pd.DataFrame, shifts: pd.DataFrame, published: bool) -> str:
    """Say between which sources neighbours are at one position most and least often."""
    if pairs.empty:
        return "There is one source, so there are no two whose positions could be compared."
    known = pairs.dropna(subset="exact_percent")
    if known.empty:
        return "No two sources have neighbouring sites, so there is no distance to look at."
    across = shifts[shifts["centre"] != shifts["other"]]
    near = across.loc[across["shift"].abs() <= 1, "n"].sum() / across["n"].sum()
    least = known.loc[known["exact_percent"].idxmin()]
    most = known.loc[known["exact_percent"].idxmax()]
    if known["exact_percent"].nunique() == 1:
        text = f"{most['exact_percent']:.1f}% of neighbouring sites are at one position; "
    else:
        text = (
            f"The exact share is highest between {called(most['source'])} and "
            f"{called(most['other'])} ({most['exact_percent']:.1f}%) and lowest between "
            f"{called(least['source'])} and {called(least['other'])} "
            f"({least['exact_percent']:.1f}%); "
        )
    text += (
        f"{near:.0%} of all pairs of neighbouring sites of different sources lie within one "
        "nucleotide of each other."
    )
    if published:
        off = (known["exact_percent"] - known["paper_exact_percent"]).abs().max()
        text += f" Our values differ from the paper's by at most {off:.1f} percentage points."
    return (
        f"{text} A model that must find the exact nucleotide is asked to be more exact than two "
        "assays are with each other: a miss by a nucleotide or two may be an error of the labels, "
        "or a promoter that starts at several nucleotides."
    )


# ------------------------------------------------------------------------- the curated set


def say_curated(sites: pd.DataFrame, merging: Merging, published: bool) -> str:
    """Say how many TSSs there are, and on how many positions two sources agree."""
    if len(merging.sources) == 1:
        return f"The curated set has **{len(sites):,}** TSSs, those of the only source."
    both = sites[sites["kind"] == "shared"]
    alone = len(sites) - len(both)
    text = (
        f"The curated set has **{len(sites):,}** TSSs{paper('curated', published)}: "
        f"{len(both):,} in at least two sources{paper('shared_by_2', published)}"
    )
    if merging.trusted is not None:
        text += (
            f" and {alone:,} of {called(merging.trusted)} alone{paper('sendseq_only', published)}"
        )
    if both.empty:
        return f"{text}."
    disagree = (both["votes"] == 1).mean()
    return (
        f"{text}. For {1 - disagree:.0%} of the shared ones, at least two sources agree on the "
        f"exact position; for the other {disagree:.0%} all disagree, and the newest technique "
        "decides."
    )


# ------------------------------------------------------------------- what the choices change


def say_interpreted(counts: pd.DataFrame, merging: Merging, published: bool) -> str:
    """Say between which sizes the curated set lies, and which interpretation is the paper's."""
    if len(merging.sources) == 1:
        return "With one source there is nothing to interpret: no site has a partner to join."
    sizes = counts["curated"]
    rules = [f"- *{name}*: {text};" for name, text in RULES.items()]
    fates = [f"- *{name}*: {escaped(merging.fate(name))};" for name in OUTVOTED]
    return (
        f"Depending on the interpretation, the curated set has between {sizes.min():,} and "
        f"{sizes.max():,} TSSs."
        + (f" {say_closest(counts, merging)}" if published else "")
        + "\n\n"
        + folded(
            "The interpretations in words",
            "Which sites are one TSS:\n\n"
            + "\n".join(rules)[:-1]
            + ".\n\nWhat becomes of a site of the trusted source that its group outvotes:\n\n"
            + "\n".join(fates)[:-1]
            + ".",
        )
    )


def say_closest(counts: pd.DataFrame, merging: Merging) -> str:
    """Say which interpretation comes closest to the paper's nine counts, and what stays open."""
    off = counts[list(PRINTED)].div(pd.Series(PRINTED)).sub(1).abs()
    used = counts.index[
        (counts["rule"] == merging.rule) & (counts["outvoted"] == merging.outvoted)
    ][0]
    best = counts.loc[off.mean(axis=1).sort_values(kind="stable").index[0]]
    chains, merged = (
        counts[(counts["rule"] == "single-link") & (counts["outvoted"] == fate)].iloc[0]
        for fate in OUTVOTED
    )
    return (
        f"The paper prints nine of the counts in the figure. Over these nine, the interpretation "
        f"*{best['rule']}, {best['outvoted']}* comes closest: its counts deviate by "
        f"{off.mean(axis=1).min():.1%} in the mean. "
        + (
            "It is the one in use, chosen for this fit, so how close its set comes to the paper's "
            f"size ({off.loc[used, 'curated']:.2%}) is no independent check."
            if off.mean(axis=1).idxmin() == used
            else f"Those of the interpretation in use deviate by {off.loc[used].mean():.1%}."
        )
        + "\n\n"
        "The paper seems to have kept outvoted SEnd-seq sites as TSSs of their own: with groups by "
        "single-link (chains of neighbours, however long), the rule *kept* gives "
        f"{chains['sendseq_shared']:,} shared TSSs of SEnd-seq{paper('sendseq_shared', True)}, and "
        f"the rule *merged* gives {merged['sendseq_shared']:,}. This speaks for *kept*, but not "
        "for single-link, which gives "
        f"{chains['shared_by_2']:,} TSSs in two or more sources; the interpretation "
        f"in use gives {counts.loc[used, 'shared_by_2']:,}{paper('shared_by_2', True)}. The "
        "number in three or more sources stays unexplained: ours deviates "
        f"by {off.loc[used, 'shared_by_3']:.1%}. The order in which the paper matched its tables, "
        "which it does not describe, may play a part."
    )


def say_windows(counts: pd.DataFrame, merging: Merging) -> str:
    """Say by how much the curated set grows with the window."""
    if len(merging.sources) == 1:
        return "With one source the window changes nothing: no site has a partner to find."
    first, last = counts.iloc[0], counts.iloc[-1]
    text = (
        f"From a window of {first['window']} nt to one of {last['window']} nt, the curated set "
        f"goes from {first['curated']:,} to {last['curated']:,} TSSs"
    )
    if not first["curated"]:
        return f"{text}."
    change = last["curated"] / first["curated"] - 1
    joined = last["shared_by_2"]
    close = first["shared_by_2"] / joined if joined else 0.0
    return (
        f"{text} ({change:+.0%}). With a window of {first['window']} nt "
        f"the number of TSSs in at least two sources is already {close:.0%} of that with the "
        "widest."
    )


# ------------------------------------------------------------- against what had no part in it


def say_compared(found: pd.DataFrame, lead: pd.DataFrame, n_reference: int, published: bool) -> str:
    """Say what the reference is, and how the curated set ranks among the sources.

    Parameters
    ----------
    found : DataFrame
        `genoattn.data.agreement.recovery` of each set, named in ``source``.
    lead : DataFrame
        By how much the curated set leads the best source: best_source, tolerance, lead, ci_low,
        ci_high.
    n_reference : int
        Sites of the reference.
    published : bool
        Whether it is dRNA-seq; else it is the planted truth.
    """
    names = list(dict.fromkeys(found["source"]))
    wide = found.pivot(index="source", columns="tolerance", values=["precision", "recall"])
    wide = wide.loc[names]
    rows = pd.DataFrame({"": [called(name) for name in names]})
    for tolerance, where in ((0, "exact"), (2, "±2 nt")):
        for measure in ("precision", "recall"):
            rows[f"{measure}, {where}"] = [f"{x:.1%}" for x in wide[measure, tolerance]]
    precision, recall = wide["precision", 2], wide["recall", 2]
    both = _harmonic(precision, recall)
    ranks = [
        int(one.fillna(0).rank(ascending=False, method="min")["curated"])
        for one in (precision, recall, both)
    ]
    what = (
        "The reference is dRNA-seq in LB at an optical density of 0.4 {cite}`thomason2015`, with "
        f"{n_reference:,} sites; the paper does not use this assay. It is not the truth: it has "
        "false sites of its own, and it misses what is not transcribed in that one condition."
        if published
        else f"The reference is the planted truth, all {n_reference:,} TSSs of the simulated "
        "genome."
    )
    best = best_alone(found)
    return (
        f"{what}\n{table(rows)}\nThe 95% intervals of these percentages, computed as if sites were "
        f"independent, reach at most {_widest(found):.1f} percentage points to each side. "
        f"Within two nucleotides, the curated set ranks {ranks[0]} of {len(names)} in precision, "
        f"{ranks[1]} in recall, and {ranks[2]} in their harmonic mean "
        f"({both['curated']:.1%}; the best single source, {called(best)}, has {both[best]:.1%})."
        + f" {_say_lead(lead)}"
    )


def best_alone(found: pd.DataFrame) -> str:
    """The source that has the highest harmonic mean within two nucleotides by itself."""
    alone = found[(found["tolerance"] == 2) & (found["source"] != "curated")]
    both = _harmonic(alone["precision"], alone["recall"]).fillna(0)
    return str(alone.loc[both.idxmax(), "source"])


def _say_lead(lead: pd.DataFrame) -> str:
    """Say by how much the curated set leads the best source, and whether that is shown."""
    near, exact = (lead[lead["tolerance"] == t].iloc[0] for t in (2, 0))
    told = [
        with_interval(100 * one["lead"], 100 * one["ci_low"], 100 * one["ci_high"], "+.1f")
        for one in (near, exact)
    ]
    shown = [_judged(one) for one in (near, exact)]
    return (
        f"The difference to {called(near['best_source'])} is {told[0]} percentage points within "
        f"two nucleotides, and {told[1]} at the exact position (95% intervals of a bootstrap over "
        "blocks of the genome; each draw takes the same blocks for both sets). So on this "
        "reference, the curated set is "
        + (
            f"{shown[0]} than {called(near['best_source'])} alone, by this mean, at both distances."
            if shown[0] == shown[1]
            else f"{shown[0]} than {called(near['best_source'])} alone within two nucleotides, and "
            f"{shown[1]} at the exact position."
        )
    )


def _judged(lead: pd.Series) -> str:
    """Whether a lead is shown."""
    if lead["ci_low"] > 0:
        return "better"
    return "worse" if lead["ci_high"] < 0 else "not shown to be better"


def say_trials(trials: pd.DataFrame, sources: pd.DataFrame, merging: Merging) -> str:
    """Say how far the interpretations differ when the reference judges them.

    Parameters
    ----------
    trials : DataFrame
        `genoattn.data.agreement.recovered_by`.
    sources : DataFrame
        Precision and recall of each source, at the same tolerance.
    merging : Merging
        Which interpretation is in use.
    """
    alone = _harmonic(sources["precision"], sources["recall"]).fillna(0)
    names = trials["rule"] + ", " + trials["outvoted"]
    mean = _harmonic(trials["precision"], trials["recall"]).set_axis(names).fillna(0)
    return (
        "The same reference scores the interpretations, too. At the exact position, the harmonic "
        f"mean of precision and recall is {mean.min():.1%} for the worst (*{mean.idxmin()}*), "
        f"{mean.max():.1%} for the best (*{mean.idxmax()}*) and "
        f"{mean[f'{merging.rule}, {merging.outvoted}']:.1%} for the one in use. The sources by "
        f"themselves lie between {alone.min():.1%} and {alone.max():.1%}."
    )


def _harmonic(precision: pd.Series, recall: pd.Series) -> pd.Series:
    """Harmonic mean of precision and recall; not a number where both are 0."""
    return 2 * precision * recall / (precision + recall)


# ---------------------------------------------------------------------------- the answer


def say_sure(found: pd.DataFrame | None, published: bool) -> str:
    """Say how sure the curated set is, by a reference if there is one."""
    if found is None:
        return (
            "These are counts of whole tables, so they have no sampling error. Without an "
            "independent reference nothing says how many of the sites are false."
        )
    row = found[(found["source"] == "curated") & (found["tolerance"] == 2)].iloc[0]
    said = [
        with_interval(share, *_interval(hits, n), spec=".1%")
        for share, hits, n in (
            (row["precision"], row["n_correct"], row["n_sites"]),
            (row["recall"], row["n_found"], row["n_truth"]),
        )
    ]
    where = "dRNA-seq, which had no part in the curation," if published else "the planted truth"
    rest = (
        "dRNA-seq has errors of its own and saw one condition only, so neither number is the "
        "share of true sites."
        if published
        else "On a real genome that truth is not known."
    )
    return (
        "The numbers above count whole tables, so they have no sampling error. Within two "
        f"nucleotides, {where} confirms "
        f"{said[0]} of the curated TSSs; conversely, {said[1]} of the sites of "
        f"{'dRNA-seq' if published else 'the truth'} have a curated TSS within that distance (95% "
        f"intervals, as if sites were independent). {rest}"
    )


def _interval(hits: float, n: float) -> tuple[float, float]:
    """Exact 95% interval of a share."""
    return proportion(round(hits), round(n), 0.95)[1:]


def _widest(found: pd.DataFrame) -> float:
    """Half of the widest interval of all precisions and recalls, in percentage points."""
    shares = zip(
        [*found["n_correct"], *found["n_found"]],
        [*found["n_sites"], *found["n_truth"]],
        strict=True,
    )
    intervals = [_interval(hits, n) for hits, n in shares if n]
    return max((50 * (high - low) for low, high in intervals), default=0.0)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def called(source: object) -> str:
    """How a page calls a source."""
    return escaped(source_name(str(source)))


def paper(count: str, published: bool) -> str:
    """Say what the paper counted, where it is about the same tables."""
    return f" (paper {PRINTED[count]:,})" if published else ""
