"""Makes `tests.build` importable whether pytest is started as a module or as a command."""

import sys
from pathlib import Path

REPOSITORY = str(Path(__file__).parents[1])
if REPOSITORY not in sys.path:
    sys.path.append(REPOSITORY)
