"""The worker that comes with the service: it erases what is stored of a user."""
