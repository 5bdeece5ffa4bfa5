"""marrowscope: bone-marrow cytomorphology from images to counts. Research use only."""

from marrowscope._about import RESEARCH_USE_ONLY, __version__

__all__ = ["RESEARCH_USE_ONLY", "__version__"]
