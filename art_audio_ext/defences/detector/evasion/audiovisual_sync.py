"""A detector of adversarial talking clips: what was attacked is no longer in sync."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from art.defences.detector.evasion import EvasionDetector
from torch import Tensor

from art_audio_ext.defences.detector.evasion.sync_options import (
    adversarial_labels,
    as_models,
    check_options,
    clip_generator,
)
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.functional.detection_threshold import benign_limit, best_f1_threshold
from art_audio_ext.functional.params import all_or_nothing
from art_audio_ext.functional.row_batches import row_batches
from art_audio_ext.functional.sync import sync_confidence, sync_offset
from art_audio_ext.functional.sync_views import SyncRandomness, draw_views
from art_audio_ext.networks.sync_scorer import SyncScorer
from art_audio_ext.networks.syncnet import WINDOW_FRAMES
from art_audio_ext.training.sync_model import SyncModel

_WINDOWS_AT_ONCE = 1024
_THRESHOLDS = ("threshold", "high_threshold")


class AudioVisualSyncDetector(EvasionDetector):
    """
    Flags clips whose sound and pictures are less in sync than those of benign clips.

    The confidence of synchronisation stands for how much the two streams have to do with each other: an attack on a
    recogniser disturbs it. An attack that knows the detector can raise it again, above that of benign clips; against
    that there are random views (`window_share`, `jitter`, `sample_shift`, `draws`), several models, and `two_sided`.

    Source: Ma, Petridis and Pantic, "Detecting adversarial attacks on audiovisual speech recognition"; masked edges,
    the rate on benign clips, random views and the second side are ours.
    """

    defence_params = [  # noqa: RUF012  (a list, as ART has it)
        "models",
        "layout",
        "threshold",
        "high_threshold",
        "false_positive_rate",
        "two_sided",
        "combine",
        "edges",
        "window_share",
        "jitter",
        "sample_shift",
        "draws",
        "seed",
    ]

    def __init__(
        self,
        models: SyncModel | Sequence[SyncModel],
        layout: AudioVisualLayout | None = None,
        *,
        threshold: float | None = None,
        high_threshold: float | None = None,
        false_positive_rate: float = 0.05,
        two_sided: bool = False,
        combine: str = "mean",
        edges: str = "masked",
        window_share: float = 1.0,
        jitter: int = 0,
        sample_shift: int = 0,
        draws: int = 1,
        seed: int = 0,
    ) -> None:
        """
        :param models: A trained model, or several whose confidences are combined.
        :param layout: Of the rows; None is that of the first model.
        :param threshold: Clips of less confidence are flagged; None until `fit` has learnt it.
        :param high_threshold: Clips of more are, too; None for no such limit.
        :param false_positive_rate: Of benign clips, where `fit` has them alone; half of it a side if there are two.
        :param two_sided: Let `fit` learn `high_threshold` too, from benign clips, at half the rate.
        :param combine: "mean" of the models' confidences, or the "least".
        :param edges: "masked", or "reference" as the public code of SyncNet has it.
        :param window_share: Of the windows of pictures, drawn for each clip, that count.
        :param jitter: Pixels by which pictures are moved at random, each way.
        :param sample_shift: Samples by which sound is moved at random, each way, at most 320.
        :param draws: Random views of each clip, whose confidences are averaged.
        :param seed: Of the views; an attacker should not know it. A clip's view follows from it and the clip.
        :raises ValueError: If an option is out of its range, or a model cannot look at such rows.
        """
        super().__init__()
        self.models: Any = models  # after the check a tuple, and the layout not None
        self.layout: Any = layout
        self.threshold, self.high_threshold = threshold, high_threshold
        self.false_positive_rate, self.two_sided = false_positive_rate, two_sided
        self.combine, self.edges = combine, edges
        self.window_share, self.jitter, self.sample_shift = window_share, jitter, sample_shift
        self.draws, self.seed = draws, seed
        self._check_params()

    def fit(
        self, x: np.ndarray, y: np.ndarray | None = None, batch_size: int = 128, nb_epochs: int = 20, **kwargs: Any
    ) -> None:
        """
        Learn the threshold: with clips of both kinds the one of the highest mean F1 of both; with benign clips alone
        one that at most `false_positive_rate` of such clips fall below. With `two_sided` the upper limit comes first,
        from benign clips, and the lower one from what is left to find; if that is nothing, from benign clips, too.

        :param x: Validation clips as rows (N, D).
        :param y: 1 where a clip is adversarial and 0 where it is benign, (N,) or one-hot; None for all benign.
        :param batch_size: Clips at a time, at most.
        :param nb_epochs: Not used: nothing is trained.
        :param kwargs: Any option of the constructor, kept for later calls too.
        :raises ValueError: If the rows, labels or options are unusable, or there are too few benign clips.
        """
        truth = adversarial_labels(y, len(x))
        with all_or_nothing(self):
            self.set_params(**kwargs)
            scores = self.confidence(x, batch_size)
            benign, rate = scores[~truth], self.false_positive_rate / (2 if self.two_sided else 1)
            self.high_threshold = benign_limit(benign, rate, high=True) if self.two_sided else None
            beyond = np.zeros(len(scores), bool) if self.high_threshold is None else scores > self.high_threshold
            if (truth & ~beyond).any():
                scores = np.where(beyond, scores.min() - 1, scores)  # flagged, wherever the lower limit lies
                self.threshold = best_f1_threshold(scores[~truth], scores[truth])[0]
            else:
                self.threshold = benign_limit(benign, rate)

    def detect(self, x: np.ndarray, batch_size: int = 128, **kwargs: Any) -> tuple[dict[str, Any], np.ndarray]:
        """
        Look at clips.

        :param x: Rows (N, D).
        :param batch_size: Clips at a time, at most.
        :param kwargs: Any option of the constructor, kept for later calls too.
        :return: A report that `json.dumps` takes, by clip `confidence`, `offset_frames` and `offset_ms` (positive where
            the sound comes late), `threshold`, `high_threshold` and `is_adversarial`; and is_adversarial, bool (N,).
        :raises ValueError: If the rows or options are unusable, or there is no threshold yet.
        """
        self.set_params(**kwargs)
        if self.threshold is None:
            raise ValueError("there is no threshold yet: call fit with benign clips, or give threshold")
        confidence, offsets = self._look(x, batch_size)
        flagged = confidence < self.threshold
        if self.high_threshold is not None:
            flagged |= confidence > self.high_threshold
        high = None if self.high_threshold is None else float(self.high_threshold)
        report = {
            "confidence": confidence.tolist(),
            "offset_frames": offsets.tolist(),
            "offset_ms": (1000 / self.layout.fps * offsets).tolist(),
            "threshold": [float(self.threshold)] * len(flagged),
            "high_threshold": [high] * len(flagged),
            "is_adversarial": flagged.tolist(),
        }
        return report, flagged

    def confidence(self, x: np.ndarray, batch_size: int = 128) -> np.ndarray:
        """
        What is compared with the threshold.

        :param x: Rows (N, D).
        :param batch_size: Clips at a time, at most.
        :return: float64 (N,); low is suspicious.
        :raises ValueError: If the rows are unusable.
        """
        return self._look(x, batch_size)[0]

    def confidence_of(self, rows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """
        The same for an attack that knows the detector: differentiable.

        :param rows: Shape (n, D); the models are moved to their device.
        :param generator: Draws the views anew, as one does who does not know the seed; None looks as `detect` does.
        :return: Shape (n,).
        """
        return self._curves(rows, generator)[0]

    def set_params(self, **kwargs: Any) -> None:
        """
        Change options, all or none. What `fit` learnt is forgotten where it no longer holds, unless it is given too.

        :param kwargs: Any parameter of the constructor.
        :raises ValueError: If one is unknown (ART ignores it silently) or out of its range.
        """
        if unknown := sorted(set(kwargs) - set(self.defence_params)):
            known = ", ".join(self.defence_params)
            raise ValueError(f"{type(self).__name__} has no {', '.join(unknown)}: known are {known}")
        with all_or_nothing(self):
            before = self.get_params()
            for name, value in kwargs.items():
                setattr(self, name, value)
            self._check_params()
            after = self.get_params()
            if any(before[name] != after[name] for name in set(kwargs) - set(_THRESHOLDS)):
                for name in set(_THRESHOLDS) - set(kwargs):
                    setattr(self, name, None)

    def _check_params(self) -> None:
        self.models = as_models(self.models)
        if self.layout is None:
            self.layout = self.models[0].layout
        if not isinstance(self.layout, AudioVisualLayout):
            raise ValueError(f"layout must be an AudioVisualLayout, got {type(self.layout).__name__}")
        for model in self.models:
            model.for_layout(self.layout)
        check_options(self.get_params())

    def _look(self, x: np.ndarray, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """Confidence float64 (N,) and offset int64 (N,), a few clips at a time, whatever the batch that ART names."""
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"batch_size must be a whole number from 1 up, got {batch_size!r}")
        clips = max(1, min(int(batch_size), _WINDOWS_AT_ONCE // self.layout.frames))
        device = next(self.models[0].network.parameters()).device
        confidences, offsets = [], []
        with torch.no_grad():
            for batch in row_batches(x, self.layout, clips):
                confidence, curve = self._curves(torch.from_numpy(batch).to(device), None)
                confidences.append(confidence.cpu().double().numpy())
                offsets.append(sync_offset(curve).cpu().numpy())
        return np.concatenate(confidences), np.concatenate(offsets)

    def _curves(self, rows: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Confidence (n,) and the mean of the distances (n, 31) over models and draws."""
        scorer = SyncScorer([model.network.to(rows.device) for model in self.models], edges=self.edges)
        audio, video = self.layout.unpack(rows)
        views = SyncRandomness(self.window_share, self.jitter, self.sample_shift)
        if views == SyncRandomness():
            curves = [scorer(audio, video)]
        else:
            content = rows.detach().cpu().numpy()
            curves = []
            for draw in range(self.draws):
                own = [generator or clip_generator(self.seed, row, draw) for row in content]
                curves.append(scorer(audio, video, draw_views(views, video.shape[1] - WINDOW_FRAMES + 1, own)))
        each = torch.stack([sync_confidence(curve) for curve in curves])  # (draws, n, models)
        confidence = (each.mean(2) if self.combine == "mean" else each.min(2).values).mean(0)
        return confidence, torch.stack(curves).nanmean((0, 2))
