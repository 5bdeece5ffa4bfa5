"""A program that indexes the folder of its first argument into its second, slowly, to be killed."""

import sys
import time
from pathlib import Path

from marrowscope.dataset import indexing

if __name__ == "__main__":
    measure = indexing.measure_file
    indexing.BATCH = 10
    indexing.measure_file = lambda path: (time.sleep(0.05), measure(path))[1]
    indexing.index([Path(sys.argv[1])], Path(sys.argv[2]), workers=1)
