"""Recounting: audit strips, what a person says of them, and certificates of accuracy."""
