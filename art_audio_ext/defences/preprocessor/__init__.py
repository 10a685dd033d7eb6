"""Preprocessors that purify input before a classifier sees it."""

from art_audio_ext.defences.preprocessor.base import Purifier
from art_audio_ext.defences.preprocessor.dual_pure import DualPure
from art_audio_ext.defences.preprocessor.frequency_domain_purifier import FrequencyDomainPurifier
from art_audio_ext.defences.preprocessor.noise_floor_purifier import NoiseFloorPurifier
from art_audio_ext.defences.preprocessor.time_domain_purifier import TimeDomainPurifier
from art_audio_ext.defences.preprocessor.wave_purifiers import (
    AudioPure,
    DDPMPurifier,
    DiffNoise,
    DiffRevPurifier,
    OneShotPurifier,
)

__all__ = [
    "AudioPure",
    "DDPMPurifier",
    "DiffNoise",
    "DiffRevPurifier",
    "DualPure",
    "FrequencyDomainPurifier",
    "NoiseFloorPurifier",
    "OneShotPurifier",
    "Purifier",
    "TimeDomainPurifier",
]
