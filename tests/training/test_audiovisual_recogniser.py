"""Audiovisual recognisers: they learn words and sentences, use both modalities, resume, and travel as files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from art_audio_ext.functional.ctc import LabelCodes
from art_audio_ext.training.audiovisual_evaluation import evaluate_recogniser
from art_audio_ext.training.audiovisual_model import RecogniserModel
from art_audio_ext.training.audiovisual_recogniser import train_recogniser
from art_audio_ext.training.audiovisual_settings import PRESETS, RecogniserSettings, resolve_settings

TINY = RecogniserSettings(
    crop=16,
    width=4,
    audio_width=4,
    hidden=12,
    epochs=10,
    batch_size=8,
    learning_rate=1e-2,
    augment=False,
    blank_audio=0.2,
)
PLAIN = replace(TINY, blank_audio=0.0, blank_video=0.0, noise=0.0, stream_loss=0.0)


def train(clips, settings=TINY, *, seed=0, **options) -> RecogniserModel:
    return train_recogniser(clips, settings, seed=seed, progress=False, **options)


@pytest.fixture(scope="module")
def words(tiny_clips) -> RecogniserModel:
    return train(tiny_clips)


@pytest.fixture(scope="module")
def sentences(tiny_clips, words) -> RecogniserModel:
    return train(tiny_clips, replace(PLAIN, epochs=12, learning_rate=2e-2), head="sentence", start=words)


def weights(model: RecogniserModel) -> bytes:
    return b"".join(v.numpy().tobytes() for v in model.network.state_dict().values())


def test_it_learns_words_from_both_modalities(tiny_clips, words):
    scores = evaluate_recogniser(words, tiny_clips, snr_db=(-20.0,))
    assert scores.clips == 40
    assert scores.accuracy["clean"] > 0.9
    assert scores.accuracy["audio_blanked"] > 0.6
    assert scores.accuracy["video_blanked"] > 0.6
    assert set(scores.accuracy) == {"clean", "audio_blanked", "video_blanked", "video_frozen", "audio_at_-20_db"}
    assert scores.word_error_rate == {}
    assert json.loads(json.dumps(scores.to_dict()))["clips"] == 40
    np.testing.assert_array_equal(words.predict(tiny_clips.rows()), words.logits(tiny_clips.rows()).argmax(1))
    with pytest.raises(ValueError, match="knows words"):
        words.as_transcriber()


def test_without_dropout_a_blanked_modality_is_not_known(tiny_clips, words):
    plain = train(tiny_clips, PLAIN)
    alone = [
        [
            evaluate_recogniser(model, tiny_clips, snr_db=()).accuracy[name]
            for name in ("audio_blanked", "video_blanked")
        ]
        for model in (plain, words)
    ]
    assert min(alone[0]) < min(alone[1])


def test_it_learns_sentences(tiny_clips, sentences):
    rows = tiny_clips.rows()
    scores = evaluate_recogniser(sentences, tiny_clips, snr_db=())
    assert scores.accuracy["clean"] > 0.8
    assert scores.word_error_rate["clean"] < 0.2
    best, beam = sentences.transcripts(rows), sentences.transcripts(rows, beam=8)
    assert np.mean([a == b for a, b in zip(best, beam, strict=True)]) > 0.8
    assert list(sentences.as_transcriber(device_type="cpu").predict(rows)) == best
    for call in (sentences.predict, lambda x: sentences.as_art()):
        with pytest.raises(ValueError, match="knows sentences"):
            call(rows)


def test_only_the_seed_decides(tiny_clips):
    short = replace(TINY, epochs=1, augment=True)
    state = torch.get_rng_state()
    first, again = train(tiny_clips, short), train(tiny_clips, short)
    assert torch.equal(torch.get_rng_state(), state)
    assert weights(first) == weights(again)
    others = (train(tiny_clips, short, seed=1), train(tiny_clips, replace(short, stream_loss=0.0)))
    assert len({weights(model) for model in (first, *others)}) == 3
    assert first.network.state_dict().keys() == others[1].network.state_dict().keys()  # no layer of the streams alone


@pytest.mark.parametrize("head", ["word", "sentence"])
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(tiny_clips, tmp_path, head, monkeypatch):
    from art_audio_ext.training.audiovisual_module import RecogniserModule

    full = replace(TINY, epochs=3, augment=True)
    expected = train(tiny_clips, full, head=head)
    step = RecogniserModule.training_step

    def stops(self, batch, i):
        if self.current_epoch == 2:
            raise KeyboardInterrupt
        return step(self, batch, i)

    monkeypatch.setattr(RecogniserModule, "training_step", stops)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_clips, full, head=head, checkpoint_dir=tmp_path)
    monkeypatch.undo()
    assert weights(train(tiny_clips, full, head=head, checkpoint_dir=tmp_path)) == weights(expected)
    with pytest.raises(ValueError, match="another data"):
        train(tiny_clips.subset(np.arange(20)), full, head=head, checkpoint_dir=tmp_path)


def test_fine_tuning_takes_over_what_fits(tiny_clips, words):
    short = replace(PLAIN, epochs=1, learning_rate=1e-4)
    assert train(tiny_clips, short, start=words).history[0]["train_loss"] < 0.3
    told = train(tiny_clips, short, start=words, head="sentence")
    near = (told.network.video.front.weight - words.network.video.front.weight).abs().max()
    far = (told.network.fusion.layers.weight_ih_l0 - words.network.fusion.layers.weight_ih_l0).abs().max()
    assert float(near) < 1e-2 < float(far)
    with pytest.raises(ValueError, match="other sizes"):
        train(tiny_clips, replace(short, width=5), start=words)


def test_it_travels_as_two_files(tiny_clips, words, sentences, tmp_path):
    for model in (words, sentences):
        again = RecogniserModel.load(model.save(tmp_path / model.head))
        assert weights(again) == weights(model)
        assert (again.label_names, again.codes, again.layout) == (model.label_names, model.codes, model.layout)
        assert (again.settings, again.history) == (model.settings, model.history)
        np.testing.assert_array_equal(again.logits(tiny_clips.rows()), model.logits(tiny_clips.rows()))


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ["bin", "lay"]},
        {"labels": ["bin"]},
        {"labels": {"units": "words", "symbols": ["a"]}},
        {"head": "sentence"},
        {"head": "letters"},
        {"layout": {"frames": 0}},
        {"settings": {"width": -1}},
    ],
)
def test_damaged_files_are_refused(words, tmp_path, change):
    path = words.save(tmp_path / "model")
    about = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**about, **change}))
    with pytest.raises(ValueError, match=r"labels|label_names|codes|head|layout|width|do not fit"):
        RecogniserModel.load(path)


def test_what_cannot_be_trained(tiny_clips):
    for wrong, message in (
        (tiny_clips.subset([]), "no clips"),
        (tiny_clips.subset(tiny_clips.labels == 1), "one label"),
        (replace(tiny_clips, audio=tiny_clips.audio * np.nan), "nan"),
    ):
        with pytest.raises(ValueError, match=message):
            train(wrong)
    with pytest.raises(ValueError, match="crop 64"):
        train(tiny_clips, "small")
    with pytest.raises(ValueError, match="head"):
        train(tiny_clips, head="letters")
    for sentence, message in (("bin xylophone", "xylophone"), (" ", "has none"), ("bin bin bin bin bin", "needs 9")):
        said = replace(tiny_clips, sentences=(sentence, *tiny_clips.sentences[1:]))
        with pytest.raises(ValueError, match=message):
            train(said, head="sentence", codes=LabelCodes.of(tiny_clips.sentences))
    with pytest.raises(ValueError, match="leave them out"):
        train(tiny_clips, codes=LabelCodes.of(tiny_clips.sentences))


def test_what_cannot_be_judged(tiny_clips, words, sentences):
    for clips, model, message in (
        (tiny_clips.subset([]), words, "no clips"),
        (replace(tiny_clips, label_names=("a", "b", "c", "d")), words, "other label names"),
        (replace(tiny_clips, sentences=("",) * 40), sentences, "no sentence"),
    ):
        with pytest.raises(ValueError, match=message):
            evaluate_recogniser(model, clips)
    with pytest.raises(ValueError, match="rows of"):
        words.predict(tiny_clips.rows()[:, 1:])


def test_settings_are_checked_and_round_trip():
    for preset in PRESETS.values():
        assert RecogniserSettings.from_dict(json.loads(json.dumps(preset.to_dict()))) == preset
    assert resolve_settings("small", epochs=3, crop=None) == replace(PRESETS["small"], epochs=3)
    for bad in (
        {"crop": 0},
        {"units": "phones"},
        {"blank_audio": 1.5},
        {"noise": -1},
        {"motion": 1},
        {"stream_loss": -0.5},
        {"learning_rate": 0},
        {"augment": 1},
        {"noise_least_db": 30.0},
        {"noise_most_db": 1000},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            RecogniserSettings(**bad)
