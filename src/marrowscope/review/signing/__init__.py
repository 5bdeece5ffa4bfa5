"""Signed counts: frozen, amended with a reason, reported from the reviewed cells."""
