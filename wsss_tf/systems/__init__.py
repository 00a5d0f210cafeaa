"""The systems, one room each, and what they share."""
