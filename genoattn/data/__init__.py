"""Where start sites come from: published tables, a simulated genome, the curated set.

Tables are fetched, read, held against the genome and carried to one assembly; a simulation makes
tables of the same form whose truth is known; several tables become one curated set, and how far
they agree is counted.
"""
