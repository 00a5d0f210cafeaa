"""Data sources, artefacts and the training pipeline."""
