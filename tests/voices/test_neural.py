"""The neural back ends with random weights: bytes, lengths, rates, state, pickles, and the library as reference."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

from art_audio_ext.attacks.poisoning import VoiceConversionBackdoor
from art_audio_ext.voices import TargetVoice, open_voice
from art_audio_ext.voices.clip_store import ClipStore

pytest.importorskip("TTS", reason="needs the extra [voice]")

from art_audio_ext.voices.untrained import write_untrained
from art_audio_ext.voices.wavlm import framed

NAMES = ("freevc", "knn-vc", "openvoice")
RATE = 16000


def syllables(hertz: float, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    """A buzz that comes and goes twice a second over a little noise: what a detector of speech takes for speech."""
    time = np.arange(round(seconds * rate)) / rate
    buzz = np.sign(np.sin(2 * np.pi * hertz * time * (1 + 0.05 * np.sin(3 * time)))) * np.sin(4 * np.pi * time).clip(0)
    return (0.3 * buzz + 0.001 * np.random.default_rng(0).standard_normal(len(time))).astype(np.float32)


X = np.stack([syllables(110), syllables(140), syllables(260)])
TARGET = TargetVoice(syllables(200, 3.0), RATE, "anna")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_untrained(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def voices(root):
    return {name: open_voice(name, folder=root, device="cpu") for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_is_the_same_alone_in_a_batch_and_after_a_pickle(name, voices):
    whole = voices[name].convert(X, RATE, TARGET)
    assert (whole.shape, whole.dtype) == (X.shape, np.float32)
    assert np.abs(whole).max() <= 1
    assert len({row.tobytes() for row in whole}) == len(X)
    np.testing.assert_array_equal(voices[name].convert(X[1:2], RATE, TARGET)[0], whole[1])
    stored = pickle.dumps(voices[name])
    assert len(stored) < 5000  # the weights stay in their files
    again = pickle.loads(stored)
    np.testing.assert_array_equal(again.convert(X[1:2], RATE, TARGET)[0], whole[1])
    assert again.identity == voices[name].identity


@pytest.mark.parametrize("name", ["freevc", "openvoice"])
def test_the_seed_changes_what_is_drawn_and_nothing_global(name, root, voices):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    other = open_voice(name, folder=root, device="cpu", seed=1)
    changed = other.convert(X[:1], RATE, TARGET)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert not np.array_equal(changed, voices[name].convert(X[:1], RATE, TARGET))
    assert other.identity != voices[name].identity


def test_the_neighbours_count(root, voices):
    one = open_voice("knn-vc", folder=root, neighbours=1, device="cpu")
    assert one.identity["neighbours"] == 1
    assert not np.array_equal(one.convert(X[:1], RATE, TARGET), voices["knn-vc"].convert(X[:1], RATE, TARGET))


@pytest.mark.parametrize("name", NAMES)
def test_the_target_counts_and_several_utterances_are_one_voice(name, voices):
    made = [
        voices[name].convert(X[:1], RATE, TargetVoice(sounds, RATE))[0].tobytes()
        for sounds in (syllables(200, 3.0), syllables(90, 3.0), [syllables(200, 3.0), syllables(90, 2.0)])
    ]
    assert len(set(made)) == 3


@pytest.mark.parametrize("name", NAMES)
def test_length_and_level_stay_at_any_rate(name, voices):
    for rate, samples in ((8000, 8000), (16000, 15999), (22050, 22050), (44100, 9001)):
        clip = 0.02 * syllables(120, 1.0, rate)[None, :samples]  # soft: nothing is clipped
        made = voices[name].convert(clip, rate, TARGET)
        assert made.shape == clip.shape
        assert np.sqrt(np.mean(made**2)) == pytest.approx(np.sqrt(np.mean(clip**2)), rel=1e-3)
    high = TargetVoice(syllables(200, 3.0, 22050), 22050)
    assert np.isfinite(voices[name].convert(X[:1], RATE, high)).all()


@pytest.mark.parametrize("name", NAMES)
def test_silence_and_short_clips_come_through(name, voices):
    assert not voices[name].convert(np.zeros((1, RATE), np.float32), RATE, TARGET).any()
    assert voices[name].convert(X[:1, :799], RATE, TARGET).tobytes() == X[:1, :799].tobytes()
    for samples in (800, 801, 1600):
        made = voices[name].convert(X[:1, 1000 : 1000 + samples], RATE, TARGET)
        assert made.shape == (1, samples)
    assert voices[name]._convert(X[0, 1000:1200], RATE, voices[name]._prepare(TARGET, RATE)).shape == (200,)


@pytest.mark.parametrize("name", NAMES)
def test_the_library_itself_makes_the_same(name, voices):
    voice = voices[name]
    loaded = voice._ready()
    into, out = loaded.input_rate, loaded.output_rate
    clip, target = syllables(110, 1.0, into)[: 256 * 60], syllables(200, 3.0, into)
    before, after = voice._padding(loaded, len(clip))
    source = torch.from_numpy(np.pad(clip, (before, after)))[None]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(voice._noise_seed(clip))
        made = loaded.network.voice_conversion(source, [torch.from_numpy(target)[None]])
    if name == "knn-vc":
        with torch.no_grad():
            made = loaded.network.vocoder(made)[0, 0].numpy()
    ours = voice._run_once(clip, voice._prepare(TargetVoice(target, into), into), voice._noise_seed(clip))
    np.testing.assert_allclose(ours, made, atol=1e-6)
    assert (into, out) == {"freevc": (16000, 24000), "knn-vc": (16000, 16000), "openvoice": (22050, 22050)}[name]


def test_frames_of_wavlm_cover_the_clip_from_their_middle():
    assert framed(16000) == (40, 40)
    for samples in (1, 319, 320, 321, 800, 15999):
        before, after = framed(samples)
        frames = (before + samples + after - 400) // 320 + 1
        assert samples <= 320 * frames < samples + 320
        assert (before + samples + after - 400) % 320 == 0


def test_other_weights_are_another_conversion(voices, tmp_path):
    write_untrained(tmp_path, seed=1)
    others = {name: open_voice(name, folder=tmp_path, device="cpu") for name in NAMES}
    write_untrained(tmp_path, seed=2)
    for name, other in others.items():
        assert other.identity["weights"] != voices[name].identity["weights"]
        with pytest.raises(ValueError, match="others than before"):
            pickle.loads(pickle.dumps(other)).convert(X[:1], RATE, TARGET)


def test_kept_clips_are_not_made_again(root, tmp_path, monkeypatch):
    voice = open_voice("openvoice", folder=root, device="cpu", store=ClipStore(tmp_path))
    first = voice.convert(X, RATE, TARGET)
    monkeypatch.setattr(type(voice), "_convert", lambda *_: pytest.fail("made again"))
    np.testing.assert_array_equal(voice.convert(X[::-1], RATE, TARGET), first[::-1])
    with pytest.raises(pytest.fail.Exception, match="made again"):
        open_voice("openvoice", folder=root, device="cpu", seed=1, store=ClipStore(tmp_path)).convert(X, RATE, TARGET)


@pytest.mark.parametrize("name", ["freevc", "knn-vc"])
def test_a_target_without_speech_is_refused(name, voices):
    click = np.zeros(32000, np.float32)
    click[16000:16004] = 0.5
    with pytest.raises(ValueError, match=r"'click'.*seconds of speech"):
        voices[name].check_target(TargetVoice(click, RATE, "click"), RATE)
    made = voices[name].convert(X[:1], RATE, TargetVoice([click, syllables(200, 3.0)], RATE))
    alone = voices[name].convert(X[:1], RATE, TARGET)
    np.testing.assert_array_equal(made, alone)


def test_an_attack_takes_them(voices):
    attack = VoiceConversionBackdoor(TARGET, voice=voices["knn-vc"], verbose=False)
    for again in (pickle.loads(pickle.dumps(attack)), copy.deepcopy(attack)):
        poisoned, _ = again.poison(X, np.zeros(len(X), int))
        np.testing.assert_array_equal(poisoned, voices["knn-vc"].convert(X, RATE, TARGET))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_makes_nearly_the_same_and_every_time(name, root):
    voice = open_voice(name, folder=root, device="cuda")
    made = voice.convert(X, RATE, TARGET)
    assert next(voice._ready().network.parameters()).is_cuda
    assert made.shape == X.shape
    np.testing.assert_array_equal(voice.convert(X[1:2], RATE, TARGET)[0], made[1])
    assert voice.identity["device"] == "cuda"
