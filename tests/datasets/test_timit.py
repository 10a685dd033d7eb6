"""TIMIT from tiny sphere files in the official layout made on the spot: both parts, either case, damaged ones."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import soundfile

from art_audio_ext.datasets import load_dataset, split_dataset

SPEAKERS = ("TRAIN/DR1/FCJF0", "TRAIN/DR8/MBCG0", "TEST/DR2/FPAS0")
SENTENCES = ("SA1", "SA2", "SI648", "SI1027", "SI1657", "SX127", "SX217", "SX307", "SX37", "SX397")
HEADER = """NIST_1A
   1024
database_id -s5 TIMIT
channel_count -i 1
sample_count -i {count}
sample_rate -i 16000
sample_n_bytes -i 2
sample_byte_format -s2 {order}
sample_sig_bits -i 16
{more}end_head
"""


def sphere(path, samples: np.ndarray, order: str = "01", more: str = "") -> None:
    """A sphere file as TIMIT has them: 1024 bytes of text, then 16 bit samples, "01" little endian first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = HEADER.format(count=len(samples), order=order, more=more).encode("ascii").ljust(1024, b"\n")
    path.write_bytes(header + samples.astype("<i2" if order == "01" else ">i2").tobytes())


def make(root, case=str.upper):
    rng = np.random.default_rng(0)
    for speaker in SPEAKERS:
        for sentence in SENTENCES:
            sphere(root / case(f"{speaker}/{sentence}.WAV"), rng.integers(-9000, 9000, 2400))
            (root / case(f"{speaker}/{sentence}.PHN")).write_text("0 2400 h#\n")
    return root


@pytest.fixture
def load(tmp_path):
    def load_timit(root, **options):
        return load_dataset(f"timit:{root}", cache_dir=tmp_path / "cache", progress=False, seconds=0.1, **options)

    return load_timit


@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_speakers_of_both_parts_each_split_nine_to_one(tmp_path, load, case):
    dataset = load(make(tmp_path / "data", case))
    assert dataset.label_names == ("FCJF0", "FPAS0", "MBCG0")
    assert dataset.waveforms.shape == (30, 1600)
    names = np.array(dataset.label_names)[dataset.labels]
    assert dataset.speakers.tolist() == names.tolist()
    assert Counter(zip(names, dataset.partition, strict=True)) == {
        (name, part): count for name in dataset.label_names for part, count in (("train", 9), ("test", 1))
    }
    train, test = split_dataset(dataset)
    assert (len(train), len(test)) == (27, 3)
    assert set(train.paths) == set(dataset.paths[dataset.partition == "train"])
    assert load(tmp_path / "data").partition.tolist() == dataset.partition.tolist()
    assert any(load(tmp_path / "data", seed=s).partition.tolist() != dataset.partition.tolist() for s in (1, 2))


@pytest.mark.parametrize("order", ["01", "10"])
def test_samples_of_a_sphere_file(tmp_path, load, order):
    root, samples = make(tmp_path / "data"), np.arange(-800, 800) * 20
    sphere(root / "TRAIN/DR1/FCJF0/SA1.WAV", samples, order)
    dataset = load(root)
    row = dataset.paths.tolist().index("TRAIN/DR1/FCJF0/SA1.WAV")
    np.testing.assert_allclose(dataset.waveforms[row], samples / 32768, atol=1e-7)


def test_one_of_two_copies_is_read_and_the_folder_may_be_above_or_train_itself(tmp_path, load, caplog):
    root = make(tmp_path / "timit" / "data")
    soundfile.write(root / "TRAIN/DR1/FCJF0/SA1.WAV.wav", np.zeros(2400), 16000)
    soundfile.write(root / "CONVERT.wav", np.zeros(2400), 16000)
    dataset = load(tmp_path)
    assert len(dataset) == 30
    assert "left out 1 files that are not of TIMIT" in caplog.text
    assert "timit/data/TRAIN/DR1/FCJF0/SA1.WAV" in dataset.paths
    assert load(root / "TRAIN").label_names == ("FCJF0", "MBCG0")


def test_damaged_files_are_left_out_and_many_refused(tmp_path, load):
    root = make(tmp_path / "data")
    broken = {
        "SA1": b"",
        "SA2": b"NIST_1A\n   1024\n",
        "SI648": (root / "TRAIN/DR1/FCJF0/SI648.WAV").read_bytes()[:1500],
    }
    for name, content in list(broken.items()):
        (root / f"TRAIN/DR1/FCJF0/{name}.WAV").write_bytes(content)
    dataset = load(root)
    assert {path for path, _ in dataset.skipped} >= {"TRAIN/DR1/FCJF0/SA1.WAV", "TRAIN/DR1/FCJF0/SA2.WAV"}
    for sentence in SENTENCES:
        sphere(
            root / f"TRAIN/DR1/FCJF0/{sentence}.WAV",
            np.zeros(2400),
            more="sample_coding -s26 pcm,embedded-shorten-v2\n",
        )
    with pytest.raises(ValueError, match=r"10 of 30 files cannot be read"):
        load(root)


def test_refused(tmp_path, load):
    with pytest.raises(ValueError, match="does not exist: name the folder of TIMIT"):
        load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no sound files"):
        load(tmp_path / "empty")
    sphere(tmp_path / "other" / "yes" / "a.wav", np.zeros(2400))
    with pytest.raises(ValueError, match="no copy of TIMIT"):
        load(tmp_path / "other")
    sphere(tmp_path / "one" / "TRAIN" / "DR1" / "FCJF0" / "SA1.WAV", np.ones(2400))
    with pytest.raises(ValueError, match=r"one speaker only \('FCJF0'\)"):
        load(tmp_path / "one")
    with pytest.raises(ValueError, match=r"names no folder.*timit:ROOT"):
        load_dataset("timit:")
    with pytest.raises(ValueError, match="seconds must be"):
        load_dataset(f"timit:{tmp_path}", seconds=0)
