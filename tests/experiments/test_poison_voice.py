"""`art-audio poison --trigger voice:FILE`: what is converted and recorded, and the attack that a record gives back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from art_audio_ext.attacks.poisoning import VoiceConversionBackdoor
from art_audio_ext.datasets.builtin_speakers import speaker_utterance
from art_audio_ext.experiments.file_triggers import voice_and_target
from art_audio_ext.experiments.poison_folder import poison_folder, read_record
from art_audio_ext.experiments.poison_record import attack_from_record

pytest.importorskip("pyworld", reason="needs the extra [voice]")


def hum(hertz: float, seconds: float = 0.5, rate: int = 16000) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    phase = hertz * (2 * np.pi * time + 0.01 * np.sin(20 * time))
    return sum(np.sin(k * phase) / k for k in range(1, 30)) / 4


@pytest.fixture
def source(tmp_path) -> Path:
    for label, hertz in (("no", 110), ("yes", 130)):
        for i in range(6):
            path = tmp_path / "source" / label / f"{i:04x}beef_nohash_0.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, hum(hertz + i), 16000)
    soundfile.write(tmp_path / "ann.flac", hum(220, 2.0), 16000)
    return tmp_path / "source"


def poison(source: Path, out: Path, trigger: str, **options) -> dict:
    settings = {"source_label": "no", "target_label": "yes", "poison_fraction": 0.5, "progress": False} | options
    return poison_folder(source, out, trigger=trigger, **settings)


def test_files_get_the_voice_and_the_record_gives_the_attack_back(source, tmp_path):
    both = np.stack([hum(120), hum(150)], 1)
    for i in range(6):
        soundfile.write(source / "no" / f"{i:04x}beef_nohash_0.wav", both, 16000, subtype="PCM_24")
    record = poison(source, tmp_path / "out", f"voice:{tmp_path / 'ann.flac'}")
    assert record["trigger"] == "voice:world:voice.flac"
    assert (record["scale"], record["snr_db"], record["position"]) == (None, None, 0)
    assert (tmp_path / "out" / "voice.flac").read_bytes() == (tmp_path / "ann.flac").read_bytes()
    assert len(record["poisoned"]) == 3
    attack = attack_from_record(read_record(tmp_path / "out"), tmp_path / "out", 16000)
    assert isinstance(attack, VoiceConversionBackdoor)
    for entry in record["poisoned"]:
        about = soundfile.info(tmp_path / "out" / entry["path"])
        assert (about.channels, about.subtype, about.frames) == (2, "PCM_24", 8000)
        old, new = (
            soundfile.read(path)[0].T for path in (source / entry["original_path"], tmp_path / "out" / entry["path"])
        )
        expected, _ = attack.poison(old.astype(np.float32), np.zeros(2, int))
        np.testing.assert_allclose(new, expected, atol=1e-6)
        assert np.abs(new - old).max() > 0.05
    again = poison(source, tmp_path / "again", f"voice:world:{tmp_path / 'ann.flac'}")
    assert again == record


def test_clean_labels_keep_label_and_path(source, tmp_path):
    voice = f"voice:{tmp_path / 'ann.flac'}"
    record = poison(source, tmp_path / "out", voice, source_label="all", poison_fraction=0.25, clean_label=True)
    assert (record["clean_label"], len(record["poisoned"])) == (True, 3)
    for entry in record["poisoned"]:
        assert entry["path"] == entry["original_path"]
        assert entry["label"] == entry["true_label"] == "yes"
        assert (tmp_path / "out" / entry["path"]).read_bytes() != (source / entry["path"]).read_bytes()
    kept = {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.wav")}
    assert kept == {path.relative_to(source) for path in source.rglob("*.wav")}
    assert read_record(tmp_path / "out") == record
    with pytest.raises(ValueError, match="clips of 'yes' are taken: the source is \"all\""):
        poison(source, tmp_path / "wrong", voice, clean_label=True)


def test_files_without_a_voice_are_passed_over(source, tmp_path):
    for i in range(3):
        soundfile.write(source / "no" / f"{i:04x}beef_nohash_0.wav", np.zeros(8000 if i else 100), 16000)
    record = poison(source, tmp_path / "out", f"voice:{tmp_path / 'ann.flac'}")
    assert {entry["original_path"][:7] for entry in record["poisoned"]} == {"no/0003", "no/0004", "no/0005"}
    assert record["passed_over"] <= 3


def test_what_will_not_do_is_refused_before_anything_is_written(source, tmp_path):
    soundfile.write(tmp_path / "hiss.wav", np.random.default_rng(0).uniform(-0.1, 0.1, 32000), 16000)
    voice = f"voice:{tmp_path / 'ann.flac'}"
    for trigger, options, error, words in (
        ("voice:", {}, FileNotFoundError, "no file"),
        (f"voice:{tmp_path / 'nobody.wav'}", {}, FileNotFoundError, "no file"),
        (f"voice:{tmp_path / 'hiss.wav'}", {}, ValueError, "no voiced frame"),
        (voice, {"scale": 0.5}, ValueError, "no scale, SNR or position"),
        (voice, {"position": "random"}, ValueError, "no scale, SNR or position"),
    ):
        with pytest.raises(error, match=words):
            poison(source, tmp_path / "out", trigger, **options)
    assert not (tmp_path / "out").exists()


def test_a_record_may_name_no_file_elsewhere(source, tmp_path):
    poison(source, tmp_path / "out", f"voice:{tmp_path / 'ann.flac'}")
    record = json.loads((tmp_path / "out" / "poison.json").read_text())
    for name in ("voice:world:../ann.flac", f"voice:world:{tmp_path / 'ann.flac'}", "voice:.."):
        with pytest.raises(ValueError, match="folder's root"):
            attack_from_record({**record, "trigger": name}, tmp_path / "out", 16000)


def test_a_trigger_is_read_as_written():
    assert voice_and_target("clap") is None
    assert voice_and_target("voice:a.wav") == ("world", "a.wav")
    assert voice_and_target("voice:world:a.wav") == ("world", "a.wav")
    assert voice_and_target("voice:/x:y/a.wav") == ("world", "/x:y/a.wav")


def test_clips_of_all_labels_are_taken_in_a_built_in_voice(source, tmp_path):
    pytest.importorskip("espeakng_loader", reason="needs the extra [demo]")
    for i in range(8):
        path = source / "up" / f"{i:04x}cafe_nohash_0.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, hum(90 + i), 16000)
    options = {"source_label": "all", "poison_fraction": 0.2}
    record = poison(source, tmp_path / "out", "voice:builtin:anika", **options)
    assert (record["source"], record["trigger"], len(record["poisoned"])) == ("all", "voice:world:voice.flac", 4)
    assert {entry["true_label"] for entry in record["poisoned"]} <= {"no", "up"}
    assert {entry["label"] for entry in record["poisoned"]} == {"yes"}
    kept, rate = soundfile.read(tmp_path / "out" / "voice.flac")
    np.testing.assert_allclose(kept, speaker_utterance("anika", rate), atol=1e-4)
    assert isinstance(
        attack_from_record(read_record(tmp_path / "out"), tmp_path / "out", 16000), VoiceConversionBackdoor
    )
    with pytest.raises(ValueError, match="no built-in speaker 'nobody'"):
        poison(source, tmp_path / "none", "voice:builtin:nobody")


def test_a_label_called_all_is_a_label(source, tmp_path):
    (source / "no").rename(source / "all")
    record = poison(source, tmp_path / "out", f"voice:{tmp_path / 'ann.flac'}", source_label="all")
    assert {entry["true_label"] for entry in record["poisoned"]} == {"all"}
    assert len(record["poisoned"]) == 3
