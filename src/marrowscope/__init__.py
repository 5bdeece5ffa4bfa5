"""marrowscope: bone-marrow cytomorphology from images to counts. Research use only."""

__version__ = "0.1.0"

RESEARCH_USE_ONLY = "Research use only. Not a medical device; not for diagnosis."
