"""Alteryx' notions: running a workflow, and which jobs a user sees."""
