"""The rule of `genoattn.interventions.claims` on a model of a run; touches run.py."""

from __future__ import annotations

from genoattn.interventions.claims import Claims, Rule, claim
from genoattn.study.run import Run

__all__ = ["claims_of"]


def claims_of(
    run: Run, weights: str, *, rule: Rule | None = None, seed: int, progress: bool = False
) -> Claims:
    """Claim elements of a run's model, and the heads that carry them.

    Elements are found at the labelled sites outside the test part and asked about at those inside.
    On a real genome they get the names of known elements; on a simulated one, whose truth is known,
    the claims are made blindly.

    Parameters
    ----------
    run : Run
        Has genome and labelled sites.
    weights : str
        A model of the run, or one that is shipped.
    rule : Rule, optional
    seed : int
        Of all that is drawn at random.
    progress : bool
        Show progress bars.

    Raises
    ------
    ValueError
        The model has no attention, or the genome has too few sites.
    """
    model = run.model(weights)
    sites = run.sites(model.card.train_set)
    run.check_test(model.split, sites, f"the set {model.card.train_set}")
    return claim(
        model.annotator,
        run.study.genome,
        sites,
        model.test,
        known=run.study.known_elements if run.study.elements is None else (),
        rule=rule,
        seed=seed,
        name=model.name,
        progress=progress,
    )
