"""What happens to one job: it is created, cancelled, retried, reported on, and ended when its worker is lost."""
