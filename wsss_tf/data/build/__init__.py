"""Data sets made from drawings, and from the archives in which others publish them."""
