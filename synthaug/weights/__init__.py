"""Weights: which there are, where they lie, and whether they are what they claim to be."""
