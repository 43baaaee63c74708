"""`python -m local.openapi`, which is `make openapi`: write the document anew."""

from __future__ import annotations

from local.openapi import FILE
from local.openapi.chapters import described
from local.openapi.document import registered_routes, text_of
from local.settings import shown

if __name__ == "__main__":
    FILE.write_text(text_of(described(registered_routes())), encoding="utf-8")
    print(f"Wrote {shown(FILE)}")
