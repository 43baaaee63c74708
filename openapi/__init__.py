"""The generator of `docs/openapi.json`, the OpenAPI document of every HTTP route (`make openapi`, decision 0024).

To add a route, add an `Operation` to the module of its dialect and subject: `openreplay_v1.py`, `public/jobs.py`,
`oauth2.py`, `alteryx_v3/jobs.py` or `alteryx_v3/workflows.py`. A new subject is a new module with a `Section`, which
`chapters.py` adds to the chapter of its dialect. New fields are described in the `Fields` of that module, and a new
error in `MEANINGS` of `answers.py`. What is forgotten stops the generator with a sentence that says where it belongs.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: Where the document is kept.
FILE = ROOT / "docs" / "openapi.json"
