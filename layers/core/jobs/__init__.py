"""Jobs: durable, cancellable, observable, started on the second they are due.

Imports run one way, package by package: pyproject.toml lists them in order.
"""
