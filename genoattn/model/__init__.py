"""The networks and what is kept of them: attention, annotator, baselines, weights, training.

What a model is, how it is fitted to labels on a genome, and what its weights file and card say.
What a trained model says about a genome is for the room prediction.
"""
