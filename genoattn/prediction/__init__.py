"""A trained model read along a genome: its output and its attention, of one or of several models.

Whole strands without seams, attention summed up while it is computed, single sites read again,
models averaged; and how exact and how fast all of it is.
"""
