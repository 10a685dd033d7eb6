"""Poisoning attacks: subclasses of ART's `PoisoningAttackBackdoor`."""

from art_audio_ext.attacks.poisoning.audio_trigger import AudioTriggerBackdoor
from art_audio_ext.attacks.poisoning.base import AudioBackdoor
from art_audio_ext.attacks.poisoning.spectrogram_badnets import SpectrogramBadNets

__all__ = ["AudioBackdoor", "AudioTriggerBackdoor", "SpectrogramBadNets"]
