"""Alteryx' v3: a module for each subject."""
