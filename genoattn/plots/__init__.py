"""Figures: one function from a tidy frame to a matplotlib figure; a module for each chapter."""
