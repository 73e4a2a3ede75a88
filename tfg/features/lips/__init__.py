"""Lip motion: where lips and chin are in head space, and what the sound predicts of it.

`motion`: measured from landmarks and poses; `regression`: the linear map from sound, of the person's own seconds and of a prior.
"""
