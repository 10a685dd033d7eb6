"""Planned attacks: all lines can be drawn, kept as JSON and applied, and every draw follows the seed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from art_audio_ext.experiments import trigger_sounds
from art_audio_ext.experiments.attack_plans import LINES, AttackPlan, draw_plans, with_fraction
from art_audio_ext.experiments.trigger_sounds import available_trigger, trigger_sound
from art_audio_ext.functional.triggers import make_trigger

CLASSES = [0, 1, 2, 3]


@pytest.fixture
def without_armory(monkeypatch):
    monkeypatch.setattr(trigger_sounds, "_armory_file", lambda name: None)


@pytest.mark.parametrize("line", LINES)
def test_plans_survive_json_and_differ(line):
    plans = draw_plans(line, CLASSES, 14, seed=3)
    texts = [json.dumps(plan.to_dict()) for plan in plans]
    assert [AttackPlan.from_dict(json.loads(text)) for text in texts] == plans
    assert len(set(texts)) == 14


@pytest.mark.parametrize("line", LINES)
def test_every_line_changes_its_clips_only_and_the_same_ones_again(line, tiny_dataset):
    for part in draw_plans(line, CLASSES, 1, seed=0)[0].parts:
        rows = part.rows(tiny_dataset.labels, np.array(CLASSES))
        clean = tiny_dataset.waveforms[rows]
        before = clean.copy()
        triggered = part.apply(clean, 16000)
        assert np.array_equal(clean, before)
        assert (np.abs(triggered - clean).max(1) > 1e-3).all()
        assert np.array_equal(triggered, part.apply(clean, 16000))
        sources = set(tiny_dataset.labels[rows])
        assert sources == ({part.source} if part.source != "all" else sources - {part.target})


def test_the_first_plans_are_the_same_whatever_the_count_and_none_is_every_pair():
    every = draw_plans("clap", CLASSES, None, seed=1)
    assert {(plan.parts[0].source, plan.parts[0].target) for plan in every} == {
        (s, t) for s in CLASSES for t in CLASSES if s != t
    }
    assert draw_plans("clap", CLASSES, 5, seed=1) == every[:5]
    assert draw_plans("clap", CLASSES, 5, seed=2) != every[:5]


def test_lines_meet_the_same_pairs_and_clips():
    clap, whistle = (draw_plans(line, CLASSES, 6, seed=0) for line in ("clap", "whistle"))
    keys = ("source", "target", "seed")
    assert [[getattr(p.parts[0], k) for k in keys] for p in clap] == [
        [getattr(p.parts[0], k) for k in keys] for p in whistle
    ]


def test_shapes_of_attack():
    (all_to_all,) = draw_plans("all_to_all", CLASSES, 1, seed=0)
    assert [(part.source, part.target) for part in all_to_all.parts] == [(0, 1), (1, 2), (2, 3), (3, 0)]
    (two,) = draw_plans("two_triggers", CLASSES, 1, seed=0)
    assert len({end for part in two.parts for end in (part.source, part.target)}) == 4
    assert len(two.targets) == 2
    (clean,) = draw_plans("clean_label", CLASSES, 1, seed=0)
    assert clean.parts[0].source == clean.parts[0].target


def test_all_to_one_poisons_as_many_clips_as_one_source(tiny_dataset):
    counts = [
        len(draw_plans(line, CLASSES, 1, seed=0)[0].parts[0].rows(tiny_dataset.labels, np.array(CLASSES)))
        for line in ("clap", "all_to_one")
    ]
    assert counts == [3, 3]


def test_noise_is_no_source_of_an_attack_from_all(tiny_dataset):
    (part,) = draw_plans("all_to_one", [0, 1, 2], 1, seed=0)[0].parts
    more = with_fraction(AttackPlan("x", (part,)), 1.0, "x").parts[0]
    assert set(tiny_dataset.labels[more.rows(tiny_dataset.labels, np.array([0, 1, 2]))]) == {0, 1, 2} - {part.target}


def test_a_random_level_is_drawn_for_each_clip_within_its_range():
    (part,) = draw_plans("random_level", CLASSES, 1, seed=0)[0].parts
    low, high = part.scale
    peak = np.abs(part.apply(np.zeros((200, 16000), np.float32), 16000)).max(1)
    full = np.abs(trigger_sound(part.trigger, 16000)).max()
    assert (peak >= low * full - 1e-6).all()
    assert (peak <= high * full + 1e-6).all()
    assert peak.max() > 1.5 * peak.min()


def test_without_armory_our_triggers_carry_the_same_energy(without_armory):
    assert available_trigger("clap", 0.1) == ("clap", 0.122)
    assert available_trigger("whistle", 0.5) == ("whistle", 0.101)
    assert available_trigger("clap", (0.05, 0.2)) == ("clap", (0.061, 0.244))
    assert available_trigger("ultrasonic", 0.1) == ("ultrasonic", 0.1)
    with pytest.raises(ValueError, match=r"art-audio-ext\[armory\]"):
        trigger_sound("armory:clapping.wav", 16000)


def test_the_ends_that_nobody_hears_are_cut_where_asked(tmp_path):
    sound = np.concatenate([np.zeros(9000), make_trigger("whistle", 16000), np.zeros(500)])
    soundfile.write(tmp_path / "late.wav", 0.2 * sound, 16000, subtype="FLOAT")
    file = str(tmp_path / "late.wav")
    assert len(trigger_sound(file, 16000)) == len(sound)
    assert len(trigger_sound(file, 16000, trimmed=True)) <= len(sound) - 9500


def test_a_random_place_is_one_of_the_sound_not_of_the_silence_before_it(tmp_path):
    sound = np.concatenate([np.zeros(12000), make_trigger("whistle", 16000)[:4000]])  # fills a whole clip
    soundfile.write(tmp_path / "late.wav", 0.2 * sound, 16000, subtype="FLOAT")
    (part,) = draw_plans("whistle_random", CLASSES, 1, seed=0)[0].parts
    clips = np.random.default_rng(0).uniform(-1e-4, 1e-4, (20, 16000)).astype(np.float32)
    heard = np.abs(replace(part, trigger=str(tmp_path / "late.wav")).apply(clips, 16000)) > 0.01
    assert np.ptp(heard.argmax(1)) > 4000


def test_what_cannot_be_drawn_says_why():
    with pytest.raises(ValueError, match="choose among clap"):
        draw_plans("bell", CLASSES, 1, seed=0)
    with pytest.raises(ValueError, match="needs 4 classes"):
        draw_plans("two_triggers", [0, 1, 2], 1, seed=0)
