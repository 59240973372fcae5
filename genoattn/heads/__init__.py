"""What attention heads look at: where, at which letters, beside which motifs, in which seeds.

All is read from recorded attention, without a change to the model; what happens when something is
changed is for the room interventions.
"""
