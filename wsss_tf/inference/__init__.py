"""A trained net on a whole photo."""
