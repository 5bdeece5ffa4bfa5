"""How good a classifier is: strict and tolerant, with intervals, beside the published scores."""
