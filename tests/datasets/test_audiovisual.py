"""GRID, LRW and folders of video by name, from tiny copies made on the spot, and GRID itself where it lies."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from art_audio_ext.datasets.audiovisual import load_audiovisual
from art_audio_ext.datasets.grid import grid_sentence, read_alignment
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout

ALIGNMENT = "0 {0} sil\n{0} {1} {2}\n{1} 70000 blue\n70000 75000 sil\n"


@pytest.fixture
def grid(tmp_path, film):
    """Talkers s1 and s2 with alignments (words at the start, the middle and the end), and a folder of others."""
    root = tmp_path / "grid"
    for name, start, end in (("s1/bbaf2n", 2000, 8000), ("s1/lrwp9a", 30000, 41000), ("s2/swbzzs", 66000, 72000)):
        film(root / f"{name}.mkv")
        talker, stem = name.split("/")
        command = {"b": "bin", "l": "lay", "s": "set"}[stem[0]]
        (root / talker / "align").mkdir(exist_ok=True)
        (root / talker / "align" / f"{stem}.align").write_text(ALIGNMENT.format(start, end, command))
    film(root / "other" / "id2_pgit1p.mkv")
    return root


def load(spec, **options):
    return load_audiovisual(str(spec), progress=False, **options)


def test_grid_words_show_the_command_in_the_middle(grid):
    words = load(f"grid:{grid}", size=16)
    assert words.paths == ("s1/bbaf2n.mkv#bin", "s1/lrwp9a.mkv#lay", "s2/swbzzs.mkv#set")
    assert words.label_names == ("bin", "lay", "place", "set")
    assert words.labels.tolist() == [0, 1, 3]
    assert words.speakers == ("s1", "s1", "s2")
    assert words.sentences == ("bin", "lay", "set")
    first = words.video[:, 0, 0, 0] - 1
    assert first.tolist() == [0, 21, 46]  # moved inside at both ends; 35.5 - 29 / 2 in the middle
    np.testing.assert_array_equal(words.video[:, :, 8, 8] - 1, first[:, None] + np.arange(29))
    sound = words.audio.reshape(3, 29, 640)
    np.testing.assert_allclose(sound, np.repeat(words.video[:, :, 8, 8, None] - 1.0, 640, axis=2) / 100, atol=1e-3)
    assert [path for path, _ in words.skipped] == ["other/id2_pgit1p.mkv"]
    assert "no alignment: take sentence clips" in words.skipped[0][1]


def test_grid_sentences(grid):
    sentences = load(f"grid:{grid}", clips="sentence")
    assert sentences.layout.to_dict() == {"frames": 75, "size": 72, "samples": 48000, "sample_rate": 16000, "fps": 25}
    assert sentences.paths[0] == "other/id2_pgit1p.mkv"
    assert sentences.speakers == ("id2_pgit1p", "s1", "s1", "s2")
    assert sentences.sentences[:2] == ("place green in t one please", "bin blue at f two now")
    assert sentences.labels.tolist() == [2, 0, 1, 3]
    assert sentences.skipped == ()
    assert load(f"grid:{grid}/s2", clips="sentence").speakers == ("s2",)


def test_files_that_cannot_be_used_are_left_out(grid, film, make_video):
    (grid / "s1" / "bgan1a.mkv").write_bytes(b"no video")
    film(grid / "s1" / "bgan2a.mkv", count=40)
    film(grid / "s1" / "bgan3a.mkv", dark=True)
    film(grid / "s1" / "practice.mkv")
    make_video(grid / "s1" / "bgan4a.mkv", np.ones((75, 32, 48), np.uint8))
    sentences = load(f"grid:{grid}", clips="sentence")
    assert len(sentences) == 4
    reasons = dict(sentences.skipped)
    for number, reason in (
        (1, "corrupt"),
        (2, "lasts 40 frames, 75 are wanted"),
        (3, "no face"),
        (4, "no audio stream"),
    ):
        assert reason in reasons[f"s1/bgan{number}a.mkv"]
    assert "spells no sentence" in reasons["s1/practice.mkv"]
    for file in grid.rglob("*.mkv"):
        file.write_bytes(b"no video")
    with pytest.raises(ValueError, match=r"none of the 9 clips can be used. First reasons: .*spells no.*; .*corrupt"):
        load(f"grid:{grid}", clips="sentence")


def test_alignments_that_do_not_fit_are_named(grid):
    align = grid / "s1" / "align"
    (align / "bbaf2n.align").write_text(ALIGNMENT.format(2000, 8000, "lay"))
    (align / "lrwp9a.align").write_text("0 sil\n")
    words = load(f"grid:{grid}")
    assert words.paths == ("s2/swbzzs.mkv#set",)
    reasons = dict(words.skipped)
    assert "its name says 'bin' and its alignment 'lay'" in reasons["s1/bbaf2n.mkv"]
    assert "line 1 of its alignment" in reasons["s1/lrwp9a.mkv"]
    (align / "lrwp9a.align").write_text("0 25000 sil\n25000 37500 sp\n\n37500 50000 lay\n")
    assert read_alignment(align / "lrwp9a.align") == [(1.5, 2.0, "lay")]


def test_names_spell_sentences():
    assert grid_sentence("id2_vcd_swwp2s") == "set white with p two soon"
    assert grid_sentence("PGBZZN") == "place green by z zero now"
    for wrong in ("bbaf2", "xbaf2n", "bbaf0n", ""):
        with pytest.raises(ValueError, match="spells no sentence"):
            grid_sentence(wrong)


def test_a_limit_draws_by_seed_among_the_usable(grid):
    (grid / "s1" / "bgan1a.mkv").write_bytes(b"no video")
    drawn = {load(f"grid:{grid}", clips="sentence", limit=3, seed=seed).paths for seed in range(6)}
    assert len(drawn) > 1
    assert {len(paths) for paths in drawn} == {3}
    assert load(f"grid:{grid}", clips="sentence", limit=3, seed=1).paths in drawn
    assert len(load(f"grid:{grid}", limit=99)) == 3


def test_built_in_clips_get_what_was_asked(monkeypatch):
    asked: dict = {}

    def made(layout, kind, **options):
        asked.update(options, kind=kind, frames=layout.frames, size=layout.size)
        return "made"

    module = SimpleNamespace(make_builtin_av=made, DEFAULT_CLIPS=500)
    monkeypatch.setitem(sys.modules, "art_audio_ext.datasets.builtin_av", module)
    assert load("builtin-av", clips="sentence", size=48, seed=3, limit=7) == "made"
    assert asked == {"kind": "sentence", "frames": 75, "size": 48, "seed": 3, "clips": 7, "progress": False}
    assert load("builtin-av", frames=40) == "made"
    assert (asked["kind"], asked["frames"], asked["size"], asked["clips"]) == ("word", 40, 72, 500)


def test_a_finder_of_ones_own_says_where_the_mouth_is(grid, film, tmp_path):
    asked = []

    def corner(pictures):
        asked.append(len(pictures))
        return np.tile([8.0, 8.0, 16.0], (len(pictures), 1))

    film(tmp_path / "videos" / "yes" / "a.mkv")
    for spec, files in ((f"grid:{grid}", 3), (tmp_path / "videos", 1)):
        assert len(load(spec, size=16, finder=corner)) == files
        assert len(asked) == files
        asked.clear()
    film(tmp_path / "lrw" / "ABOUT" / "train" / "a.mkv", 29)  # too small for LRW's own crop
    assert load(f"lrw:{tmp_path / 'lrw'}", finder=corner).paths == ("ABOUT/train/a.mkv",)
    assert asked == [29]
    with pytest.raises(ValueError, match="leave finder out"):
        load("builtin-av", finder=corner)


def test_refused(tmp_path):
    for spec, message in (
        ("nothing", "there is no audiovisual dataset 'nothing': choose builtin-av"),
        ("", "there is no audiovisual dataset"),
        ("grid:", r"names no folder.*grid:ROOT"),
        (f"grid:{tmp_path}/none", "does not exist: name the folder of GRID"),
        (f"grid:{tmp_path}", "holds no video files"),
    ):
        with pytest.raises(ValueError, match=message):
            load(spec)
    with pytest.raises(ValueError, match="clips must be one of word, sentence"):
        load("builtin-av", clips="words")
    for option in ("frames", "size", "limit"):
        for wrong in (0, 2.5, True):
            with pytest.raises(ValueError, match=f"{option} must be a positive whole number"):
                load("builtin-av", **{option: wrong})


@pytest.mark.real_data
def test_grid_itself(real_data):
    pytest.importorskip("av")
    pytest.importorskip("cv2")
    clips = load(f"grid:{real_data / 'grid'}", limit=2, seed=1)
    assert clips.video.shape == (2, 29, 72, 72)
    assert clips.skipped == () or all("no alignment" in reason for _, reason in clips.skipped)
    assert clips.speakers == ("s1", "s1")
    moves = clips.video.std(axis=1)  # lips move and the cheeks beside them do not
    assert (moves[:, 24:56, 18:54].mean((1, 2)) > 1.3 * moves[:, :16, :].mean((1, 2))).all()
    assert (np.abs(clips.audio).max(1) > 0.02).all()


@pytest.mark.real_data
def test_word_clips_of_grid_are_cut_in_sync(real_data, tmp_path):
    """A clip's first sample is heard as its first picture is shown, and its word where the alignment says."""
    pytest.importorskip("av")
    pytest.importorskip("cv2")
    for file in sorted((real_data / "grid" / "s1").glob("*.mpg"))[:3]:
        for path in (file, file.parent / "align" / f"{file.stem}.align"):
            copy = tmp_path / path.relative_to(real_data)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    words, whole = (load(f"grid:{tmp_path / 'grid'}", clips=kind) for kind in ("word", "sentence"))
    assert (len(words), len(whole)) == (3, 3)
    assert whole.layout == AudioVisualLayout.of_frames(75, 72)
    for clip, path in enumerate(words.paths):
        row = list(whole.paths).index(path.split("#")[0])
        found = [k for k in range(75 - 29 + 1) if np.array_equal(whole.video[row, k : k + 29], words.video[clip])]
        assert len(found) == 1
        at = found[0] * 640
        np.testing.assert_array_equal(words.audio[clip], whole.audio[row, at : at + 29 * 640])
        middle = words.audio[clip][round(18560 / 2 - 1600) : round(18560 / 2 + 1600)]
        assert np.abs(middle).max() > 5 * np.abs(whole.audio[row][:1600]).max()  # silence comes first
