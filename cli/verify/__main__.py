"""`python -m cli.verify`."""

from __future__ import annotations

import sys

from cli.verify.program import main

sys.exit(main())
