"""Evasion attacks: subclasses of ART's `EvasionAttack`."""

from art_audio_ext.attacks.evasion.attack_report import attack_report, run_reported
from art_audio_ext.attacks.evasion.audio_carlini import AudioCarliniL2
from art_audio_ext.attacks.evasion.audio_deepfool import AudioDeepFool
from art_audio_ext.attacks.evasion.audio_pgd import AudioPGD
from art_audio_ext.attacks.evasion.audiovisual_pgd import AudioVisualPGD
from art_audio_ext.attacks.evasion.builders import audio_carlini, audio_deepfool
from art_audio_ext.attacks.evasion.carlini_wagner_ctc import CarliniWagnerCTC
from art_audio_ext.attacks.evasion.fake_bob import FakeBob
from art_audio_ext.attacks.evasion.fgsm_snr import FGSMAtSNR
from art_audio_ext.attacks.evasion.lbfgs import LBFGS
from art_audio_ext.attacks.evasion.minimal_snr import minimal_snr, reported_snr
from art_audio_ext.attacks.evasion.pgd_snr import PGDAtSNR
from art_audio_ext.attacks.evasion.ts_mifgsm import TSMIFGSM
from art_audio_ext.attacks.evasion.white_noise import WhiteNoise

__all__ = [
    "LBFGS",
    "TSMIFGSM",
    "AudioCarliniL2",
    "AudioDeepFool",
    "AudioPGD",
    "AudioVisualPGD",
    "CarliniWagnerCTC",
    "FGSMAtSNR",
    "FakeBob",
    "PGDAtSNR",
    "WhiteNoise",
    "attack_report",
    "audio_carlini",
    "audio_deepfool",
    "minimal_snr",
    "reported_snr",
    "run_reported",
]
