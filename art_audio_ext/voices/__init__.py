"""Voice conversion behind one small protocol."""

from art_audio_ext.voices.base import TargetVoice, Voice
from art_audio_ext.voices.registry import VOICES, open_voice
from art_audio_ext.voices.world import WorldVoice

__all__ = ["VOICES", "TargetVoice", "Voice", "WorldVoice", "open_voice"]
