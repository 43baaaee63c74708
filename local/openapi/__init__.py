"""The OpenAPI document of all HTTP dialects: made from the registered routes, the real answers and the words here.

No function imports it. `make openapi` writes `docs/openapi.json`, a test says whether that is still what this makes
(docs/decisions/0024).
"""

from local.settings import ROOT

#: Where the document is kept.
FILE = ROOT / "docs" / "openapi.json"
