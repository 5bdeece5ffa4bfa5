"""The differential count: from the classes of single cells to shares with honest intervals.

Pure functions on tables and arrays: ``count.differential`` does all of it, ``lines`` puts it into
sentences, ``decision`` says whether more cells are needed. Methods and their measured errors are
in docs/differential.md.
"""
