"""The version, and what marrowscope may be used for: two facts that every module can import."""

__version__ = "0.1.0"

RESEARCH_USE_ONLY = "Research use only. Not a medical device; not for diagnosis."
