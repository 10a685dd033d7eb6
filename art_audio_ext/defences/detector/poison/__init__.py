"""Filters of poisoned training data."""

from art_audio_ext.defences.detector.poison.activation_clustering import TunedActivationClustering
from art_audio_ext.defences.detector.poison.poison_likelihood_defence import PoisonLikelihoodDefence
from art_audio_ext.defences.detector.poison.spectral_signatures import TunedSpectralSignatures

__all__ = ["PoisonLikelihoodDefence", "TunedActivationClustering", "TunedSpectralSignatures"]
