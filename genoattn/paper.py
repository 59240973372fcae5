"""Numbers printed in the paper, for standing beside ours; constants only, touches nothing.

Clauwaert, Menschaert and Waegeman, "Explainability in transformer models for functional
genomics", Briefings in Bioinformatics 22 (2021), bbab060. Each constant names the place in the
paper where it is printed. Source names are those of this package: ``regulondb``, ``cappable``,
``smrt``, ``sendseq`` and ``curated`` (the paper's "Custom").
"""

from __future__ import annotations

__all__ = [
    "CURATED",
    "EXACT_PERCENT",
    "KMER_PR_AUC",
    "PR_AUC",
    "REGION_MEDIANS",
    "ROC_AUC",
    "SHARED_BY",
    "TABLE_ONE",
    "TRAINING",
]


# Table 1: positive labels, shared TSSs, and the shared fraction in percent.
TABLE_ONE: dict[str, dict[str, float]] = {
    "regulondb": {"n_sites": 6487, "n_shared": 2476, "percent_shared": 38.17},
    "cappable": {"n_sites": 16348, "n_shared": 4631, "percent_shared": 28.33},
    "smrt": {"n_sites": 2574, "n_shared": 2311, "percent_shared": 89.78},
    "sendseq": {"n_sites": 5502, "n_shared": 4026, "percent_shared": 73.17},
}

# Results, "The evaluated annotation sets have many different annotated start sites":
# TSSs shared by at least two, at least three and all four data sets.
SHARED_BY: dict[int, int] = {2: 5104, 3: 2224, 4: 1012}

# Same section: the curated set; its last part is 5,502 - 4,026 = 6,580 - 5,104.
CURATED: dict[str, int] = {"n": 6580, "shared": 5104, "sendseq_only": 1476}

# Same section: percentage of shared TSSs annotated at the exact position (source, other).
# The paper prints each unordered pair twice with the same value.
EXACT_PERCENT: dict[tuple[str, str], float] = {
    ("regulondb", "cappable"): 52.9,
    ("regulondb", "smrt"): 51.1,
    ("regulondb", "sendseq"): 57.0,
    ("cappable", "regulondb"): 52.9,
    ("cappable", "smrt"): 78.7,
    ("cappable", "sendseq"): 83.4,
    ("smrt", "regulondb"): 51.1,
    ("smrt", "cappable"): 78.7,
    ("smrt", "sendseq"): 77.7,
    ("sendseq", "regulondb"): 57.0,
    ("sendseq", "cappable"): 83.4,
    ("sendseq", "smrt"): 77.7,
}

# Table 2, upper half: ROC AUC by training set (outer) and test set (inner).
ROC_AUC: dict[str, dict[str, float]] = {
    "regulondb": {
        "regulondb": 0.882, "cappable": 0.815, "smrt": 0.923, "sendseq": 0.882, "curated": 0.885
    },
    "cappable": {
        "regulondb": 0.790, "cappable": 0.961, "smrt": 0.938, "sendseq": 0.945, "curated": 0.945
    },
    "smrt": {
        "regulondb": 0.749, "cappable": 0.899, "smrt": 0.958, "sendseq": 0.961, "curated": 0.956
    },
    "sendseq": {
        "regulondb": 0.669, "cappable": 0.835, "smrt": 0.944, "sendseq": 0.978, "curated": 0.964
    },
    "curated": {
        "regulondb": 0.740, "cappable": 0.920, "smrt": 0.976, "sendseq": 0.981, "curated": 0.976
    },
}  # fmt: skip

# Table 2, lower half: PR AUC by training set (outer) and test set (inner).
PR_AUC: dict[str, dict[str, float]] = {
    "regulondb": {
        "regulondb": 0.030, "cappable": 0.026, "smrt": 0.053, "sendseq": 0.057, "curated": 0.064
    },
    "cappable": {
        "regulondb": 0.014, "cappable": 0.132, "smrt": 0.029, "sendseq": 0.039, "curated": 0.044
    },
    "smrt": {
        "regulondb": 0.029, "cappable": 0.044, "smrt": 0.086, "sendseq": 0.081, "curated": 0.089
    },
    "sendseq": {
        "regulondb": 0.035, "cappable": 0.052, "smrt": 0.098, "sendseq": 0.128, "curated": 0.137
    },
    "curated": {
        "regulondb": 0.039, "cappable": 0.057, "smrt": 0.141, "sendseq": 0.128, "curated": 0.141
    },
}  # fmt: skip

# Table 2 (k = 1) and Discussion (k = 4 and 10): PR AUC of the curated model on the curated test
# set when its output is averaged over k-mers.
KMER_PR_AUC: dict[int, float] = {1: 0.141, 4: 0.29, 10: 0.33}

# Results, "The output probabilities of the model reflect a correlation between sense and
# antisense": median model output on the test set, by region. ("0.053" in the caption of Figure 4
# for the whole test set contradicts the 0.0052 of the text by a factor of ten.) The last two are
# the median over operon gaps of the highest output in each gap.
REGION_MEDIANS: dict[str, float] = {
    "test_set": 0.0052,
    "coding_either": 0.0049,
    "noncoding_both": 0.0105,
    "operon_gap_sense": 0.0079,
    "operon_gap_antisense": 0.0071,
    "pseudogene": 0.0111,
    "operon_gap_maximum_sense": 0.0415,
    "operon_gap_maximum_antisense": 0.0480,
}

# The training of the reference implementation (its configuration, not printed in the paper).
TRAINING: dict[str, float] = {
    "steps": 85_000, "passes": 67, "batch": 10, "segment": 512, "learning_rate": 1e-4,
    "dropout": 0.1, "focal_gamma": 0.8,
}  # fmt: skip
