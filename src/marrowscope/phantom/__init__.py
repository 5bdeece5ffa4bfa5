"""Procedural bone-marrow cells with exact labels and masks: synthetic, and saying so."""
