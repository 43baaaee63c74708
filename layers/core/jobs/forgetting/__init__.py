"""What a project's retention takes from ended jobs: their payload, and what names people."""
