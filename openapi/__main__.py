"""`python -m openapi` (`make openapi`): write the document."""

from __future__ import annotations

from openapi import FILE, ROOT
from openapi.chapters import described
from openapi.document import text_of

if __name__ == "__main__":
    FILE.write_text(text_of(described()), encoding="utf-8")
    print(f"Wrote {FILE.relative_to(ROOT)}")
