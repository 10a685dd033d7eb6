"""The ten digits of Speech Commands, from a tiny copy in the official layout made on the spot; no network."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from art_audio_ext.datasets import load_dataset
from art_audio_ext.datasets.sc09 import DIGITS


@pytest.fixture
def root(tmp_path):
    base = tmp_path / "SpeechCommands" / "speech_commands_v0.02"
    rng = np.random.default_rng(0)
    testing = []
    for word in (*DIGITS, "yes"):
        (base / word).mkdir(parents=True)
        for speaker in ("aaaaaaaa", "cccccccc"):
            file = f"{word}/{speaker}_nohash_0.wav"
            soundfile.write(base / file, rng.uniform(-0.5, 0.5, 9000), 16000)
            testing += [file] if speaker == "cccccccc" else []
    (base / "testing_list.txt").write_text("\n".join(testing) + "\n")
    (base / "validation_list.txt").write_text("")
    (base / "_background_noise_").mkdir()
    return tmp_path


def test_ten_digits_in_the_official_split(root, tmp_path):
    dataset = load_dataset(f"sc09:{root}", cache_dir=tmp_path / "cache", progress=False)
    assert dataset.label_names == DIGITS
    assert np.bincount(dataset.labels).tolist() == [2] * 10
    assert set(dataset.speakers[dataset.partition == "test"]) == {"cccccccc"}
    assert set(dataset.speakers[dataset.partition == "train"]) == {"aaaaaaaa"}


def test_a_copy_without_a_digit_and_a_colon_without_a_folder(root):
    (root / "SpeechCommands" / "speech_commands_v0.02" / "nine").rename(root / "ten")
    with pytest.raises(ValueError, match="it lacks nine"):
        load_dataset(f"sc09:{root}", progress=False)
    with pytest.raises(ValueError, match="names no folder"):
        load_dataset("sc09:")
