"""The genome itself: its sequence and files, intervals, regions, sites, split and motifs.

Everything else counts in the coordinates that are fixed here (0-based, half-open; row 0 of a track
is the plus strand). Nothing in this room knows of an assay, a model or a study.
"""
