"""What an audit refuses before the long work begins."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.experiments import audit as audit_module
from art_audio_ext.experiments.audit import audit


class Unasked:
    """An encoder that is not to be used."""

    sample_rate = 16000

    def encode(self, waveforms):
        raise AssertionError("what is refused is not encoded")


def test_refuses_before_the_long_work(tiny_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(audit_module, "train_encoder", lambda *_: pytest.fail("trained"))
    monkeypatch.setattr(audit_module, "load_dataset", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(ValueError, match="preset 'slow'"):
        audit("somewhere", tmp_path, preset="slow")
    with pytest.raises(FileNotFoundError, match="absent"):
        audit("somewhere", tmp_path, vae=tmp_path / "absent.safetensors")
    with pytest.raises(ValueError, match="16000 Hz but the clips are at 8000 Hz"):
        audit("somewhere", tmp_path, vae=Unasked(), sample_rate=8000)
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ValueError, match="not a folder"):
            audit("somewhere", out)
    with pytest.raises(ValueError, match="unknown score 'best'"):
        audit(tiny_dataset, tmp_path, score="best")
    with pytest.raises(ValueError, match="dims"):
        audit(tiny_dataset, tmp_path, score="pls", score_options={"dims": 0})
    with pytest.raises(ValueError, match="alpha"):
        audit(tiny_dataset, tmp_path, alpha=2)
    with pytest.raises(ValueError, match="tokens must be one of"):
        audit("somewhere", tmp_path, tokens="mel")
    with pytest.raises(ValueError, match="takes no tokens"):
        audit("somewhere", tmp_path, tokens="vae", score="combined")
    with pytest.raises(ValueError, match="uses no VAE"):
        audit("somewhere", tmp_path, score="combined", vae=Unasked())
    with pytest.raises(ValueError, match="encode_steps"):
        audit("somewhere", tmp_path, score="novel_component", tokens="vae", vae=Unasked())
    with pytest.raises(ValueError, match="another preset than steps"):
        audit("somewhere", tmp_path, score="pls", preset="steps")
    with pytest.raises(ValueError, match="under 24 clips"):  # before a VAE is trained for it
        audit(tiny_dataset.subset(np.arange(0, 120, 2)), tmp_path, score="novel_component", tokens="vae")
    for ignored in ({"preset": "paper"}, {"epochs": 3}, {"vae": Unasked(), "preset": "standard"}):
        with pytest.raises(ValueError, match="leave preset and epochs out"):
            audit("somewhere", tmp_path, **ignored)
    with pytest.raises(ValueError, match="leave alpha out"):
        audit("somewhere", tmp_path, score="pls", alpha=0.05)
    with pytest.raises(ValueError, match="must not hold the seed"):
        audit(tiny_dataset, tmp_path, score_options={"seed": 1})
    with pytest.raises(ValueError, match="2 classes can be scored"):
        audit(tiny_dataset.subset(tiny_dataset.labels < 2), tmp_path, score="pls")
