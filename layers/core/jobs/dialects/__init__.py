"""The HTTP dialects: how each reads a request, and how its answers and errors look. Nothing else differs."""
