"""The demo model's own modules lie in a folder of scripts, not in a package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging" / "demo_model"))
