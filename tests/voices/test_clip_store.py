"""Results on disk: found by clip and treatment, trusted only when whole."""

from __future__ import annotations

import numpy as np

from art_audio_ext.voices.clip_store import ClipStore

CLIP, AFTER = np.linspace(-1, 1, 50, dtype=np.float32), np.linspace(1, 0, 50, dtype=np.float32)


def test_what_was_kept_is_found_under_the_same_clip_and_treatment_alone(tmp_path):
    store = ClipStore(tmp_path / "store")
    assert store.find(CLIP, ("world", "ann")) is None
    assert not (tmp_path / "store").exists()
    store.keep(CLIP, ("world", "ann"), AFTER)
    np.testing.assert_array_equal(store.find(CLIP, ("world", "ann")), AFTER)
    assert ClipStore(tmp_path / "store").find(CLIP, ("world", "ann")).flags.writeable
    for clip, parts in ((CLIP, ("world", "bob")), (CLIP, ("worldann",)), (AFTER, ("world", "ann"))):
        assert store.find(clip, parts) is None


def test_what_is_damaged_is_not_there(tmp_path):
    store = ClipStore(tmp_path)
    store.keep(CLIP, ("a",), AFTER)
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file())
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:-20], b"", bytes([whole[0] ^ 1]) + whole[1:]):
        path.write_bytes(damaged)
        assert store.find(CLIP, ("a",)) is None
    store.keep(CLIP, ("a",), AFTER)
    np.testing.assert_array_equal(store.find(CLIP, ("a",)), AFTER)
