"""A last layer fitted on the features of a backbone that stays as it is (linear probe, k-NN)."""
