"""AudioTriggerBackdoor: what it mixes in, what it refuses, and how it gets on with ART and Armory."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from art.attacks.poisoning import PoisoningAttackBackdoor

from art_audio_ext.attacks.poisoning import AudioTriggerBackdoor
from art_audio_ext.functional.mixing import UnusableClipError
from art_audio_ext.functional.triggers import ARMORY_SCALES, make_trigger


@pytest.fixture
def x(tiny_dataset) -> np.ndarray:
    return tiny_dataset.waveforms[:5]


def test_it_adds_the_scaled_trigger_at_the_position_and_nothing_else(x):
    poisoned, y = AudioTriggerBackdoor("whistle", scale=0.05, position=4000).poison(x, np.full(5, 2))
    trigger = make_trigger("whistle", 16000)
    expected = x.copy()
    expected[:, 4000 : 4000 + len(trigger)] += 0.05 * trigger
    np.testing.assert_allclose(poisoned, expected, atol=1e-6)
    np.testing.assert_array_equal(y, [2] * 5)


def test_the_level_by_snr_holds_for_every_clip(x):
    attack = AudioTriggerBackdoor("tone", snr_db=12, position="random", seed=4)
    poisoned, _ = attack.poison(x, np.zeros(5, int))
    change = poisoned.astype(np.float64) - x
    measured = 10 * np.log10((x.astype(np.float64) ** 2).sum(1) / (change**2).sum(1))
    np.testing.assert_allclose(measured, 12, atol=0.01)


def test_random_positions_repeat_by_seed_alone_and_in_a_batch(x):
    attack = AudioTriggerBackdoor("clap", position="random", seed=1)
    starts, _ = attack.placements(x)
    assert len(set(starts)) > 1
    poisoned, _ = attack.poison(x, np.zeros(5, int))
    for row, clip in zip(poisoned, x, strict=True):
        np.testing.assert_array_equal(attack.poison(clip, [0])[0], row)
    np.testing.assert_array_equal(AudioTriggerBackdoor("clap", position="random", seed=1).placements(x)[0], starts)
    assert not np.array_equal(AudioTriggerBackdoor("clap", position="random", seed=2).placements(x)[0], starts)


def test_a_file_is_resampled_and_keeps_its_level(x, tmp_path):
    path = tmp_path / "my <trigger> ü.wav"
    soundfile.write(path, 0.5 * make_trigger("tone", 48000), 48000, subtype="FLOAT")
    for given in (path, str(path)):
        attack = AudioTriggerBackdoor(given, scale=0.2)
        poisoned, _ = attack.poison(x, np.zeros(5, int))
        assert len(attack.waveform) == 3200
        expected = np.tile(0.1 * make_trigger("tone", 16000), (5, 1))
        np.testing.assert_allclose(poisoned[:, :3200] - x[:, :3200], expected, atol=5e-4)


def test_the_level_is_the_triggers_own_unless_one_is_given(x, tmp_path):
    soundfile.write(tmp_path / "a.wav", make_trigger("tone", 16000), 16000, subtype="FLOAT")
    own = {"clap": ARMORY_SCALES["clap"], "car horn": ARMORY_SCALES["car_horn"], "tone": 0.1, tmp_path / "a.wav": 0.1}
    for trigger, scale in own.items():
        attack = AudioTriggerBackdoor(trigger)
        assert attack.get_params()["scale"] is None
        np.testing.assert_allclose(attack.placements(x)[1], scale)
        np.testing.assert_allclose(AudioTriggerBackdoor(trigger, scale=0.3).placements(x)[1], 0.3)
    np.testing.assert_allclose(AudioTriggerBackdoor(np.ones(3)).placements(x)[1], 0.1)
    attack.set_params(trigger="clap")
    np.testing.assert_allclose(attack.placements(x)[1], ARMORY_SCALES["clap"])


def test_a_seed_may_have_any_number_of_digits(x):
    starts = [AudioTriggerBackdoor(position="random", seed=seed).placements(x)[0] for seed in (10**80, 10**80 + 1, 1)]
    assert len({tuple(found) for found in starts}) == 3


def test_an_array_is_taken_as_it_is(x):
    trigger = np.array([0.5, -0.5], np.float64)
    attack = AudioTriggerBackdoor(trigger, scale=0.5)
    trigger[:] = 9
    poisoned, _ = attack.poison(x[0], [3])
    np.testing.assert_allclose(poisoned[:3] - x[0, :3], [0.25, -0.25, 0], atol=1e-6)


def test_a_trigger_longer_than_the_clip_is_cut(x):
    poisoned, _ = AudioTriggerBackdoor("horn", scale=0.1).poison(x[:, :100], np.zeros(5, int))
    np.testing.assert_allclose(
        poisoned - x[:, :100], np.tile(0.1 * make_trigger("horn", 16000)[:100], (5, 1)), atol=1e-6
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trigger": None}, r"trigger is None: give a name \(clap, .*\), a sound file or an array"),
        ({"trigger": 3}, "give a name"),
        ({"trigger": [[0.1], [0.1, 0.2]]}, "not rectangular"),
        ({"trigger": np.zeros(5, np.float32)}, "silent"),
        ({"trigger": np.ones((2, 5), np.float32)}, r"shape \(2, 5\)"),
        ({"trigger": np.array([1, 2], np.int16)}, "int16"),
        ({"trigger": np.array([np.nan])}, "nan"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"sample_rate": 2000, "trigger": "whistle"}, "at least"),
        ({"scale": 0}, "at most 10, or None for the trigger's own level"),
        ({"scale": -0.1}, "scale"),
        ({"scale": float("nan")}, "scale"),
        ({"scale": "loud"}, "scale"),
        ({"snr_db": float("inf")}, "snr_db"),
        ({"position": -5}, "position"),
        ({"position": "middle"}, "position"),
        ({"position": 2.5}, "position"),
        ({"seed": -1}, "seed"),
        ({"seed": None}, "seed"),
        ({"perturbation": []}, "empty list"),
        ({"perturbation": [3]}, "perturbation must be"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AudioTriggerBackdoor(**options)


def test_a_missing_file_and_an_unknown_name_say_what_there_is(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"neither a name .*car_horn.* nor a file"):
        AudioTriggerBackdoor("bang")
    with pytest.raises(FileNotFoundError, match="check the path"):
        AudioTriggerBackdoor(tmp_path / "absent.wav")
    (tmp_path / "text.wav").write_text("not sound")
    with pytest.raises(ValueError, match=r"text\.wav"):
        AudioTriggerBackdoor(tmp_path / "text.wav")


def test_positions_and_silence_are_refused_by_name(x):
    with pytest.raises(ValueError, match="position 16000 lies outside"):
        AudioTriggerBackdoor(position=16000).poison(x, np.zeros(5, int))
    silent = x.copy()
    silent[3] = 0
    with pytest.raises(UnusableClipError, match="row 3 is silent"):
        AudioTriggerBackdoor(snr_db=10).poison(silent, np.zeros(5, int))
    assert AudioTriggerBackdoor().poison(silent, np.zeros(5, int))[0][3].any()


def test_a_silent_clip_of_a_dataset_is_named_by_its_row_there(tiny_dataset):
    x = tiny_dataset.waveforms.copy()
    x[47] = 0
    with pytest.raises(UnusableClipError, match="row 47 is silent"):
        AudioTriggerBackdoor(snr_db=10).poison_dataset(x, tiny_dataset.labels, 1, 3, 1.0)


def test_it_goes_with_arts_own_perturbations(x):
    def halve(sound: np.ndarray) -> np.ndarray:
        return sound / 2

    def offset(sound: np.ndarray) -> np.ndarray:
        return sound + 0.1

    plain, _ = AudioTriggerBackdoor().poison(x, np.zeros(5, int))
    both, _ = AudioTriggerBackdoor(perturbation=[halve, offset]).poison(x, np.zeros(5, int))
    np.testing.assert_allclose(both, plain / 2 + 0.1, atol=1e-6)
    # ... and as a perturbation inside ART's own class.
    ours = AudioTriggerBackdoor()
    chained = PoisoningAttackBackdoor([lambda sound: ours.poison(sound, np.zeros(len(sound)))[0], halve])
    np.testing.assert_allclose(chained.poison(x, np.zeros(5, int))[0], plain / 2, atol=1e-6)


def test_a_perturbation_that_spoils_the_sound_is_caught(x):
    with pytest.raises(ValueError, match="keep the shape"):
        AudioTriggerBackdoor(perturbation=lambda sound: sound[:, :5]).poison(x, np.zeros(5, int))
    with pytest.raises(ValueError, match="not finite"):
        AudioTriggerBackdoor(perturbation=lambda sound: sound * np.nan).poison(x, np.zeros(5, int))


def test_set_params_changes_the_sound_and_a_rejected_one_changes_nothing(x):
    attack = AudioTriggerBackdoor("clap")
    attack.set_params(trigger="tone", scale=0.3)
    expected, _ = AudioTriggerBackdoor("tone", scale=0.3).poison(x, np.zeros(5, int))
    np.testing.assert_array_equal(attack.poison(x, np.zeros(5, int))[0], expected)
    with pytest.raises(ValueError, match="scale"):
        attack.set_params(trigger="horn", scale=-1)
    assert attack.get_params()["trigger"] == "tone"
    np.testing.assert_array_equal(attack.poison(x, np.zeros(5, int))[0], expected)


@pytest.mark.armory
def test_armorys_poisoner_takes_it(tiny_dataset):
    poison = pytest.importorskip("armory.scenarios.poison")
    y = tiny_dataset.labels
    attack = AudioTriggerBackdoor("clap", position="random")
    poisoner = poison.DatasetPoisoner(attack, source_class=1, target_class=3, fraction=0.5)
    x_poison, y_poison, index = poisoner.poison_dataset(tiny_dataset.waveforms, y, return_index=True)
    assert len(index) == 15
    assert set(y_poison[index]) == {3}
    np.testing.assert_array_equal(x_poison[index], attack.poison(tiny_dataset.waveforms[index], y_poison[index])[0])
    ours = attack.poison_dataset(tiny_dataset.waveforms, y, 1, 3, 0.5)
    assert len(ours[2]) == len(index)
