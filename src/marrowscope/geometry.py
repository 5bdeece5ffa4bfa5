"""Size of a network's input, in pixels and in micrometres."""

INPUT_SIZE = 250
MICRONS_PER_PIXEL = 0.08625  # 3.45 µm camera pixel behind a 40× objective (Matek et al. 2021)
