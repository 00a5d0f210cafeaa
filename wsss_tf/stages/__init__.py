"""Stages joined by folders."""
