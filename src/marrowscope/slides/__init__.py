"""Slides and fields opened for reading: one reader per container behind one protocol."""
