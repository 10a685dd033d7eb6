"""Attacks on rows: boxes of each modality, agreement with ART, and what an attack gains that knows the detector."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_audio_ext.attacks.evasion import AudioVisualPGD
from art_audio_ext.attacks.evasion.audiovisual import TABLE_1, AttackStrength, basic_iterative, fast_gradient
from art_audio_ext.defences.detector.evasion import AudioVisualSyncDetector
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.networks.audiovisual_recogniser import AudioVisualRecogniser
from art_audio_ext.networks.audiovisual_row import RowModel
from art_audio_ext.training.runs import seeded
from art_audio_ext.training.sync_model import SyncModel
from art_audio_ext.training.syncnet_settings import SyncNetSettings

LAYOUT = AudioVisualLayout(frames=2, size=6, samples=64)
SOUND, PICTURES = slice(0, 64), slice(64, None)


class Linear(nn.Module):
    """Three classes by fixed directions in both modalities."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        self.sound = nn.Parameter(torch.randn(64, 3, generator=draw))
        self.pictures = nn.Parameter(torch.randn(72, 3, generator=draw))

    def forward(self, audio, video):
        return audio @ self.sound + video.flatten(1) @ self.pictures


SLOPE = torch.randn(LAYOUT.length, generator=torch.Generator().manual_seed(1))


def detector(rows: torch.Tensor) -> torch.Tensor:
    return rows @ SLOPE


@pytest.fixture
def victim() -> PyTorchClassifier:
    return PyTorchClassifier(
        RowModel(Linear(), LAYOUT),
        nn.CrossEntropyLoss(),
        (LAYOUT.length,),
        3,
        clip_values=LAYOUT.clip_values(),
        device_type="cpu",
    )


@pytest.fixture
def x() -> np.ndarray:
    rng = np.random.default_rng(0)
    audio, video = rng.uniform(-0.1, 0.1, (8, 64)).astype(np.float32), rng.uniform(0.3, 0.7, (8, 2, 6, 6))
    return LAYOUT.pack(audio, video)


def attack(victim, **options) -> AudioVisualPGD:
    return AudioVisualPGD(victim, layout=LAYOUT, verbose=False, **options)


def test_the_papers_strengths():
    assert [AttackStrength(512, eps).iterations for eps in (4, 8, 16)] == [5, 10, 20]
    assert AttackStrength(512, 0).iterations == 10
    assert len(TABLE_1) == 9
    assert (TABLE_1[0].audio, TABLE_1[0].video) == (1024, 16)
    eps = AttackStrength(256, 4).eps(LAYOUT)
    assert eps[0] == pytest.approx(256 / 32768)
    assert eps[-1] == pytest.approx(4 / 255)
    for bad, message in (
        ({"audio": -1}, "audio"),
        ({"audio": 0, "video": 0}, "both 0"),
        ({"video_step": 0}, "video_step"),
    ):
        with pytest.raises(ValueError, match=message):
            AttackStrength(**bad)


@pytest.mark.parametrize("build", [fast_gradient, basic_iterative])
def test_each_modality_has_its_box_and_may_be_left_alone(victim, x, build):
    labels = victim.predict(x).argmax(1)
    far = build(victim, LAYOUT, AttackStrength(512, 8)).generate(x, labels) - x
    assert np.abs(far[:, SOUND]).max() == pytest.approx(512 / 32768, rel=1e-3)
    assert np.abs(far[:, PICTURES]).max() == pytest.approx(8 / 255, rel=1e-3)
    sound = build(victim, LAYOUT, AttackStrength(512, 0)).generate(x, labels) - x
    np.testing.assert_array_equal(sound[:, PICTURES], 0)
    assert np.abs(sound[:, SOUND]).min() > 0
    pictures = build(victim, LAYOUT, AttackStrength(0, 8)).generate(x, labels) - x
    np.testing.assert_array_equal(pictures[:, SOUND], 0)
    with pytest.raises(ValueError, match="layout of its model"):
        build(victim, AudioVisualLayout(1, 2, 3), AttackStrength())


def test_without_a_detector_it_is_arts_basic_iterative_method(victim, x):
    labels = victim.predict(x).argmax(1)
    expected = basic_iterative(victim, LAYOUT, AttackStrength(512, 8)).generate(x, labels)
    ours = attack(victim, keep_best=False).generate(x, labels)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    assert (np.abs(ours - x) <= LAYOUT.vector(512 / 32768, 8 / 255) + 1e-6).all()
    started = attack(victim, random_start=True, max_iter=1, keep_best=False)
    assert (started.generate(x, labels) != ours).any()
    assert started.generate(x, labels).tobytes() == started.generate(x, labels).tobytes()


def test_one_that_knows_the_detector_contents_it_at_some_cost(victim, x):
    labels = victim.predict(x).argmax(1)
    wide = {"eps_audio": 0.1, "eps_video": 0.1, "step_audio": 0.02, "step_video": 0.02}
    known = {"confidence": detector, "weight": 0.3}
    plain, knowing = (attack(victim, loss="margin", **wide, **more) for more in ({}, known))
    trust = [detector(torch.from_numpy(a.generate(x, labels))).numpy() for a in (plain, knowing)]
    assert plain.succeeded.all()
    assert plain.confidences is None
    assert knowing.succeeded.all()
    assert (trust[1] > trust[0]).all()
    np.testing.assert_allclose(knowing.confidences, trust[1], rtol=1e-5)
    only = attack(victim, confidence=detector, weight=1e6, keep_best=False, eps_audio=0.001, eps_video=0.001)
    np.testing.assert_allclose(only.generate(x, labels) - x, np.tile(0.001 * np.sign(SLOPE), (8, 1)), atol=1e-6)
    unheard = attack(victim, loss="margin", **wide, confidence=detector, weight=0)
    np.testing.assert_array_equal(unheard.generate(x, labels), plain.generate(x, labels))


def test_selective_climbs_one_after_the_other_and_needs_no_weight(victim, x):
    labels = victim.predict(x).argmax(1)
    wide = {"eps_audio": 0.1, "eps_video": 0.1, "step_audio": 0.01, "step_video": 0.01, "max_iter": 20}
    knowing, plain = attack(victim, mix="selective", confidence=detector, **wide), attack(victim, **wide)
    knowing.generate(x, labels)
    assert knowing.succeeded.all()
    unknowing = detector(torch.from_numpy(plain.generate(x, labels))).numpy()
    assert (knowing.confidences > unknowing).all()
    sure = attack(victim, confidence=detector, **wide)  # the cross-entropy of a sure recogniser has no slope
    sure.generate(x, labels)
    assert not sure.succeeded.any()
    options = {"mix": "selective", "confidence": detector, "loss": "margin", "max_iter": 1, "keep_best": False}
    wrong_already = attack(victim, **options).generate(x, (labels + 1) % 3)
    step = np.sign(SLOPE.numpy()) * LAYOUT.vector(64 / 32768, 1 / 255)
    np.testing.assert_allclose(wrong_already - x, np.tile(step, (8, 1)), atol=1e-6)
    with pytest.raises(ValueError, match="mix"):
        attack(victim, mix="both")


def test_a_confidence_may_be_aimed_at(victim, x):
    labels, before = victim.predict(x).argmax(1), detector(torch.from_numpy(x)).numpy()
    wide = {"eps_audio": 0.1, "eps_video": 0.1, "step_audio": 0.004, "step_video": 0.004, "max_iter": 40}
    own = attack(victim, confidence=detector, mix="selective", confidence_goal="own", **wide)
    own.generate(x, labels)
    assert own.succeeded.all()
    highest = attack(victim, confidence=detector, mix="selective", **wide)
    highest.generate(x, labels)
    assert np.abs(own.confidences - before).max() < 0.3 < np.abs(highest.confidences - before).mean()
    aimed = attack(victim, confidence=detector, mix="selective", confidence_goal=float(before.mean()), **wide)
    aimed.generate(x, labels)
    assert np.median(np.abs(aimed.confidences - before.mean())) < 0.2


def test_every_draw_of_the_detector_has_a_seed_of_its_own_and_gradients_are_their_mean(victim, x):
    seen: list[int] = []

    def random(rows, generator):
        seed = generator.initial_seed()
        seen.append(seed)
        return rows[:, seed % 2 :: 2].sum(1)

    options = {"confidence": random, "weight": 1e6, "max_iter": 1, "keep_best": False, "eot_samples": 8}
    labels = victim.predict(x).argmax(1)
    first = attack(victim, **options).generate(x, labels)
    assert len(set(seen)) == 16  # of the step, and of the result
    assert len({s % 2 for s in seen[:8]}) == 2
    assert (first > x).all()  # half of the draws do not feel a value, yet it moves
    before = seen.copy()
    seen.clear()
    assert attack(victim, **options).generate(x, labels).tobytes() == first.tobytes()
    assert seen == before
    seen.clear()
    attack(victim, seed=1, **options).generate(x, labels)
    assert not set(seen) & set(before)


def test_the_best_point_of_the_way_is_kept(victim, x):
    """A detector whose wish is so strong that the last point no longer fools the recogniser."""
    labels = victim.predict(x).argmax(1)
    calls: list[int] = []

    def homesick(rows):
        calls.append(len(rows))
        return -(rows - torch.from_numpy(x)).square().sum(1) * (0 if len(calls) <= 6 else 1e6)

    wide = {"eps_audio": 0.1, "eps_video": 0.1, "step_audio": 0.02, "step_video": 0.02, "max_iter": 12}
    options = {"confidence": homesick, "weight": 1.0, **wide}
    kept, last = attack(victim, **options), attack(victim, keep_best=False, **options)
    kept.generate(x, labels)
    calls.clear()
    last.generate(x, labels)
    assert kept.succeeded.all()
    assert not last.succeeded.any()


def test_a_target_is_reached(victim, x):
    target = (victim.predict(x).argmax(1) + 1) % 3
    wide = {"eps_audio": 0.3, "eps_video": 0.3, "step_audio": 0.05, "step_video": 0.05}
    aimed = attack(victim, targeted=True, confidence=detector, weight=0.05, **wide)
    found = aimed.generate(x, target)
    assert aimed.succeeded.all()
    np.testing.assert_array_equal(victim.predict(found).argmax(1), target)


def test_unusable_options(victim):
    for bad, message in (
        ({"eps_audio": 0, "eps_video": 0}, "both 0"),
        ({"confidence": 3}, "confidence"),
        ({"weight": -1}, "weight"),
        ({"loss": "mean"}, "loss"),
        ({"keep_best": 1}, "keep_best"),
    ):
        with pytest.raises(ValueError, match=message):
            attack(victim, **bad)
    with pytest.raises(ValueError, match="layout"):
        AudioVisualPGD(victim, layout=AudioVisualLayout(1, 2, 3))


def test_a_real_detector_with_random_views_is_climbed_under_gradients_of_its_own():
    """Untrained networks; the clips are wrong already, so that the detector alone is felt."""
    layout = AudioVisualLayout.of_frames(12, 20)
    settings = SyncNetSettings(size=16)
    detector = AudioVisualSyncDetector(
        SyncModel(seeded(settings.build, 0), settings, layout), window_share=0.7, jitter=1, sample_shift=99
    )
    rng = np.random.default_rng(0)
    audio, video = rng.uniform(-0.1, 0.1, (2, layout.samples)).astype(np.float32), rng.random((2, 12, 20, 20))
    x = layout.pack(audio, video)
    sizes = {"crop": 16, "width": 4, "audio_width": 4, "hidden": 6}
    network = RowModel(seeded(lambda: AudioVisualRecogniser(3, **sizes), 0), layout)
    victim = PyTorchClassifier(
        network, nn.CrossEntropyLoss(), (layout.length,), 3, clip_values=layout.clip_values(), device_type="cpu"
    )
    options = {"layout": layout, "confidence": detector.confidence_of, "eot_samples": 2, "max_iter": 4}
    knowing = AudioVisualPGD(victim, mix="selective", verbose=False, **options)
    wrong = (victim.predict(x).argmax(1) + 1) % 3
    found = knowing.generate(x, wrong)
    assert (detector.confidence(found) > detector.confidence(x)).all()
    assert found.tobytes() == knowing.generate(x, wrong).tobytes()
