"""How good an output is: scores, calls, comparison of models, their errors, and the statistics.

Intervals come from resampling blocks of the genome. The statistics here are those that several
rooms above share.
"""
