"""Cells of a field found, told from what is no intact cell, and cut out."""
