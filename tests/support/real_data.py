"""Where real images lie: outside the repository; tests that need them skip with a reason."""

import os
from pathlib import Path

DATA = Path(os.environ.get("MARROWSCOPE_DATA", Path(__file__).parents[3] / "shared" / "data"))
