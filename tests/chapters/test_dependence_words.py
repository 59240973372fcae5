"""What the chapter on dependence says at the limits of its verdicts."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from genoattn.chapters import dependence_carriers_words as carried
from genoattn.chapters import dependence_circuits_words as circuits
from genoattn.chapters import dependence_networks_words as networks
from genoattn.chapters import dependence_words as short
from genoattn.interventions.carriers import Criteria

P = SimpleNamespace(
    least=0.05, max_q=0.05, min_seqlets=20, ablated_share=1.0, block=500, level=0.95
)
CRITERIA = Criteria(10, 0.95, 0, 0.05, 0.05)


def effects(used=(True, False)):
    return pd.DataFrame(
        {
            "element": ["box", "start"],
            "control": "",
            "n_sites": 9,
            "effect": [1.0, 0.04],
            "ci_low": [0.8, -0.1],
            "ci_high": [1.2, 0.2],
            "used": used,
            "first_order_r": 0.9,
            "first_order_slope": 0.75,
            "removed_r": [0.8, np.nan],
            "detectable": [0.1, np.nan],
            "excess": [0.9, np.nan],
            "excess_low": 0.7,
            "excess_high": 1.1,
            "excess_q": [0.004, np.nan],
        }
    )


def carriers(n=1):
    return pd.DataFrame(
        {"element": "box", "layer": 1, "head": range(1, n + 1), "share": 0.5, "ci_low": 0.4,
         "ci_high": 0.6}
    )  # fmt: skip


def question(element, n_with, by_chance, control=""):
    return SimpleNamespace(
        element=element, first=-12, last=-7, sites=[0] * 5, control=control, n_with=n_with,
        by_chance=by_chance,
    )  # fmt: skip


def test_elements_that_no_more_sites_have_than_random_places_are_named():
    asked = [
        question("-10 box", 40, 39.6), question("-10 box", 7, np.nan, "no element here"),
        question("FecI", 39, 39.6), question("stop codon in frame", 9, np.nan),
    ]  # fmt: skip
    said = carried.say_asked(asked, [], SimpleNamespace(rare=0.05, n_draws=2))
    assert "FecI is found at no more sites than chance alone would give" in said
    assert "| -10 box | 40 | 40 | 5 | -12 to -7 |" in said and "| 9 (edited) | — | 5 |" in said
    assert "than chance alone would give" not in carried.say_asked(
        asked[:1], [], SimpleNamespace(rare=0.05, n_draws=2)
    )


def test_used_elements_are_named_with_their_strongest_carrier_and_all_with_their_power():
    said = carried.say_mediated(effects(), carriers(6), carriers(7), P)
    assert "At **1 of 2 elements** noise costs more than" in said
    assert "The strongest carrier of each: box by L1 H1 50% (40% to 60%)." in said
    assert "(correlation 0.90), but finds only 75% of it." in said
    assert (
        "| box | +1.00 (+0.80 to +1.20) | not asked | +0.90 (+0.70 to +1.10), q = 0.004 |" in said
    )
    assert "L1 H4 50% (40% to 60%) and 2 more | 7 | 10% | 9 |" in said
    assert "| start | +0.04 (-0.10 to +0.20) | not asked | — | none | 0 | — | 9 |" in said
    assert "Heads restore a part" not in said
    assert "For box, the noise costs significantly more than at the control. The" in said
    weak = effects().assign(excess_q=0.051)
    said = carried.say_mediated(weak, carriers(6), carriers(7), P)
    assert "For none of them is it shown to cost more than at the control" in said
    assert "For box, that is not shown (the difference is known to ±" in said
    assert "(the difference is known to ±0.2 log-odds)" in said
    assert "noise raises" not in said
    up = effects().assign(effect=-1.0, ci_low=-1.5, ci_high=-0.5)
    said = carried.say_mediated(up, carriers(6), carriers(7), P)
    assert "At box (-1.00 (-1.50 to -0.50); 9 sites) and start" in said


def test_an_element_that_heads_restore_no_more_than_elsewhere_loses_its_name():
    said = carried.say_mediated(effects(), carriers(0), carriers(2), P)
    assert "Of box, too, heads restore a part, but no head is shown to restore more than" in said
    both = carried.say_mediated(
        effects((True, True)), carriers(0), pd.concat([carriers(1), carriers(1).assign(
            element="start")]), P
    )  # fmt: skip
    assert "Of box and start, too, heads restore a part" in both
    assert "need not be the element" in both


def test_without_a_used_element_or_a_carrier_nothing_is_named():
    said = carried.say_mediated(effects((False, False)), carriers(0), carriers(0), P)
    assert "**0 of 2 elements**" in said
    assert "No head carries any of them." in said
    assert "First-order" not in said


def curve(low, high):
    return pd.DataFrame(
        {"upstream": "-35 box", "downstream": "-10 box",
         "spacer": [15, 17, 19], "effect": [0.2, 1.0, 0.5], "effect_low": [0.1, 0.8, 0.3],
         "effect_high": [low, 1.2, high], "through": [0.1, 0.2, 0.6], "through_low": 0.0,
         "through_high": 0.7}
    )  # fmt: skip


def kept(n_heads, share, width=0.02, whole=0.2):
    """A curve of circuits with shares of the whole network's PR AUC."""
    share = np.array([*share, 1.0])
    return pd.DataFrame(
        {"n_heads": n_heads, "pr_auc": whole * share, "ci_low": 0.1, "ci_high": 0.3, "share": share,
         "share_low": share - width * (share < 1), "share_high": share + width * (share < 1)}
    )  # fmt: skip


def test_a_set_of_heads_below_the_goal_is_told_with_its_interval():
    mediated = SimpleNamespace(
        used=["box"], carriers=carriers(0), not_named=["box"], effects=effects(), criteria=CRITERIA
    )
    curve = kept([0, 3, 4], [0.0, 0.5])
    said = short.say_in_short(mediated, 1, [], 0, curve)
    assert said.startswith(
        "Of 2 elements asked about, noise in place of one lowers the log-odds, and in place of one "
        "(box) by more than in the same places of sites that lack the element. No single head"
    )
    assert "restore box as well, but not demonstrably more than at sites that lack it" in said
    assert "only all 4 heads are shown to keep 90% of the PR AUC: 3 keep 50% (48% to 52%)." in said
    said = short.say_in_short(mediated, 1, [], 0, kept([0, 3, 4], [0.0, 0.95]))
    assert said.endswith("three of 4 keep 95% (93% to 97%) of the PR AUC on the test part.")


def test_a_spacer_is_worse_when_its_interval_lies_below_that_of_the_best():
    said = carried.say_spaced(curve(0.3, 0.8), "L1 H6", (16, 18))
    assert said.startswith("The box is worth most with")
    moved = carried.say_spaced(curve(0.3, 0.8).assign(upstream="Shine-Dalgarno"), "L1 H6", (5, 9))
    assert moved.startswith("The Shine-Dalgarno sequence is worth most with")
    assert moved.endswith("works best at 5 to 9 nt: the distance is not weighed as there.")
    assert said.endswith(
        "too, works best with 16 to 18 nt. This is to be expected if a head looks at one element "
        "from the other; it does not prove that the effect takes this path."
    )
    assert "most with a spacer of 17 nt (+1.00 (+0.80 to +1.20) log-odds)" in said
    assert "by L1 H6 alone is greatest at 19 nt (+0.60 (+0.00 to +0.70))" in said
    assert "significantly less at 15 nt." in said  # 0.8 touches the limit
    assert "No other spacer" in carried.say_spaced(curve(0.9, 0.9), "L1 H6", (17, 17))


def sets(share):
    return pd.DataFrame(
        {"element": "box", "n_heads": [1, 2], "head": ["L1 H6", "L4 H2"], "share": share}
    )


@pytest.mark.parametrize(
    ("share", "text", "in_all"),
    [
        ((0.9, 0.95), "one head alone restores 90%", "one head is enough for box.**"),
        ((0.5, 0.9), "two heads together restore 90%", "one element needs two heads together.**"),
        ((0.5, 0.8), "the first two heads together restore 80%", "for one those tried are not"),
        ((0.5, 0.899), "heads together restore just under 90%", "for one those tried are not"),
    ],
)
def test_enough_heads_are_those_that_reach_nine_tenths(share, text, in_all):
    hops = pd.DataFrame(
        {"element": "box", "sender": "L1 H6", "receiver": "L4 H2",
         "through": ["query", "key", "value", "all"], "share": [0.0, 0.1, 0.2, 0.3],
         "ci_low": [0, 0, 0, 0.1]}
    )  # fmt: skip
    bins = pd.DataFrame(
        {"element": "box", "layer": 1, "head": 6, "query_bin": ["-11 to -7", "+1 to +5"],
         "share": [0.4, 0.1], "q_value": [0.2, 0.01]}
    )  # fmt: skip
    maps = pd.DataFrame({"element": "box", "head": "L1 H6", "key": [-40, -35], "share": [0.1, 0.3]})
    said = carried.say_ways(sets(share), hops, bins, maps, CRITERIA)
    assert text in said
    assert said.startswith("**To restore 90% of an effect in this network, ") and in_all in said
    assert " leads for " not in said and "to a given one above it is shown for box (the" in said
    assert "at queries -11 to -7 only, L1 H6 brings back 40%, not significantly; of its k" in said
    assert "keys, those of the bin that begins at -35 bring most" in said
    assert (
        "strongest hop, L1 H6 → L4 H2, restores 30%, mostly through the value of L4 H2 (20%)"
        in said
    )
    none = carried.say_ways(sets(share), hops.assign(ci_low=0.0), bins, maps, CRITERIA)
    assert "strongest hop" not in none and "For no element is it shown" in none


def test_without_a_used_element_there_is_no_path():
    assert "no path to follow" in carried.say_ways(
        sets((1, 1)).iloc[:0], pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), CRITERIA
    )


def changes(high):
    rows = {"layer_1based": [1, 1, 2], "head_1based": [1, 2, 1]}
    for name in ("pr_auc", "contrast"):
        rows |= {f"delta_{name}": [-0.2, -0.1, 0.1], f"delta_{name}_low": [-0.3, -0.2, -0.1]}
        rows[f"delta_{name}_high"] = high
    return pd.DataFrame(rows)


def test_a_head_counts_only_when_its_interval_leaves_out_zero():
    layers = pd.DataFrame({"layer_1based": [1, 2], "delta_pr_auc": [-0.1, -0.3]})
    layers = layers.assign(delta_pr_auc_low=-0.4, delta_pr_auc_high=0.1)
    said = circuits.say_ablated(changes([-0.1, 0.0, 0.2]), layers, 0.9)
    assert (
        "below zero for **1 of 3 heads** and above it for none; by chance, about 0.3 of 3" in said
    )
    assert "without L1 H1 -0.2000 (-0.3000 to -0.1000), L1 H2" in said
    assert "layer 2 -0.3000 (-0.4000 to +0.1000) and layer 1 -0.1000 (-0.4000 to" in said
    assert "so its change must be 0.151 or more to be found with 80% power" in said


@pytest.mark.parametrize(("n", "warned"), [(circuits.ENOUGH_BLOCKS, False), (19, True)])
def test_few_blocks_are_warned_of(n, warned):
    intact = {name: np.full(11, 0.5) for name in ("pr_auc", "roc_auc")}
    every = np.ones(100, bool)
    said = circuits.say_part(every, every, np.ones((2, 100), int), intact, n, P)
    assert "all 200 positions of the test part" in said
    assert ("too narrow" in said) is warned


def test_the_smallest_circuit_is_the_first_whose_whole_interval_reaches_the_goal():
    order = [f"H{n}" for n in range(10)]
    curve = kept([0, 1, 7, 9, 10], [0.05, 0.8, 0.91, 0.95])
    said = circuits.say_kept(curve, order)
    assert said.startswith("**9 of 10 heads keep 95% (93% to 97%)** of the PR AUC (0.200): H0, H1")
    assert "H7 and 1 more (first those kept longest)" in said
    assert "the next smaller one, of 7 heads, keeps 91% (89% to 93%)." in said
    assert "Without any head PR AUC is 0.010." in said
    said = circuits.say_kept(kept([0, 1, 10], [0.05, 0.95]), order)
    assert "of 0 heads, keeps 5%" in said and said.startswith("**1 of 10 heads keep")
    said = circuits.say_kept(kept([0, 9, 10], [0.05, 0.91]), order)
    assert said.startswith("**Of the sizes that were scored, only all 10 heads are shown to keep")
    assert "scored were 0 and 9 heads. The largest of these circuits keeps 91% (89% to" in said
    assert "Kept longest, in this order, are H0, H1" in said


def pairs(low, high):
    return pd.DataFrame(
        {"interaction_contrast": [-0.2, 0.1], "sum_contrast": [-1.0, -1.0],
         "interaction_contrast_low": low, "interaction_contrast_high": high}
    )  # fmt: skip


def test_pairs_lose_more_or_less_than_the_sum():
    said = circuits.say_pairs(pairs([-0.3, 0.05], [-0.1, 0.2]))
    assert "larger than the sum of the single losses for 1, and significantly smaller for 1" in said
    assert "2 pairs" in said and "interaction is 15% of that sum" in said
    touching = circuits.say_pairs(pairs([-0.3, 0.0], [0.0, 0.2]).head(1))
    assert "1 pair of" in touching and "for none, and significantly smaller for none" in touching


def test_rank_correlations_above_zero_are_named():
    frame = pd.DataFrame(
        {"attention": ["selectivity", "peak attention"], "importance": ["contrast", "PR AUC"],
         "spearman": [0.5, 0.6], "low": [0.1, 0.0], "high": [0.7, 0.9]}
    )  # fmt: skip
    said = circuits.say_ranks(frame, 0.95)
    assert "above zero for 1 (selectivity with the loss of contrast) of the 2 rank" in said
    assert "by chance, about 0.1 of 2" in said and "below it" not in said
    assert "The highest is +0.60 (+0.00 to +0.90), of peak attention" in said
    assert "So attention tells in part" in said
    said = circuits.say_ranks(frame.assign(low=-0.5, high=[-0.1, 0.5]), 0.95)
    assert "zero for none of the 2 rank correlations, and below it for 1 (selectivity" in said
    assert "it is not shown that attention tells" in said


def asked_of(models, used, effect=1.0):
    """Effects of two elements; ``used`` says for each model whether it uses either."""
    return pd.DataFrame(
        [
            {"element": element, "model": model, "n_sites": 9, "effect": effect, "ci_low": 0.5,
             "ci_high": 1.5, "used": one}
            for model, both in zip(models, used, strict=True)
            for element, one in zip(("box", "start"), both, strict=True)
        ]
    )  # fmt: skip


def agreeing(models, beyond_low):
    numbers = {"n_sites": 50, "same": 0.8, "same_low": 0.7, "same_high": 0.9, "other": 0.4,
               "other_low": 0.3, "other_high": 0.5, "beyond": 0.4, "beyond_high": 0.6}  # fmt: skip
    return pd.DataFrame([{"model": one, **numbers, "beyond_low": beyond_low} for one in models])


FOUND = pd.DataFrame({"model": ["m"], "element": ["box"], "offset": [-12], "effect": [-3.0],
                      "ci_low": [-4.0], "ci_high": [-2.0]})  # fmt: skip


@pytest.mark.parametrize(
    ("theirs", "verdict"),
    [
        ((True, True), "**Yes**: of the two elements that m uses"),
        ((True, False), "**No**: of the two"),  # half of them is not most
        ((False, False), "**No**: of the two"),
    ],
)
def test_networks_read_the_same_if_each_uses_all_that_the_model_uses(theirs, verdict):
    models = ["m", "other", "dead"]
    effects = asked_of(models, [(True, True), theirs, (False, False)])
    said = networks.say_compared(
        effects, agreeing(models[1:], 0.1), [FOUND, FOUND.assign(model="other")], [], 60, P
    )
    assert said.startswith(verdict)
    assert "dead uses none." in said
    assert "correlate at +0.80 (+0.70 to +0.90) (mean of 50 sites), at different" in said
    assert "so both read the letters of this very site alike." in said
    assert "for m, box at -12 (-3.00 (-4.00 to -2.00)); for other, box at -12" in said
    assert "\n````{admonition} What the noise" in said  # a fence begins its line
    assert "at 60 places: an element that fewer than 20 of these have could not be found." in said
    assert "| box | +1.00 (+0.50 to +1.50) |" in said


def test_most_is_more_than_half_and_what_others_use_beside_is_named():
    models = ["m", "other", "dead"]
    third = asked_of(models, [(True, False), (True, False), (False, False)]).assign(
        element=lambda one: one["element"].replace({"box": "third", "start": "fourth"})
    )
    effects = pd.concat(
        [asked_of(models, [(True, True), (True, False), (False, False)]), third.replace(
            {"used": {}})]
    )  # fmt: skip
    effects.loc[(effects["model"] == "other") & (effects["element"] == "fourth"), "used"] = True
    said = networks.say_compared(effects, agreeing(models[1:], 0.0), [FOUND[:0]], ["x"], 60, P)
    assert said.startswith("Not there and left out: x. **Largely yes**: of the three elements")
    assert "other uses two (not surely start) and fourth beside" in said
    assert "so that no agreement on single sites is shown" in said
    assert "TF-MoDISco" not in said


def test_with_an_untrained_network_alone_only_chance_is_said():
    effects = asked_of(["m", "dead"], [(True, True), (False, False)])
    said = networks.say_compared(effects, agreeing(["dead"], 0.1), [FOUND], [], 60, P)
    assert said == (
        "No other trained network was asked (parameter `compared`). Maps of dead and m correlate "
        "at +0.80 (+0.70 to +0.90)."
    )


def ways(past_low):
    numbers = {"n_sites": 9, "effect": 2.0, "effect_low": 1.0, "effect_high": 3.0, "through": 0.3,
               "through_low": 0.2, "through_high": 0.4, "past": 0.6, "past_low": past_low,
               "past_high": 0.7, "together": 0.1, "together_low": 0.0,
               "together_high": 0.2}  # fmt: skip
    return pd.DataFrame([{"model": "annotator", "element": "box", **numbers}])


def test_an_element_goes_mostly_past_the_heads_if_its_lower_limit_exceeds_half():
    said = networks._ways_of(ways(0.51), "annotator")
    assert (
        "Of the one element that annotator uses, most of the effect goes past the heads for one: "
        "box" in (said)
    )
    assert "box 60% (51% to 70%); most of the effect goes through the heads for none." in said
    assert "one by one add up to 90% of an effect. (Most" in said, "the interval touches zero"
    sure = ways(0.51).assign(together_low=0.05)
    assert "of an effect; for one they need each other (int" in networks._ways_of(sure, "annotator")
    at_limit = networks._ways_of(ways(0.5), "annotator")
    assert "past the heads for none;" in at_limit
    assert networks._ways_of(ways(0.6)[:0], "annotator") == (
        "annotator uses none of the elements asked about. "
    )


def test_heads_on_a_stem_that_carry_nothing_are_said_to_restore_a_part():
    rows = {"model": "a", "seed": 1, "first": -12, "last": -7, "layer": 1, "query_bin": "all",
            "ci_low": 0.05, "ci_high": 0.4, "q_value": 0.01, "control": "", "excess": 0.0,
            "excess_low": -0.1, "excess_high": 0.1, "excess_q": 1.0}  # fmt: skip
    shares = pd.DataFrame(
        [
            {**rows, "element": "box", "head": 1, "share": 0.2},
            {**rows, "element": "start", "head": 1, "share": 0.3},
            {**rows, "element": "box", "head": 4, "share": 0.1},
            {**rows, "element": "UP", "head": 2, "share": 0.5, "q_value": 0.05},
        ]
    )
    made = SimpleNamespace(shares=shares, criteria=CRITERIA, carriers=shares[:0])
    said = networks._heads_of(made, "a", SimpleNamespace(used=["box"]))
    assert said.startswith("No single head of a is shown to carry an element, that is, to restore")
    assert "Yet L1 H1 restores 20% to 30% of box and start; L1 H4 restores 10% of box, as if" in (
        said
    )
    named = SimpleNamespace(shares=shares, criteria=CRITERIA, carriers=shares[1:3])
    said = networks._heads_of(named, "a", SimpleNamespace(used=["box"]))
    assert "start L1 H1 (30%, 5% to 40%) and box L1 H4 (10%, 5% to 40%); one of these is used" in (
        said
    )
    none = SimpleNamespace(shares=shares[3:], criteria=CRITERIA, carriers=shares[:0])
    assert "Yet" not in networks._heads_of(none, "a", SimpleNamespace(used=[]))
