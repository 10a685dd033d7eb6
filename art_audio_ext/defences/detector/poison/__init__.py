"""Filters of poisoned training data."""

from art_audio_ext.defences.detector.poison.poison_likelihood_defence import PoisonLikelihoodDefence

__all__ = ["PoisonLikelihoodDefence"]
