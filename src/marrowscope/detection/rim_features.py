"""Names and columns of what is measured at the border of a nucleus, for ``cytoplasm_rim``.

The names stand in the file of weights too and are compared when it is read.
"""

from enum import IntEnum


class RimFeature(IntEnum):
    """Column of each measure in the (N, measures) array of ``cytoplasm_rim.measure_rims``.

    *Rim*: the last 0.8 µm before the end of the nucleus. *Core*: what lies deeper than 1.2 µm.
    *Ring*: 0.4 to 1 µm beyond the end. Densities are natural logarithms against the background.
    """

    RIM_COLOUR = 0  # green over red density, rim over core
    RIM_COLOUR_LOWEST_OCTANT = 1  # the same in the octant in which it is lowest
    RIM_DENSITY = 2  # density of the rim over that of the nucleus
    EDGE_ROUGHNESS = 3  # over the radius
    DENSITY_DEVIATION = 4  # of the density inside, over its mean
    HOLLOW_SHARE = 5  # share of the inside that is not half as dense as the mean
    EDGE_FALL = 6  # fall of density across the edge, over the mean
    RADIUS_DEVIATION = 7  # over the mean radius
    UNBROKEN_SHARE = 8  # share of the rays' inside before the first gap
    BARE_RAYS = 9  # share of rays on which hardly anything stained follows the nucleus
    PLAINLY_BARE_RAYS = 10  # share of rays on which nothing stained follows it
    SEAM_RAYS = 11  # share of rays with a seam of cytoplasm
    WIDE_RAYS = 12  # share of rays with something wide
    BLOCKED_RAYS = 13  # share of rays that meet another nucleus or the border of the field
    RING_RED_MEDIAN = 14  # red density of the ring, median over rays
    RING_RED_HIGH = 15  # the same, 90th percentile over rays
    RING_GREEN_MEDIAN = 16  # green density of the ring, median over rays
    RING_GREEN_HIGH = 17  # the same, 90th percentile over rays
    RING_RED_HIGHEST_OCTANT = 18  # red density of the ring in the octant in which it is highest
    RING_GREEN_HIGHEST_OCTANT = 19  # the same of green
    CORE_RED = 20  # red density of the core
    SOLIDITY = 21  # area over that of the convex hull
    ELLIPSE_FILL = 22  # area over that of the ellipse with the same moments


RIM_FEATURES: tuple[str, ...] = tuple(feature.name.lower() for feature in RimFeature)
# Those from the image along rays; the others come from the outline of the nucleus.
RAY_FEATURES = RimFeature.SOLIDITY.value
