"""Attacks on and defences of audio models, as an extension of the Adversarial Robustness Toolbox."""

__version__ = "0.1.0"
