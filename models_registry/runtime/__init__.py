"""Loads and runs detectors. Pure."""
