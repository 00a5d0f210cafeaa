"""Self-distillation of a transformer without labels (DINO)."""
