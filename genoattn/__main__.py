"""One door: ``genoattn annotate | train | species | adapt | bench | costs | recover | ...``.

Each command is a module's own ``main``; it is imported when it is asked for, as some need torch and
some do without.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "annotate": ("genoattn.book.own", "find start sites in sequences of your own"),
    "train": ("genoattn.study.train", "train a model on the sites of a run's folder"),
    "species": ("genoattn.study.species", "collect start sites of many species, to train on"),
    "adapt": ("genoattn.study.adapt", "adapt a model to a species with start sites of your own"),
    "bench": ("genoattn.study.bench", "measure the attention engine on this machine"),
    "costs": ("genoattn.study.costs", "measure what annotating costs beside the prediction"),
    "recover": ("genoattn.study.recover", "recover planted elements on simulated genomes"),
    "claims": ("genoattn.study.claims", "claim elements that a model reads, and their heads"),
    "game": ("genoattn.course.game", "claims about a network, graded against a planted truth"),
    "book": ("genoattn.book.build", "steps of the book's build"),
    "browser": ("genoattn.book.browser", "files of the page of the genome browser"),
    "reference": ("genoattn.book.reference", "pages of the API and drawings of the package"),
}
"""Command -> module whose ``main`` runs it, and what it does."""


def usage() -> str:
    """The commands, a line each."""
    lines = [f"  {name:<9} {what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(
        ["usage: genoattn COMMAND ...", "", *lines, "", "genoattn COMMAND --help says more."]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is that of its ``main``."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        print(usage())
        return 0 if given else 2
    if hasattr(sys.stdout, "reconfigure"):  # names of files may be of any bytes
        sys.stdout.reconfigure(errors="backslashreplace")
    command, *rest = given
    if command not in COMMANDS:
        print(f"genoattn: no command is named {command!r}\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        status = import_module(COMMANDS[command][0]).main(rest)
        sys.stdout.flush()
    except BrokenPipeError:  # who read the output, such as head, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return int(status or 0)


if __name__ == "__main__":
    sys.exit(main())
