"""A segmenter trained on pseudo-labels from class activation maps."""
