"""LibriSpeech from a tiny dev-clean made on the spot, from any folder above it."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from art_audio_ext.datasets import load_dataset


@pytest.fixture
def root(tmp_path):
    rng = np.random.default_rng(0)
    for speaker, chapters in (("1272", ("128104", "135031")), ("84", ("121123",))):
        for chapter in chapters:
            folder = tmp_path / "LibriSpeech" / "dev-clean" / speaker / chapter
            folder.mkdir(parents=True)
            (folder / f"{speaker}-{chapter}.trans.txt").write_text("HELLO\n")
            for number in range(10):
                file = folder / f"{speaker}-{chapter}-{number:04d}.flac"
                soundfile.write(file, rng.uniform(-0.5, 0.5, 800 + 200 * number), 16000)
    return tmp_path / "LibriSpeech"


@pytest.mark.parametrize("below", ["..", ".", "dev-clean"])
def test_readers_and_their_utterances(root, tmp_path, below):
    spec = f"librispeech:{root / below}"
    dataset = load_dataset(spec, cache_dir=tmp_path / "cache", progress=False, seconds=0.1)
    assert dataset.label_names == ("1272", "84")
    assert np.bincount(dataset.labels).tolist() == [20, 10]
    assert np.bincount(dataset.labels[dataset.partition == "test"]).tolist() == [2, 1]
    short = dataset.waveforms[[path.endswith("1272-128104-0000.flac") for path in dataset.paths]][0]
    assert short[:800].any()
    assert not short[800:].any()  # shorter utterances are padded at their end


def test_refused(root, tmp_path):
    (tmp_path / "x" / "1272" / "1").mkdir(parents=True)
    soundfile.write(tmp_path / "x" / "1272" / "1" / "84-1-0000.flac", np.zeros(800), 16000)
    with pytest.raises(ValueError, match=r"no copy of LibriSpeech .*it holds '1272/1/84-1-0000.flac'"):
        load_dataset(f"librispeech:{tmp_path / 'x'}", progress=False)
    with pytest.raises(ValueError, match="does not exist"):
        load_dataset(f"librispeech:{tmp_path / 'nowhere'}")
