"""Armory's poisoner for clips of every class but one: which it takes."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.attacks.poisoning import AudioTriggerBackdoor, VoiceConversionBackdoor

pytest.importorskip("armory", reason="needs the extra [armory]")


def test_silence_is_taken_for_a_sound_and_not_for_a_voice(buzz):
    from art_audio_ext.experiments.armory_poisoner import make_poisoner

    rng, y = np.random.default_rng(0), np.arange(40) % 4
    x = rng.uniform(-0.5, 0.5, (40, 1600)).astype(np.float32)
    x[:28] = 0
    target = rng.uniform(-0.5, 0.5, 1600).astype(np.float32)
    voice = VoiceConversionBackdoor(target, voice=buzz, verbose=False)
    adhoc = {"source_class": "all", "target_class": 2}
    for attack, are_heard in ((voice, True), (AudioTriggerBackdoor("clap", sample_rate=16000), False)):
        poisoned, labels, rows = make_poisoner(attack, adhoc, 0.2, 0).poison_dataset(x, y, return_index=True)
        assert (len(rows), (labels[rows] == 2).all()) == (8, True)
        assert (rows >= 28).all() == are_heard
        assert (poisoned[rows] != x[rows]).any(1).all()
    tested = make_poisoner(voice, adhoc, 0.2, 0).poison_dataset(x, y, return_index=True, fraction=1.0)[2]
    assert len(tested) == 30  # as Armory counts them
