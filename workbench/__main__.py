"""``python -m workbench`` is the command ``mnemoscope``."""

from workbench.cli import main

if __name__ == "__main__":  # spawned processes import this module too
    raise SystemExit(main())
