"""The clips that the page shows: the right ones, as sound and as pictures, and not too many."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from PIL import Image

from art_audio_ext.report import write_report


def payload(address: str, kind: str) -> io.BytesIO:
    assert address.startswith(f"data:{kind};base64,")
    return io.BytesIO(base64.b64decode(address.split(",", 1)[1], validate=True))


def test_players_hold_the_suspects_in_order_of_score(page, poisoned_audit, tiny_dataset):
    found = page(audit=poisoned_audit, dataset=tiny_dataset)
    players = found.of("audio")
    assert len(players) == 20 + 5
    for k in (0, 7, 19):
        sound, rate = soundfile.read(payload(players[k]["src"], "audio/wav"), dtype="float32")
        assert rate == 16000
        np.testing.assert_allclose(sound, tiny_dataset.waveforms[30 + k], atol=1 / 32767)
        assert players[k]["aria-label"] == f"Play {tiny_dataset.paths[30 + k]}"
    for player in players[20:]:
        assert player["aria-label"].removeprefix("Play ") in set(tiny_dataset.paths[50:60])
    assert all(player["preload"] == "none" for player in players)


def test_loud_sound_is_cut_off_and_not_wrapped_round(page, poisoned_audit, tiny_dataset):
    waveforms = tiny_dataset.waveforms.copy()
    waveforms[30] = np.sign(waveforms[30]) * 1.00005
    found = page(audit=poisoned_audit, dataset=replace(tiny_dataset, waveforms=waveforms))
    sound, _ = soundfile.read(payload(found.of("audio")[0]["src"], "audio/wav"), dtype="float32")
    np.testing.assert_allclose(sound, np.sign(waveforms[30]), atol=1e-4)


def test_spectrograms_are_pictures_of_the_clips_with_low_sounds_below(page, poisoned_audit, tiny_dataset):
    waveforms = tiny_dataset.waveforms.copy()
    waveforms[30] = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    waveforms[30, 8000:] = 0
    found = page(audit=poisoned_audit, dataset=replace(tiny_dataset, waveforms=waveforms))
    address = found.of("img", alt=f"Spectrogram of {tiny_dataset.paths[30]}")[0]["src"]
    picture = np.asarray(Image.open(payload(address, "image/png")).convert("L"), dtype=int)
    assert picture.shape == (96, 240)
    assert picture[:, 60].argmax() == pytest.approx(96 - 12, abs=1)  # 1 kHz of 8 kHz: an eighth from below
    assert picture[:, 200].max() < 0.2 * picture[:, 60].max()


def test_at_most_the_given_number_of_suspects_is_shown(page, poisoned_audit, tiny_dataset):
    found = page(audit=poisoned_audit, dataset=tiny_dataset, max_suspects=7)
    assert len(found.of("li", **{"class": "card suspect"})) == 7
    assert "13 more in suspects.csv" in found.text
    assert "more in suspects.csv" not in page(audit=poisoned_audit, dataset=tiny_dataset).text
    assert not page(audit=poisoned_audit, dataset=tiny_dataset, max_suspects=0).of("li", **{"class": "card suspect"})


def test_long_clips_lower_the_number_shown_so_that_the_page_stays_small(tmp_path, poisoned_audit, tiny_dataset):
    long = np.broadcast_to(np.float32(0.1), (120, 16000 * 30))
    write_report(tmp_path / "r.html", audit=poisoned_audit, dataset=replace(tiny_dataset, waveforms=long))
    assert (tmp_path / "r.html").stat().st_size < 15e6
    assert "more in suspects.csv" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_two_flagged_classes_share_the_places(page, poisoned_audit, tiny_dataset):
    classes = [replace(entry, flagged=entry.label in ("alpha", "bravo")) for entry in poisoned_audit.classes]
    samples = [replace(s, suspect=i < 3 or s.suspect) for i, s in enumerate(poisoned_audit.samples)]
    audit = replace(poisoned_audit, classes=classes, samples=samples)
    found = page(audit=audit, dataset=tiny_dataset, max_suspects=10)
    labels = [a["aria-label"].removeprefix("Play ")[0] for a in found.of("audio")]
    assert labels == ["b"] * (7 + 5) + ["a"] * (3 + 5)


def test_only_the_clips_shown_are_read(page, poisoned_audit, tiny_dataset):
    read: list[int] = []

    class Watched(np.ndarray):
        def __getitem__(self, index):
            read.extend(np.atleast_1d(index).tolist())
            return np.asarray(self)[index]

    dataset = replace(tiny_dataset, waveforms=tiny_dataset.waveforms.view(Watched))
    page(audit=poisoned_audit, dataset=dataset, max_suspects=4)
    assert set(read) <= set(range(30, 60))  # the flagged class alone


def test_without_a_dataset_there_are_names_but_no_players(page, poisoned_audit):
    found = page(audit=poisoned_audit)
    assert not found.of("audio")
    assert not found.of("img")
    assert "b/030.wav" in found.text
