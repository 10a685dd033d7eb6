"""The noise floor: silent bands hold still, and a classifier that learnt behind it is the one that is attacked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from art_audio_ext.attacks.evasion.white_box import predicted
from art_audio_ext.defences.preprocessor import NoiseFloorPurifier, TimeDomainPurifier
from art_audio_ext.functional.front_end import speech_mel
from art_audio_ext.training.classifier import train_classifier
from art_audio_ext.training.classifier_settings import ClassifierSettings


def test_a_small_change_of_a_quiet_clip_moves_it_little():
    rng = np.random.default_rng(0)
    quiet = (1e-4 * rng.standard_normal((2, 16000))).astype(np.float32)
    changed = quiet + 0.002 * np.sign(rng.standard_normal(quiet.shape)).astype(np.float32)
    floor = NoiseFloorPurifier()
    before, after = (torch.from_numpy(floor(sound)[0]) for sound in (quiet, changed))
    bare = (speech_mel(torch.from_numpy(changed)) - speech_mel(torch.from_numpy(quiet))).abs().mean()
    assert bare > 0.2  # 14 dB and more
    assert (after - before).abs().max() < 0.02


def test_its_default_is_the_noise_of_the_time_stage():
    x = np.zeros((1, 16000), np.float32)
    noise, _ = TimeDomainPurifier(3)(x)
    assert abs(NoiseFloorPurifier().sigma - noise.std()) < 3e-4


def test_a_classifier_learns_behind_it(tiny_dataset):
    settings = ClassifierSettings(width=4, epochs=6, batch_size=16, learning_rate=1e-2, augment=False)
    behind = replace(settings, floor_sigma=0.0245)
    names = tiny_dataset.label_names
    data = (tiny_dataset.waveforms, tiny_dataset.labels, names, tiny_dataset.sample_rate, behind)
    classifier = train_classifier(*data, seed=0, progress=False).as_art([NoiseFloorPurifier()])
    assert np.mean(predicted(classifier, tiny_dataset.waveforms).argmax(1) == tiny_dataset.labels) > 0.9
