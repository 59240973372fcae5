from pathlib import Path

import pytest
import yaml

from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.card import Card
from genoattn.model.convolutional import ConvolutionalConfig
from genoattn.model.segments import TrainingConfig
from genoattn.model.weights import WEIGHTS
from genoattn.study import train

PLAN = """
every: {cuts: [1, 2, 3], empty_share: 0.5}
trainings:
  small: &small {sites: smrt, batch: 3, auxiliary: [sendseq], model: {window: 9}}
  other: {<<: *small, batch: 4}
  wrong: {pases: 3}
"""


def test_a_plan_gives_what_the_command_line_leaves_out(tmp_path):
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    given = train._parse(["runs/x", "--plan", str(plan), "--name", "other", "--passes", "2"])
    assert (given.cuts, given.empty_share, given.sites) == ([1, 2, 3], 0.5, "smrt")
    assert (given.batch, given.passes, given.model) == (4, 2.0, {"window": 9})
    assert given.auxiliary == ["sendseq"]
    with pytest.raises(ValueError, match=r"plan\.yaml: wrong: 'pases' is not known; there are: "):
        train._parse(["runs/x", "--plan", str(plan), "--name", "wrong"])
    with pytest.raises(ValueError, match=r"no training is named 'smal'; there are: small, other"):
        train._parse(["runs/x", "--plan", str(plan), "--name", "smal"])


def test_cuts_come_from_the_command_line_or_a_plan(capsys):
    with pytest.raises(SystemExit):
        train._parse(["runs/x"])
    assert "give --cuts, or a --plan that has them" in capsys.readouterr().err


@pytest.mark.parametrize("plan", sorted(Path("notebooks/trainings").glob("*.yaml")))
def test_plans_are_of_things_that_there_are(plan):
    trainings = yaml.safe_load(plan.read_text())["trainings"]
    for name in trainings:
        given = train._parse(["runs/x", "--plan", str(plan), "--name", name])
        kind = ConvolutionalConfig if given.network == "convolutional" else AnnotatorConfig
        kind(**given.model)
        TrainingConfig(**{field: getattr(given, field) for field in vars(TrainingConfig())})
        assert (
            given.initial is None or given.initial in list(trainings)[: list(trainings).index(name)]
        )


def test_shipped_models_were_trained_as_the_plan_says():
    """The card of every model in the plan, those of its first stage in it, agrees with the plan."""
    plan = Path("notebooks/trainings/ecoli.yaml")
    trainings = yaml.safe_load(plan.read_text())["trainings"]
    shipped = [name for name in trainings if (WEIGHTS / f"{name}.json").exists()]
    assert len(shipped) >= 7
    for name in shipped:
        stage, card = name, Card.read(name)
        while card is not None:
            given = train._parse(["runs/x", "--plan", str(plan), "--name", stage])
            config = ConvolutionalConfig if given.network == "convolutional" else AnnotatorConfig
            assert card.config == vars(config(**given.model)), stage
            assert card.train_set == train._train_set(given)
            assert list(card.auxiliary) == given.auxiliary
            for setting, value in card.training.items():
                assert getattr(given, setting) == value, (stage, setting)
            assert list(card.parts["test"]) == given.cuts[:2]
            assert list(card.parts["validation"]) == given.cuts[1:]
            assert (card.initial is None) == (given.initial is None)
            stage, card = given.initial, card.initial
