"""The differential count: from the classes of single cells to shares with honest intervals.

Pure functions on tables and arrays: ``differential_count`` does all of it, ``sentences`` puts it
into words, ``decision_thresholds`` says whether more cells are needed. Methods and their measured
errors are in docs/differential.md.
"""
