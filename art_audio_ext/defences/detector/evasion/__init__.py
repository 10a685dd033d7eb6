"""Detectors of adversarial input."""

from art_audio_ext.defences.detector.evasion.audiovisual_sync import AudioVisualSyncDetector

__all__ = ["AudioVisualSyncDetector"]
