"""Evasion attacks: subclasses of ART's `EvasionAttack`."""

from art_audio_ext.attacks.evasion.audio_pgd import AudioPGD

__all__ = ["AudioPGD"]
