"""Trained synchronisation networks: what they make of clips, in whatever pieces, and how they travel as files."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.functional.sync import sync_confidence
from art_audio_ext.networks.sync_scorer import SyncScorer
from art_audio_ext.networks.syncnet import SyncNet
from art_audio_ext.training.runs import seeded
from art_audio_ext.training.sync_model import SyncModel


def test_it_travels_as_two_files_and_looks_at_other_lengths(model, unseen, tmp_path):
    again = SyncModel.load(model.save(tmp_path / "sync"))
    assert (again.settings, again.layout, again.history) == (model.settings, model.layout, model.history)
    for name, values in model.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], values)
    np.testing.assert_array_equal(again.distances(unseen.rows()), model.distances(unseen.rows()))
    shorter = AudioVisualLayout.of_frames(20, 32)
    rows = shorter.pack(unseen.audio[:, : shorter.samples], unseen.video[:, :20])
    assert np.abs(model.for_layout(shorter).offset(rows)).max() <= 1


def test_the_public_weights_become_a_model(unseen, tmp_path):
    torch.save(seeded(SyncNet, 0).state_dict(), tmp_path / "syncnet_v2.model")
    layout = AudioVisualLayout.of_frames(9, 32)
    model = SyncModel.from_public(tmp_path / "syncnet_v2.model", layout)
    distances = model.distances(layout.pack(unseen.audio[:2, : layout.samples], unseen.video[:2, :9]))
    assert np.isfinite(distances[:, 13:18]).all()  # five windows: shifts of up to two, or three


def test_batches_and_memory_maps_give_the_same(model, unseen, tmp_path):
    rows = unseen.rows()
    expected = model.distances(rows)
    assert expected.shape == (8, 31)
    np.testing.assert_allclose(model.distances(rows, 3), expected, atol=1e-5)
    np.save(tmp_path / "rows.npy", rows)
    np.testing.assert_array_equal(model.distances(np.load(tmp_path / "rows.npy", mmap_mode="r")), expected)
    rows[5, 3] = np.nan
    with pytest.raises(ValueError, match="rows row 5 is nan"):
        model.distances(rows, 3)


def test_the_scorer_is_what_the_model_computes_and_has_gradients(model, unseen):
    rows = torch.from_numpy(unseen.rows()).requires_grad_()
    curves = SyncScorer([model.network, model.network])(*model.layout.unpack(rows))
    assert curves.shape == (8, 2, 31)
    np.testing.assert_allclose(curves[:, 1].detach(), model.distances(unseen.rows()), atol=1e-5)
    sync_confidence(curves).sum().backward()
    audio, video = model.layout.unpack(rows.grad)
    assert audio.isfinite().all()
    assert min(audio.abs().max(), video.abs().max()) > 0
    padded = model.distances(unseen.rows(), edges="reference")
    assert np.abs(padded - model.distances(unseen.rows()))[:, 0].min() > 0.01  # half of the pairs are padding
    with pytest.raises(ValueError, match="at least one"):
        SyncScorer([])


@pytest.mark.parametrize("part", ["settings", "layout"])
def test_damaged_files_are_refused(model, tmp_path, part):
    path = model.save(tmp_path / "sync")
    about = json.loads(path.with_suffix(".json").read_text())
    for wrong in (7, {"size": 48}, {"frames": 3, "size": 64, "samples": 9000}):
        path.with_suffix(".json").write_text(json.dumps({**about, part: wrong}))
        with pytest.raises(ValueError, match=r"layout|setting|pixels|few"):
            SyncModel.load(path)
    model.save(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="whole safetensors"):
        SyncModel.load(path)
    with pytest.raises(FileNotFoundError, match="train_syncnet"):
        SyncModel.load(tmp_path / "none")
