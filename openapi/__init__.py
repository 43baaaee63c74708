"""The OpenAPI document of all HTTP dialects: made from the registered routes, the real answers and the words here.

No function imports it. `make openapi` writes `docs/openapi.json`, a test says whether that is still what this makes
(docs/decisions/0024).
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: Where the document is kept.
FILE = ROOT / "docs" / "openapi.json"
