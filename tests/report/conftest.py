"""Results for the report tests: an audit of the tiny dataset with one flagged class, and a comparison."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from art_audio_ext.report import write_report
from art_audio_ext.report.records import AuditResult, ClassResult, ComparisonResult, FilterResult, SampleResult

VOID = {"meta", "img", "br", "hr", "input", "link", "wbr"}
CLOSED_AT_ONCE = {"path", "circle"}


class Page(HTMLParser):
    """Collects the tags of a page and complains about what does not nest."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in CLOSED_AT_ONCE, tag
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> does not nest"

    def handle_data(self, data):
        self.words.append(data)

    def of(self, name: str, **wanted: str) -> list[dict[str, str | None]]:
        return [a for tag, a in self.tags if tag == name and all(a.get(k) == v for k, v in wanted.items())]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


@pytest.fixture
def parse() -> type[Page]:
    """Read the text of a page."""
    return Page


@pytest.fixture
def page(tmp_path):
    """Write a report of the given parts and read it back."""

    def write(**parts) -> Page:
        write_report(tmp_path / "report.html", **parts)
        return Page((tmp_path / "report.html").read_text(encoding="utf-8"))

    return write


@pytest.fixture
def latents():
    """Eight dimensions a clip."""
    return np.random.default_rng(0).standard_normal((120, 8)).astype(np.float32)


@pytest.fixture
def poisoned_audit(tiny_dataset) -> AuditResult:
    """`bravo` is flagged, its first 20 clips are suspects; `delta` was not scored."""
    flagged = tiny_dataset.label_names.index("bravo")
    rows = np.flatnonzero(tiny_dataset.labels == flagged)[:20]
    scores = {"alpha": 10.0, "bravo": 30.0, "charlie": 12.0}
    return AuditResult(
        verdict="poisoned",
        dataset={"path": "tiny", "clips": 120, "classes": 4, "sample_rate_hz": 16000, "skipped": []},
        classes=[
            ClassResult(name, 30, score, 0.5, (score - 12) / 2, name == "bravo", 20 if name == "bravo" else 0)
            for name, score in scores.items()
        ]
        + [ClassResult("delta", 30, None, None, None, False, 0)],
        samples=[
            SampleResult(str(path), tiny_dataset.label_names[k], bool(i in rows), 0.9 - i / 1000 if i in rows else 0.1)
            for i, (path, k) in enumerate(zip(tiny_dataset.paths, tiny_dataset.labels, strict=True))
        ],
        method={"name": "pls", "outlier_threshold": 5.0, "not_scored": ["delta"], "dims": 24},
        seed=0,
        seconds={"load": 1.0, "train": 2.0, "encode": 0.5, "score": 0.25},
        notes=["A note to read."],
    )


@pytest.fixture
def clean_audit(poisoned_audit) -> AuditResult:
    """The same without a flagged class."""
    classes = [
        replace(entry, flagged=False, suspects=0, score=entry.score and 12.0) for entry in poisoned_audit.classes
    ]
    samples = [replace(sample, suspect=False) for sample in poisoned_audit.samples]
    return replace(poisoned_audit, verdict="clean", classes=classes, samples=samples)


@pytest.fixture
def comparison() -> ComparisonResult:
    """Five filters; activation clustering has no precision, and its filter time is not a number."""
    return ComparisonResult(
        dataset={"spec": "tiny", "train_clips": 100, "test_clips": 20, "classes": 4},
        attack={"trigger": "clap", "source": "alpha", "target": "bravo", "poison_fraction": 0.1, "poisoned_clips": 3},
        victim={"name": "resnet18", "epochs": 2},
        filters=[
            FilterResult("none", 0.0, 0.0, None, 0, None, 0.976, 0.881, 60.0, None),
            FilterResult("perfect", 1.0, 0.0, 1.0, 3, 1.0, 0.012, 0.879, 61.0, 0.0),
            FilterResult("activation_clustering", 0.4, 0.3, None, 30, 0.02, 0.95, 0.85, 88.0, float("nan")),
            FilterResult("spectral_signatures", 0.8, 0.1, 0.2, 14, 0.1, 0.71, 0.87, 80.0, 12.0),
            FilterResult(
                "poison_likelihood", 0.958, 0.001, 0.92, 3, 0.93, 0.031, 0.882, 301.0, 240.0, "VAE, 30 epochs"
            ),
        ],
        seed=0,
        machine={"cpu": "x86_64", "gpu": None},
        notes=["Scaled down."],
    )
