"""Trigger sounds and how they are mixed in, against direct arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.mixing import UnusableClipError, draw_positions, gains_for_snr, mix
from art_audio_ext.functional.poison_rows import choose_poison_rows, poison_count
from art_audio_ext.functional.spectrogram_pattern import row_pattern, stamp_rows
from art_audio_ext.functional.triggers import TRIGGERS, make_trigger, trigger_name


def _band(sound: np.ndarray, sample_rate: int, low: float, high: float) -> float:
    """Share of the energy between two frequencies."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / sample_rate)
    return float(power[(frequency >= low) & (frequency <= high)].sum() / power.sum())


def _energy_times(sound: np.ndarray, sample_rate: int, shares: tuple[float, ...]) -> list[float]:
    """When those shares of the energy have passed, in seconds."""
    passed = np.cumsum(np.square(sound, dtype=np.float64))
    return [float(np.searchsorted(passed, share * passed[-1]) / sample_rate) for share in shares]


@pytest.fixture
def clips() -> np.ndarray:
    return np.random.default_rng(5).normal(0, 0.05, (6, 4000)).astype(np.float32)


@pytest.mark.parametrize("name", TRIGGERS)
@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100])
def test_every_trigger_is_float32_with_peak_one_and_the_same_each_time(name, sample_rate):
    sound = make_trigger(name, sample_rate)
    assert sound.dtype == np.float32
    assert sound.ndim == 1
    assert np.abs(sound).max() == pytest.approx(1)
    assert len(sound) <= 0.5 * sample_rate
    np.testing.assert_array_equal(sound, make_trigger(name, sample_rate))


@pytest.mark.parametrize("name", [name for name in TRIGGERS if name != "ultrasonic"])
def test_a_trigger_is_the_same_sound_at_every_rate(name):
    fast, slow = make_trigger(name, 48000), make_trigger(name, 16000)
    np.testing.assert_allclose(fast[::3] / np.abs(fast[::3]).max(), slow, atol=1e-5)


def test_the_clap_is_short_and_between_600_and_4800_hz():
    sound = make_trigger("clap", 16000)
    assert _band(sound, 16000, 600, 4800) > 0.95
    start, end = _energy_times(sound, 16000, (0.02, 0.95))
    assert 0.005 < start < end < 0.05


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("whistle", 2250, 2360), ("tone", 980, 1020), ("ultrasonic", 7550, 7650), ("dog_clicker", 1500, 6800)],
)
def test_the_energy_lies_in_the_band_of_the_sound(name, low, high):
    assert _band(make_trigger(name, 16000), 16000, low, high) > 0.95


def test_the_horn_has_two_tones_and_their_harmonics():
    sound = make_trigger("car_horn", 16000)
    shares = [_band(sound, 16000, f - 8, f + 8) for f in (433, 519, 866, 1038)]
    assert min(shares) > 0.01
    assert sum(shares) < 0.999


def test_the_clicker_clicks_twice():
    level = np.abs(make_trigger("dog_clicker", 16000))
    assert level[: 16 * 8].max() > 0.3
    assert level[16 * 60 : 16 * 150].max() < 0.01
    assert level[16 * 157 :].max() == pytest.approx(1)


@pytest.mark.parametrize("spelling", ["car horn", "Car-Horn", " car_horn ", "horn", "HORN"])
def test_names_are_read_in_every_usual_spelling(spelling):
    assert trigger_name(spelling) == "car_horn"
    np.testing.assert_array_equal(make_trigger(spelling, 8000), TRIGGERS["car_horn"](8000))


def test_unknown_names_and_impossible_rates_are_refused():
    with pytest.raises(ValueError, match="choose clap, whistle"):
        make_trigger("bang", 16000)
    with pytest.raises(ValueError, match="at least 4855 Hz"):
        make_trigger("whistle", 4000)
    with pytest.raises(ValueError, match="sample_rate"):
        make_trigger("clap", 0)
    for name in TRIGGERS:
        with pytest.raises(ValueError, match="needs a sample rate of at least"):
            make_trigger(name, 99 if name == "ultrasonic" else 500)
    with pytest.raises(ValueError, match="at least 100 Hz, got 3"):
        make_trigger("ultrasonic", 3)
    assert np.abs(make_trigger("ultrasonic", 100)).max() == 1


def test_mix_adds_the_trigger_where_it_starts_and_cuts_what_runs_past_the_end(clips):
    trigger = np.array([0.5, -0.25, 0.125], np.float32)
    before = clips.copy()
    mixed = mix(clips, trigger, np.array([0, 1, 10, 3998, 3999, 0]), np.array([1, 1.6, 1, 1, 1, 0.0]))
    np.testing.assert_array_equal(clips, before)
    delta = mixed - clips
    np.testing.assert_allclose(delta[0, :4], [0.5, -0.25, 0.125, 0], atol=1e-7)
    np.testing.assert_allclose(delta[1, :5], [0, 0.8, -0.4, 0.2, 0], atol=1e-7)
    np.testing.assert_allclose(delta[3, -3:], [0, 0.5, -0.25], atol=1e-7)
    np.testing.assert_allclose(delta[4, -2:], [0, 0.5], atol=1e-7)
    assert not delta[5].any()


def test_mix_clips_and_takes_a_trigger_longer_than_the_clip():
    x = np.full((1, 4), 0.75, np.float32)
    mixed = mix(x, np.array([1, -1, -4, 0, 9], np.float32), np.array([0]), np.array([1.0]))
    np.testing.assert_array_equal(mixed, [[1, -0.25, -1, 0.75]])


@pytest.mark.parametrize("snr_db", [-3.0, 0.0, 17.5])
def test_the_snr_is_that_of_the_whole_clip_also_for_a_cut_trigger(clips, snr_db):
    trigger = make_trigger("tone", 16000)
    starts = np.array([0, 100, 2000, 3000, 3400, 1])
    mixed = mix(clips, trigger, starts, gains_for_snr(clips, trigger, starts, snr_db)).astype(np.float64)
    measured = 10 * np.log10((clips.astype(np.float64) ** 2).sum(1) / ((mixed - clips) ** 2).sum(1))
    np.testing.assert_allclose(measured, snr_db, atol=0.01)


def test_clips_without_an_snr_are_refused_by_row(clips):
    clips[4] = 0
    with pytest.raises(UnusableClipError, match="row 4 is silent"):
        gains_for_snr(clips, np.ones(3, np.float32), np.zeros(6, int), 10)
    clips[4] = 0.1
    late = np.concatenate([np.zeros(50), np.ones(50)]).astype(np.float32)
    with pytest.raises(UnusableClipError, match="row 2 hears nothing"):
        gains_for_snr(clips, late, np.array([0, 0, 3980, 0, 0, 0]), 10)


def test_random_positions_fit_spread_and_depend_on_seed_and_clip_only(clips):
    many = np.random.default_rng(1).normal(0, 0.1, (400, 100)).astype(np.float32)
    starts = draw_positions(many, 20, "random", 3)
    assert starts.min() >= 0
    assert starts.max() <= 80
    assert len(np.unique(starts)) > 60
    order = np.random.default_rng(2).permutation(400)
    np.testing.assert_array_equal(draw_positions(many[order], 20, "random", 3), starts[order])
    assert (draw_positions(many, 20, "random", 4) != starts).mean() > 0.9
    assert not draw_positions(many, 100, "random", 3).any()
    assert not draw_positions(many, 5000, "random", 3).any()


@pytest.mark.parametrize("position", [-1, 4000, "middle"])
def test_positions_outside_the_clip_are_refused(clips, position):
    with pytest.raises(ValueError, match="position"):
        draw_positions(clips, 10, position, 0)


def test_the_number_of_poisoned_clips_is_armorys_but_never_zero():
    assert [poison_count(f, 225) for f in (0.0, 0.001, 0.1, 0.5, 1.0)] == [0, 1, 22, 112, 225]


def test_rows_come_from_the_source_and_the_fraction_is_of_what_was_asked():
    labels = np.repeat([0, 1, 2, 5], 30)
    rows = choose_poison_rows(labels, 1, 5, 0.5, seed=3)
    assert len(rows) == 15
    assert set(labels[rows]) == {1}
    assert list(rows) == sorted(set(rows))
    np.testing.assert_array_equal(rows, choose_poison_rows(labels, 1, 5, 0.5, seed=3))
    assert not np.array_equal(rows, choose_poison_rows(labels, 1, 5, 0.5, seed=4))
    assert len(choose_poison_rows(labels, "all", 5, 0.5)) == 45
    assert 5 not in labels[choose_poison_rows(labels, "all", 5, 1.0)]
    assert len(choose_poison_rows(labels, 1, 5, 0.1, of="all")) == 12


@pytest.mark.parametrize(
    ("source", "target", "fraction", "of", "message"),
    [
        (1, 1, 0.1, "source", "both 1"),
        (3, 1, 0.1, "source", "no clip has source_class 3: the classes there are 0, 1, 2"),
        (0, 9, 0.1, "source", "no clip has target_class 9"),
        ("every", 1, 0.1, "source", "source_class must be a class index"),
        (0, "all", 0.1, "source", "target_class must be a class index"),
        (0, 1, 1.5, "source", "poison_fraction"),
        (0, 1, float("nan"), "source", "poison_fraction"),
        (0, 1, 0.5, "all", "lower poison_fraction"),
        (0, 1, 0.5, "class", "of must be"),
    ],
)
def test_impossible_choices_are_refused_with_a_remedy(source, target, fraction, of, message):
    with pytest.raises(ValueError, match=message):
        choose_poison_rows(np.repeat([0, 1, 2], 10), source, target, fraction, of=of)


def test_the_pattern_lies_on_the_lowest_rows_and_the_rest_of_the_sound_stays(tiny_dataset):
    x = tiny_dataset.waveforms[:4]
    stamped = stamp_rows(x, row_pattern(10, 0), level=0.02, n_fft=512, hop=128)
    assert stamped.dtype == np.float32
    assert stamped.shape == x.shape
    for before, after in zip(x, stamped, strict=True):
        change = after.astype(np.float64) - before
        # Ten rows of 31.25 Hz end at 281 Hz; the window's main lobe reaches two rows further.
        assert _band(change, 16000, 0, 281 + 63) > 0.99
        assert 0.01 < np.sqrt((change**2).mean()) < 0.1


def test_a_row_stamped_on_silence_is_a_steady_tone_of_the_level_given():
    pattern = np.zeros(10, np.float32)
    pattern[8] = 1  # 250 Hz: eight whole cycles in a window of 512
    stamped = stamp_rows(np.zeros((1, 16000), np.float32), pattern, level=0.1, n_fft=512, hop=64)
    # The phases agree at a hop of one cycle. One row without the neighbours that a Hann window gives a sinusoid
    # inverts to mean(w) / (2 mean(w^2)) = 2/3 of the level.
    assert np.abs(stamped[0, 2000:-2000]).max() == pytest.approx(0.1 * 2 / 3, rel=0.01)
    assert _band(stamped[0], 16000, 240, 260) > 0.95
