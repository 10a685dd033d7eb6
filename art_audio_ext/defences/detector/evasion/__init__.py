"""Detectors of adversarial input."""
