"""Command-line programs that call the same use cases as the functions."""
