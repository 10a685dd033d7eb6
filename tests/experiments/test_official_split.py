"""A split that a corpus brings with it is kept by all that learn from clips and judge by others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from art_audio_ext.experiments import av_sentences as sentences_module
from art_audio_ext.experiments import av_sync as sync_module
from art_audio_ext.experiments.av_sentences import av_sentences
from art_audio_ext.experiments.av_sync import av_sync
from art_audio_ext.experiments.held_out_clips import load_and_hold_out
from art_audio_ext.experiments.official_split import VAL_FIRST, learnt_and_judged, official_parts

SPLIT = ("train",) * 20 + ("val",) * 6 + ("test",) * 6


class Enough(Exception):
    """What was to be seen was seen."""


@pytest.fixture
def split(talking_bars):
    return replace(talking_bars, partition=SPLIT, sentences=tuple(f"bin {k}" for k in range(32)))


def names(start, stop):
    return tuple(f"{k}.bar" for k in range(start, stop))


def test_which_parts_learn_and_judge(split):
    assert official_parts(split).tolist() == [1] * 20 + [-2] * 6 + [0] * 6
    assert official_parts(split, VAL_FIRST).tolist() == [1] * 20 + [0] * 6 + [-2] * 6
    no_test = split.subset(range(26))
    assert official_parts(no_test).tolist() == [1] * 20 + [0] * 6
    for clips in (split.subset(range(20)), split.subset(range(20, 32)), replace(split, partition=None)):
        assert official_parts(clips) is None
    assert official_parts(replace(split, name="builtin-av")) is None  # folds by speaker, as before
    assert official_parts(replace(split, partition=("", *SPLIT[1:]))) is None
    learn, judge = learnt_and_judged(split.subset(range(20)), 4, 0)  # no part judges: five are drawn
    assert (len(learn), len(judge)) == (15, 5)


def test_trainings_hold_out_the_part_for_that(split):
    learn, judge = load_and_hold_out(split, "word", 0)
    assert (learn.paths, judge.paths) == (names(0, 20), names(26, 32))
    learn, judge = load_and_hold_out(split, "word", 0, VAL_FIRST)
    assert (learn.paths, judge.paths) == (names(0, 20), names(20, 26))


def test_the_comparison_learns_from_train_and_tests_test(split, tmp_path, monkeypatch):
    learnt = {}

    def prepared(words, talking, *_, **__):
        learnt.update(words=words.paths, talking=talking.paths)
        return {"sync": [], "victim": "", "checksums": []}

    def looked(run, tasks, path, *, context, **_):
        learnt.update(folds={task["fold"] for task in tasks}, tested=context.words.subset(context.folds == 0).paths)
        raise Enough

    monkeypatch.setattr(sync_module, "prepare_fold", prepared)
    monkeypatch.setattr(sync_module, "sweep", looked)
    for preset in ("quick", "standard"):
        with pytest.raises(Enough):
            av_sync(split, tmp_path, preset=preset, parts=[], progress=False)
        assert learnt == {"words": names(0, 20), "talking": names(0, 20), "folds": {0}, "tested": names(26, 32)}
    with pytest.raises(ValueError, match="bars has a split of its own, which is one fold: leave folds out"):
        av_sync(split, tmp_path, preset="standard", folds=2, progress=False)
    with pytest.raises(ValueError, match="a fold has fewer than 4 clips"):
        av_sync(split.subset(range(29)), tmp_path, progress=False)


def test_sentences_are_attacked_in_the_part_for_that(split, tmp_path, monkeypatch):
    seen = {}

    def context(learn, attacked, *_):
        seen.update(learn=learn.paths, attacked=attacked.paths)
        raise Enough

    monkeypatch.setattr(sentences_module, "_context", context)
    with pytest.raises(Enough):
        av_sentences(split, tmp_path, clips=6, progress=False)
    assert seen == {"learn": names(0, 20), "attacked": names(26, 32)}


def test_clips_without_a_split_are_dealt_out_as_before(talking_bars):
    learn, judge = load_and_hold_out(talking_bars, "word", 0)
    assert not set(learn.paths) & set(judge.paths)
    assert len(learn) + len(judge) == 32
    assert np.isin([0, 1], judge.labels).all()
