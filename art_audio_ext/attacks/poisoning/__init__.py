"""Poisoning attacks: subclasses of ART's `PoisoningAttackBackdoor`."""

from art_audio_ext.attacks.poisoning.audio_trigger import AudioTriggerBackdoor
from art_audio_ext.attacks.poisoning.base import AudioBackdoor
from art_audio_ext.attacks.poisoning.spectrogram_badnets import SpectrogramBadNets
from art_audio_ext.attacks.poisoning.voice_conversion_backdoor import VoiceConversionBackdoor

__all__ = ["AudioBackdoor", "AudioTriggerBackdoor", "SpectrogramBadNets", "VoiceConversionBackdoor"]
