"""Evasion attacks: subclasses of ART's `EvasionAttack`."""

from art_audio_ext.attacks.evasion.audio_pgd import AudioPGD
from art_audio_ext.attacks.evasion.audiovisual_pgd import AudioVisualPGD
from art_audio_ext.attacks.evasion.carlini_wagner_ctc import CarliniWagnerCTC
from art_audio_ext.attacks.evasion.fake_bob import FakeBob
from art_audio_ext.attacks.evasion.ts_mifgsm import TSMIFGSM

__all__ = ["TSMIFGSM", "AudioPGD", "AudioVisualPGD", "CarliniWagnerCTC", "FakeBob"]
