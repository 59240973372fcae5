"""What changes when heads are switched off, letters exchanged, stretches shuffled.

And what may be claimed of heads by such changes, held against planted elements on genomes whose
grammar is known.
"""
