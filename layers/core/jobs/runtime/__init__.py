"""What turns Lambda events into calls of the use cases: settings, wiring, HTTP, observability."""
