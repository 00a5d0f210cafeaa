"""What a user carries away."""
