"""The generator of `docs/openapi.json`, the OpenAPI document of every HTTP route (`make openapi`, decision 0024).

To add a route, add an `Operation` to the module of its dialect and subject: `openreplay_v1.py`, `public/jobs.py`,
`public/artifacts.py`, `oauth2.py`, or a module of `alteryx_v3/`. New fields are described in the tables of the same
module. A new subject is a new module with `SCHEMAS` and `OPERATIONS`, which `chapters.py` adds to its dialect. The
generator stops at anything that is missing, with a sentence that says where to add it.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: The document.
FILE = ROOT / "docs" / "openapi.json"
