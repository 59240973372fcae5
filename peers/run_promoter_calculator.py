"""Promoter Calculator along a genome: its own energies, summed for whole strands at once.

Runs in an environment of its own, in which ``promotercalculator`` is installed (see README.md)::

    python peers/run_promoter_calculator.py GENOME.fa FIRST LAST OUT.npy

As shipped, the package asks about one start site at a time and takes hours for 1,000,000 nt. Its
energy is a sum over elements, so here every element's energies are looked up along the strand with
the package's tables, and the best of all spacer and discriminator lengths is taken. The first lines
of ``main`` compare 50 positions with what the package itself says.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from Bio import SeqIO
from promoter_calculator import util
from promoter_calculator.promoter_calculator import Promoter_Calculator

SPACERS, DISCRIMINATORS = range(15, 21), range(6, 11)
MARGIN = 100  # nt beyond the asked part that are read
SCALES = (256.0, 255.0, 4.300000000000002, 25.780434782608694)


def looked_up(text, size, table):
    """Value of the word that begins at each position; 0 beyond the end."""
    words = (text[i : i + size] for i in range(len(text)))
    return np.array([table.get(word, 0.0) for word in words])


def stepped(values, first, count):
    """Sum of `count` values, two positions apart, from `first` positions on; by position."""
    total = np.zeros_like(values)
    for step in range(count):
        total += np.roll(values, -(first + 2 * step))
    return total


def energies(text):
    """Lowest free energy of a promoter whose transcript begins at each position of a strand."""
    model = Promoter_Calculator(verbosity=0)
    distal, proximal, itr, rigid = np.asarray(model.layer1)[-4:] / SCALES
    ten = [looked_up(text, 3, one) for one in (model.dg10_0, model.dg10_3)]
    thirtyfive = [looked_up(text, 3, one) for one in (model.dg35_0, model.dg35_3)]
    disc = looked_up(text, 3, model.dmers)
    extended = looked_up(text, 2, model.x10mers)
    groove = looked_up(text, 2, util.groove_access)
    persistence = looked_up(text, 2, util.persistence)
    hybrid = looked_up(text, 2, util.DNA_DNA_hybrids) - looked_up(text, 2, util.RNA_DNA_hybrids)
    itr_energy = itr * stepped(hybrid, 0, 7)
    best = np.full(len(text), np.inf)
    for spacer in SPACERS:
        # by the first position of the -10 element
        at35 = -spacer - 6
        up = at35 - 1 - 24
        rigidity = stepped(persistence, up, 12) + stepped(persistence, at35, 10)
        energy = (
            ten[0]
            + np.roll(ten[1], -3)
            + np.roll(thirtyfive[0], -at35)
            + np.roll(thirtyfive[1], -at35 - 3)
            + np.roll(extended, 3)
            + distal * stepped(groove, up, 6)
            + proximal * stepped(groove, up + 12, 6)
            + rigid * rigidity / 44
            + 0.1463 * spacer**2
            - 4.9113 * spacer
            + 41.119
        )
        for length in DISCRIMINATORS:
            best = np.minimum(best, np.roll(energy, length + 6) + np.roll(disc, length))
    return best + itr_energy + float(np.ravel(model.inters)[0])


def main():
    """Write minus the energy at both strands of a part of a genome; elsewhere NaN."""
    fasta, first, last, to = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    genome = next(SeqIO.parse(fasta, "fasta"))
    text = str(genome.seq).upper()
    part = genome.seq[first - MARGIN : last + MARGIN].upper()
    began = time.process_time()
    strands = [energies(str(one)) for one in (part, part.reverse_complement())]
    took = time.process_time() - began
    shipped = Promoter_Calculator(verbosity=0)
    places = np.linspace(MARGIN, len(part) - MARGIN - 1, 50).astype(int)
    for strand, one in zip(strands, (str(part), str(part.reverse_complement())), strict=True):
        for place in places:
            near = one[place - MARGIN : place + MARGIN]
            states, _ = shipped.predict(near, [MARGIN, MARGIN + 1], callback=lambda: None)
            assert abs(states[MARGIN]["dG_total"] - strand[place]) < 1e-6, place
    track = np.full((2, len(text)), np.nan, np.float32)
    track[0, first:last] = -strands[0][MARGIN:-MARGIN]
    track[1, first:last] = -strands[1][::-1][MARGIN:-MARGIN]
    np.save(to, track)
    facts = {"seconds_per_million": 1e6 * took / (last - first)}
    to.with_suffix(".json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
