"""Command-line programs over the same use cases."""
