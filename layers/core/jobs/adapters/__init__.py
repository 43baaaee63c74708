"""AWS behind the ports that are not the store."""
