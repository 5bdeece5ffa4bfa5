"""``python -m marrowscope``, where the ``marrowscope`` script is not on the path."""

from marrowscope.cli import main

main()
