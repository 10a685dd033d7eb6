"""What every detector of adversarial input promises an ART and an Armory user."""

from __future__ import annotations

import inspect
import json
import pickle

import numpy as np
import pytest
from art.defences.detector.evasion import EvasionDetector

N = 24
Y = (np.arange(N) % 3 == 0).astype(int)


@pytest.fixture
def x(detector_case) -> np.ndarray:
    """Talking noise."""
    layout = detector_case.make().layout
    rng = np.random.default_rng(0)
    sound = rng.uniform(-1, 1, (N, layout.samples)) * rng.uniform(0, 0.5, (N, 1))
    pictures = rng.integers(0, 256, (N, layout.frames, layout.size, layout.size), dtype=np.uint8)
    return layout.pack(sound.astype(np.float32), pictures)


def verdicts(detector, x, **options) -> tuple[dict, list[bool]]:
    """All that it says, after it has learnt from the clips."""
    detector.fit(x, Y)
    report, flagged = detector.detect(x, **options)
    return report, flagged.tolist()


def test_it_is_arts_kind_of_detector(detector_case):
    assert isinstance(detector_case.make(), EvasionDetector)


def test_its_parameters_are_those_of_its_constructor_and_go_both_ways(detector_case, x):
    detector = detector_case.make()
    given = set(inspect.signature(type(detector)).parameters)
    assert set(detector.get_params()) == set(type(detector).defence_params) == given
    expected = verdicts(detector, x)
    other = type(detector)(detector.get_params()["models"])
    other.set_params(**detector.get_params())
    report, flagged = other.detect(x)  # what was learnt is a parameter, too
    assert (report, flagged.tolist()) == expected


def test_options_also_work_through_fit_and_detect(detector_case, x):
    expected = verdicts(detector_case.make(), x)
    plain = detector_case.cls(detector_case.options["models"])
    plain.fit(x, Y, **{k: v for k, v in detector_case.options.items() if k != "models"})
    report, flagged = plain.detect(x)
    assert (report, flagged.tolist()) == expected


def test_wrong_parameters_are_refused_and_change_nothing(detector_case, x):
    detector = detector_case.make()
    expected = verdicts(detector, x)
    for name, value in {"no_such_thing": 1, "seed": -1, **detector_case.defects}.items():
        for call in (detector.set_params, lambda **kw: detector.detect(x, **kw), lambda **kw: detector.fit(x, Y, **kw)):
            with pytest.raises(ValueError, match=name):
                call(**{name: value})
        with pytest.raises((ValueError, TypeError), match=name):
            detector_case.make(**{name: value})
    report, flagged = detector.detect(x)
    assert (report, flagged.tolist()) == expected


def test_the_report_is_json_and_every_clip_gets_a_verdict(detector_case, x):
    detector = detector_case.make()
    detector.fit(x, Y)
    report, flagged = detector.detect(x)
    json.dumps(report, allow_nan=False)
    assert {len(column) for column in report.values()} == {N}
    assert flagged.dtype == bool
    assert flagged.shape == (N,)
    assert 0 < flagged.sum() < N


def test_before_it_has_learnt_it_says_so(detector_case, x):
    with pytest.raises(ValueError, match="fit"):
        detector_case.make().detect(x)


def test_labels_in_every_form_and_none(detector_case, x):
    expected = verdicts(detector_case.make(), x)
    for labels in (Y[:, None], np.eye(2)[Y], list(Y), Y.astype(bool)):
        detector = detector_case.make()
        detector.fit(x, labels)
        report, flagged = detector.detect(x)
        assert (report, flagged.tolist()) == expected
    benign = detector_case.make()
    benign.fit(x)
    report, flagged = benign.detect(x)
    detector = detector_case.make()
    detector.fit(x, np.zeros(N))
    assert detector.detect(x)[0] == report
    assert flagged.mean() <= benign.false_positive_rate
    for wrong in (Y[:-1], Y + 1, Y - 1, np.ones(N), np.full((N, 2, 2), 1)):
        with pytest.raises(ValueError, match="y"):
            detector.fit(x, wrong)
    assert detector.detect(x)[0] == report


def test_one_clip_and_a_batch_agree(detector_case, x):
    detector = detector_case.make()
    report, flagged = verdicts(detector, x)
    alone = [detector.detect(x[i : i + 1]) for i in range(N)]
    np.testing.assert_allclose([r["confidence"][0] for r, _ in alone], report["confidence"], atol=1e-5)
    assert [r["offset_frames"][0] for r, _ in alone] == report["offset_frames"]
    np.testing.assert_allclose(detector.detect(x, batch_size=5)[0]["confidence"], report["confidence"], atol=1e-5)
    assert sum(bool(f[0]) != expected for (_, f), expected in zip(alone, flagged, strict=True)) <= 1  # at the line
    with pytest.raises(ValueError, match="batch_size"):
        detector.detect(x, batch_size=0)


def test_same_seed_same_bytes_and_no_global_randomness(detector_case, x, untouched_randomness):
    with untouched_randomness():
        detector = detector_case.make(seed=5)
        first = verdicts(detector, x)
        again = verdicts(detector_case.make(seed=5), x)
        report, flagged = pickle.loads(pickle.dumps(detector)).detect(x)
    assert first == again == (report, flagged.tolist())
    if "draws" in detector_case.options:
        assert verdicts(detector_case.make(seed=6), x) != first


def test_a_memory_map_does_as_well_and_nothing_is_modified(detector_case, x, tmp_path):
    before = x.copy()
    expected = verdicts(detector_case.make(), x)
    np.save(tmp_path / "x.npy", x)
    assert verdicts(detector_case.make(), np.load(tmp_path / "x.npy", mmap_mode="r")) == expected
    assert verdicts(detector_case.make(), x.astype(np.float64)) == expected
    x.flags.writeable = False
    assert verdicts(detector_case.make(), x) == expected
    np.testing.assert_array_equal(x, before)


def test_what_is_no_row_is_refused_by_row_and_remedy(detector_case, x):
    detector = detector_case.make()
    detector.fit(x, Y)
    nan, loud, dark = x.copy(), x.copy(), x.copy()
    nan[20, 7], loud[21, 5], dark[22, -1] = np.nan, 1.5, -0.5
    bad = {
        "uint8": (x * 0).astype(np.uint8),
        "int16": (x * 1000).astype(np.int16),
        "row 20 is nan": nan,
        "row 21 peaks at 1.5": loud,
        "row 22 has a pixel of -0.5": dark,
        "empty": x[:0],
        "shape": x[:, :-1],
    }
    for message, rows in bad.items():
        with pytest.raises(ValueError, match=message):
            detector.detect(rows, batch_size=5)
        with pytest.raises(ValueError, match=message):
            detector.fit(rows, Y[: len(rows)], batch_size=5)
