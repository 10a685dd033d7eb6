"""Detectors: of poison in training data, and of adversarial input."""
