"""Preprocessors that purify input before a classifier sees it."""

from art_audio_ext.defences.preprocessor.base import Purifier
from art_audio_ext.defences.preprocessor.time_domain_purifier import TimeDomainPurifier

__all__ = ["Purifier", "TimeDomainPurifier"]
