"""The benchmark of voice conversions says whether every clip came out alike, not the first alone."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from art_audio_ext.voices import TargetVoice, Voice


class Unsteady(Voice):
    """The first clip is always the same, the others are each time others."""

    name = "unsteady"
    identity = {}  # noqa: RUF012

    def __init__(self, steady: bool) -> None:
        super().__init__()
        self.steady, self.calls = steady, 0

    def _prepare(self, target, sample_rate):
        return None

    def _convert(self, clip, sample_rate, target):
        self.calls += 1
        return clip if clip[0] > 0.4 or self.steady else clip / self.calls


@pytest.mark.parametrize("steady", [True, False])
def test_every_clip_is_compared(steady, capsys):
    pytest.importorskip("pyworld", reason="needs the extra [voice]")
    path = Path(__file__).parents[1] / "benchmarks" / "voices.py"
    spec = importlib.util.spec_from_file_location("voices_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    clips = np.full((30, 1000), 0.2, np.float32)
    clips[0] = 0.5
    target = TargetVoice(np.full(16000, 0.1, np.float32), 16000)
    module.measure({"world": Unsteady(True), "unsteady": Unsteady(steady)}, clips, target)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["same_result"] == steady
