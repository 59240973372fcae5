"""Tasks: what is asked of one kind of site and not of another."""

from genoattn.book import build
from genoattn.heads.elements import PAPER_ELEMENTS, PROMOTER_ELEMENTS
from genoattn.study.tasks import TASKS, TIS_ELEMENTS


def test_start_sites_of_transcription_keep_the_papers_elements():
    task = TASKS["tss"]
    assert task.looked_for is PAPER_ELEMENTS and task.carried is PROMOTER_ELEMENTS
    assert task.note == ""


def test_no_question_is_asked_of_every_task():
    every = [task.questions for task in TASKS.values()]
    assert all(every) and not frozenset.intersection(*every)


def test_the_shine_dalgarno_sequence_ends_4_to_13_nt_before_the_start_codon():
    known = TIS_ELEMENTS[0]
    spacing = [-(place + len(known.probabilities)) for place in known.places]
    assert (min(spacing), max(spacing)) == (4, 13)


def test_the_elements_whose_distance_is_tried_are_asked_about():
    for task in TASKS.values():
        names = [one.name for one in task.carried]
        for begin in (task.spacing.upstream, task.spacing.downstream):
            assert any(name.startswith(begin) for name in names)


def test_the_book_knows_the_tasks():
    assert tuple(TASKS) == build._TASKS
