"""The HTML page: well formed, escaped, self-contained, and showing the right clips."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from art_audio_ext.report import write_report
from art_audio_ext.report.records import AuditResult, SampleResult

HOSTILE = "<script>alert('1')</script> \"q\" $x_1$ &amp; \u202egnp.exe\n\x07 \udcff ünï 你好 {{ 7*7 }}"


def test_a_whole_page_nests_loads_nothing_and_can_be_read_by_machines(
    page, poisoned_audit, comparison, tiny_dataset, latents
):
    found = page(audit=poisoned_audit, comparison=comparison, dataset=tiny_dataset, latents=latents)
    assert found.of("html", lang="en")
    assert not found.of("script")
    assert not found.of("link")
    for tag, attributes in found.tags:
        for name in ("src", "href", "action", "poster", "data"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes)
    ids = [a["id"] for _, a in found.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = [a["href"][1:] for a in found.of("a")] + [
        a["aria-labelledby"] for _, a in found.tags if "aria-labelledby" in a
    ]
    assert set(targets) <= set(ids)
    assert all(a.get("alt") for a in found.of("img"))
    assert all(a.get("aria-label") for a in found.of("audio"))
    assert all(a.get("scope") for a in found.of("th"))


def test_a_page_names_no_address_on_the_network(tmp_path, poisoned_audit, comparison, tiny_dataset, latents):
    write_report(
        tmp_path / "r.html", audit=poisoned_audit, comparison=comparison, dataset=tiny_dataset, latents=latents
    )
    assert not re.search(r"https?://|@import|url\(", (tmp_path / "r.html").read_text(encoding="utf-8"))


def test_the_verdict_is_in_words_and_comes_first(page, poisoned_audit, clean_audit):
    text = page(audit=poisoned_audit).text
    assert "This dataset looks poisoned" in text
    assert "1 class of 4 flagged: “bravo”. 20 clips of 120 are suspects." in text
    assert text.index("looks poisoned") < text.index("Score of each class")
    assert "A note to read." in text
    clean = page(audit=clean_audit)
    assert "No sign of poisoning found" in clean.text
    assert "None of the 3 classes compared stands out from the others." in clean.text
    assert "flagged</span>" not in clean.text
    assert not clean.of("section", **{"class": "evidence"})


def test_the_map_marks_each_suspect_and_draws_the_rest(page, poisoned_audit, latents):
    shifted = latents.copy()
    shifted[30:50, :4] += 20
    found = page(audit=poisoned_audit, latents=shifted)
    marks = [a["d"] for a in found.of("path", **{"class": "mark"}) if a["d"] != "M7 1.5l5.5 10h-11z"]
    dots = found.of("path", **{"class": "dots"})[0]["d"]
    assert len(marks) == 20
    assert dots.count("M") == 10
    across = [float(re.match(r"M([\d.]+) ", mark)[1]) for mark in marks]
    others = [float(x) for x in re.findall(r"M([\d.]+) ", dots)]
    assert max(across) < min(others) or min(across) > max(others)
    assert page(audit=poisoned_audit, latents=np.stack([shifted, latents])).of("path", **{"class": "dots"})
    assert not page(audit=poisoned_audit, latents=np.zeros((120, 8))).of("svg", role="img")


def test_bars_follow_the_scores(page, poisoned_audit):
    found = page(audit=poisoned_audit)
    widths = [float(re.search(r"width:([\d.]+)%", a["style"])[1]) for a in found.of("i", **{"class": "bar"})]
    assert len(widths) == 3  # delta was not scored
    np.testing.assert_allclose(np.array(widths) / widths[0], [1, 12 / 30, 10 / 30], atol=1e-3)
    assert "not scored" in found.text
    line = float(re.search(r"left:([\d.]+)%", found.of("i", **{"class": "threshold"})[0]["style"])[1])
    assert line / widths[0] == pytest.approx(22 / 30, abs=1e-3)  # median 12 + 5 MADs of 2


def test_hostile_names_are_shown_and_never_obeyed(page, poisoned_audit, comparison, tiny_dataset, latents):
    names = tuple(HOSTILE if name == "bravo" else name for name in tiny_dataset.label_names)
    paths = np.array([f"{HOSTILE}/{i}" for i in range(120)], dtype=object)
    dataset = replace(tiny_dataset, label_names=names, paths=paths)
    audit = replace(
        poisoned_audit,
        dataset=poisoned_audit.dataset | {"path": HOSTILE, "skipped": [{"path": HOSTILE, "reason": HOSTILE}]},
        classes=[replace(c, label=HOSTILE if c.label == "bravo" else c.label) for c in poisoned_audit.classes],
        samples=[
            SampleResult(paths[i], names[tiny_dataset.labels[i]], s.suspect, s.score)
            for i, s in enumerate(poisoned_audit.samples)
        ],
        method=poisoned_audit.method | {HOSTILE: HOSTILE},
        notes=[HOSTILE],
    )
    attacked = replace(
        comparison,
        attack=comparison.attack | {"trigger": HOSTILE, "source": HOSTILE},
        filters=[*comparison.filters, replace(comparison.filters[-1], name=HOSTILE)],
        machine={"cpu": HOSTILE},
        notes=[HOSTILE],
    )
    found = page(audit=audit, comparison=attacked, dataset=dataset, latents=latents, title=HOSTILE)
    assert not found.of("script")
    assert (
        "<script>alert('1')</script> \"q\" $x_1$ &amp; \\u202egnp.exe\\n\\x07 \\udcff ünï 你好 {{ 7*7 }}" in found.text
    )
    assert not re.search("[\u202e\x07]", found.text)


def test_the_same_input_gives_the_same_bytes(tmp_path, poisoned_audit, comparison, tiny_dataset, latents):
    parts = {"audit": poisoned_audit, "comparison": comparison, "dataset": tiny_dataset, "latents": latents}
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    for name in "ab":
        write_report(tmp_path / name, **parts)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    write_report(tmp_path / "c", **parts, seed=1)
    assert (tmp_path / "c").read_bytes() != (tmp_path / "b").read_bytes()


def test_the_comparison_has_every_figure(page, comparison):
    found = page(comparison=comparison)
    assert "Which filter stops the attack?" in found.text
    assert "A filter stops this attack" in found.text
    assert "97.6% of the time; with the best one here, poison likelihood, 3.1%" in found.text
    for figure in ("95.8%", "0.1%", "92.0%", "0.930", "88.2%", "301.0", "240.0"):
        assert figure in found.text
    assert "3 clips poisoned (10.0% of the source class)." in found.text
    assert "Poison likelihood: VAE, 30 epochs" in found.text
    assert "nan" not in found.text.lower().split()


@pytest.mark.parametrize(
    ("before", "after", "headline"),
    [
        (0.98, 0.3, "A filter weakens this attack"),
        (0.98, 0.9, "No filter tested stops this attack"),
        (0.2, 0.01, "The attack itself is weak here"),
        (None, 0.01, "No filter was measured against an unfiltered model"),
    ],
)
def test_the_headline_of_a_comparison_is_honest(page, comparison, before, after, headline):
    filters = [replace(comparison.filters[0], attack_success_rate=before)]
    filters += [replace(entry, attack_success_rate=after) for entry in comparison.filters[2:]]
    assert headline in page(comparison=replace(comparison, filters=filters)).text


def test_a_filter_that_ruins_the_model_is_not_the_best(page, comparison):
    ruined = [replace(entry, benign_accuracy=0.3, attack_success_rate=0.0) for entry in comparison.filters[2:4]]
    filters = [comparison.filters[0], *ruined, comparison.filters[4]]
    assert "poison likelihood, 3.1%" in page(comparison=replace(comparison, filters=filters)).text
    found = page(comparison=replace(comparison, filters=filters[:3]))
    assert "Filters stop this attack only at a high price" in found.text


def test_wrong_parts_are_refused_in_one_line(tmp_path, poisoned_audit: AuditResult, comparison, tiny_dataset, latents):
    path = tmp_path / "r.html"
    moved = replace(tiny_dataset, paths=np.roll(tiny_dataset.paths, 1))
    for match, parts in {
        "nothing to report": {},
        "illustrate an audit": {"comparison": comparison, "dataset": tiny_dataset},
        "dataset has 3 clips": {"audit": poisoned_audit, "dataset": tiny_dataset.subset(np.arange(3))},
        "row 0 of the dataset": {"audit": poisoned_audit, "dataset": moved},
        "latents must have shape": {"audit": poisoned_audit, "latents": latents[:5]},
        "max_suspects": {"audit": poisoned_audit, "max_suspects": -1},
    }.items():
        with pytest.raises(ValueError, match=match) as error:
            write_report(path, **parts)
        assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())
