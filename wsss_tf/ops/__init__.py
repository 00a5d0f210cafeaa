"""Arithmetic on tensors with the semantics of the papers."""
