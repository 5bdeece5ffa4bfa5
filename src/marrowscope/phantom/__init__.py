"""Procedural cells with exact labels and masks: for tests, demo, and users without data.

Nothing here is cut from or fitted to a real image; colours and sizes are textbook values. All that
is made from it says "synthetic".
"""
