"""``python -m hht_closure.cli``: the command line where no script is installed."""

from __future__ import annotations

import sys

from hht_closure.cli import main

if __name__ == "__main__":
    sys.exit(main())
