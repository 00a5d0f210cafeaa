"""What lies on disk, never half written."""
