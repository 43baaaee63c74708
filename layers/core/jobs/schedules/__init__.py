"""Schedules: when their occurrences are, and the jobs that they make."""
