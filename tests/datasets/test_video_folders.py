"""LRW's layout and folders of video with what is said beside them, from tiny copies made on the spot."""

from __future__ import annotations

import pytest

from art_audio_ext.datasets.audiovisual import load_audiovisual
from art_audio_ext.experiments.held_out_clips import check_sentences


def load(spec, **options):
    return load_audiovisual(str(spec), progress=False, **options)


def test_lrw(tmp_path, film):
    for part in ("train", "val", "test"):
        film(tmp_path / "ABOUT" / part / "ABOUT_00001.mkv", 29, size=(256, 256))
    film(tmp_path / "ZEBRA" / "train" / "ZEBRA_00001.mkv", 29, size=(256, 256))
    film(tmp_path / "ZEBRA" / "train" / "ZEBRA_00002.mkv", 29)
    film(tmp_path / "stray.mkv", 29)
    words = load(f"lrw:{tmp_path}")
    assert words.video.shape == (4, 29, 96, 96)
    assert words.audio.shape == (4, 18560)
    assert words.partition == ("test", "train", "val", "train")
    assert words.label_names == ("ABOUT", "ZEBRA")
    assert words.labels.tolist() == [0, 0, 0, 1]
    assert words.paths[0] == "ABOUT/test/ABOUT_00001.mkv"
    assert words.sentences[0] == "about"
    reasons = dict(words.skipped)
    assert "does not lie in WORD/train" in reasons["stray.mkv"]
    assert "does not lie in its 32 x 48 pictures" in reasons["ZEBRA/train/ZEBRA_00002.mkv"]
    with pytest.raises(ValueError, match="words only"):
        load(f"lrw:{tmp_path}", clips="sentence")


def test_a_folder_of_videos(tmp_path, film):
    film(tmp_path / "yes" / "a.mkv")
    film(tmp_path / "no" / "more" / "b.mkv", 30)
    film(tmp_path / "c.mkv")
    film(tmp_path / ".hidden" / "d.mkv")
    clips = load(tmp_path, frames=20, size=16)
    assert clips.paths == ("no/more/b.mkv", "yes/a.mkv")
    assert clips.labels.tolist() == [0, 1]
    assert clips.label_names == ("no", "yes")
    assert (clips.video[:, 0, 0, 0] - 1).tolist() == [5, 28]  # the middle
    assert dict(clips.skipped).keys() == {"c.mkv"}
    assert len(load(tmp_path, clips="sentence")) == 1


def test_what_is_said_in_a_folder_of_videos_stands_beside_them(tmp_path, film):
    for name, text in (
        ("no/a", "\ufeffIt's red,\nisn't it?\n"),
        ("no/b", None),
        ("yes/c", " \n"),
        ("yes/d", b"\xff\xfe"),
    ):
        film(tmp_path / f"{name}.mkv")
        if text is not None:
            (tmp_path / f"{name}.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    clips = load(tmp_path, clips="sentence")
    assert dict(zip(clips.paths, clips.sentences, strict=True)) == {
        "no/a.mkv": "it's red isn't it",
        "no/b.mkv": "",
        "yes/c.mkv": "",
    }
    assert "its transcript d.txt cannot be read" in dict(clips.skipped)["yes/d.mkv"]
    assert set(load(tmp_path).sentences) == {""}  # of a word clip the label is what is said
    with pytest.raises(ValueError, match=r"2 of 3 clips have no sentence, the first is no/b.mkv: .* into no/b.txt "):
        check_sentences(clips)
    check_sentences(clips.subset([0]))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path, film):
    film(tmp_path / "in" / "yes" / "a.mkv", 30)
    film(tmp_path / "b.mkv", 30)
    (tmp_path / "in" / "yes" / "b.mkv").symlink_to(tmp_path / "b.mkv")
    clips = load(tmp_path / "in")
    assert clips.paths == ("yes/a.mkv",)
    assert "leaves the folder" in clips.skipped[0][1]
