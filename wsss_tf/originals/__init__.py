"""The original numbers and how they were measured."""
