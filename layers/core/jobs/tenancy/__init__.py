"""Organisations, projects and credentials: who may call, and how administrators make them."""
