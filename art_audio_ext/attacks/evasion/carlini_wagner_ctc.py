"""Targeted attack on sentences: the CTC loss of another sentence, in a box that shrinks each time it succeeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from art.estimators.estimator import BaseEstimator
from tqdm.auto import tqdm

from art_audio_ext.attacks.evasion.base import AudioEvasion
from art_audio_ext.attacks.evasion.ctc_batch import CTCBatch
from art_audio_ext.attacks.evasion.ctc_result import CTCAttackResult
from art_audio_ext.attacks.evasion.white_box import check_number, check_whole
from art_audio_ext.training.audiovisual_transcriber import SentenceRecogniser

AIMS = {"full": 0.0, "partial": 0.5}  # the word error rate that a success stays under, or at nought


class CarliniWagnerCTC(AudioEvasion):
    """
    Clips that are transcribed as a sentence of the attacker's.

    The CTC loss of the target is lowered by Adam on the gradient's signs, within a box around each clip, a side for
    each modality. Each time the transcript is near enough, the box shrinks to `shrink` of what the change needed, and
    the search goes on: what is returned is the change of the smallest box that succeeded or, where none did, the one
    whose transcript came nearest.

    After `generate`, `results` holds a `CTCAttackResult` for each clip.

    Source: Carlini and Wagner, Audio adversarial examples: targeted attacks on speech-to-text, 2018, as Ma et al.,
    Detecting adversarial attacks on audiovisual speech recognition, 2021, section 5.1 use it (800 iterations).

    | Paper link: https://arxiv.org/abs/1801.01944
    """

    attack_params = [  # noqa: RUF012  # ART's own form
        *AudioEvasion.attack_params,
        "eps_audio",
        "eps_video",
        "max_iter",
        "learning_rate",
        "shrink",
        "aim",
        "early_stop",
        "random_start",
        "batch_size",
        "seed",
        "verbose",
    ]
    _estimator_requirements = (BaseEstimator, SentenceRecogniser)

    def __init__(
        self,
        estimator: SentenceRecogniser,
        *,
        eps_audio: float = 512 / 32768,
        eps_video: float = 8 / 255,
        max_iter: int = 800,
        learning_rate: float = 0.05,
        shrink: float = 0.8,
        aim: str = "full",
        early_stop: bool = False,
        random_start: bool = False,
        batch_size: int = 16,
        seed: int = 0,
        verbose: bool = True,
    ) -> None:
        """
        :param estimator: Of rows (N, D), as `RecogniserModel.as_transcriber` gives it.
        :param eps_audio: Half the side of the first box, full scale being 1; 0 leaves the sound alone.
        :param eps_video: The same of the pictures.
        :param max_iter: Steps.
        :param learning_rate: Of Adam, as a share of the first box.
        :param shrink: What the box becomes after a success, as a share of what the change needed.
        :param aim: What is a success: "full", the target word by word, or "partial", a word error rate below one half.
        :param early_stop: Leave a clip alone at its first success.
        :param random_start: Start anywhere in the inner tenth of the box.
        :param batch_size: Clips at a time.
        :param seed: Of random starts.
        :param verbose: Show progress.
        :raises ValueError: If an option is unusable.
        """
        super().__init__(estimator=estimator)
        self.eps_audio, self.eps_video = eps_audio, eps_video
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.shrink = shrink
        self.aim = aim
        self.early_stop = early_stop
        self.random_start = random_start
        self.batch_size = batch_size
        self.seed = seed
        self.verbose = verbose
        self._targeted = True
        self.results: list[CTCAttackResult] = []
        self._check_params()

    def generate(self, x: np.ndarray, y: Any = None, **kwargs: Any) -> np.ndarray:
        """
        Attack clips.

        :param x: Rows (N, D).
        :param y: Target sentences: one for all clips, or one a clip.
        :param kwargs: Options of the constructor, kept for later calls too.
        :return: float32 (N, D) within the boxes around `x` and within the bounds of sound and pixels.
        :raises ValueError: If the rows, the sentences or an option is unusable, or there is no `y`.
        """
        if kwargs:
            self.set_params(**kwargs)
        x = self.estimator.layout.check_rows(x)
        if y is None:
            raise ValueError("y is missing: give the sentences that clips shall be transcribed as")
        texts = [y] * len(x) if isinstance(y, str) else [str(text) for text in np.ravel(y)]
        self.estimator.target(texts, len(x))  # refused before the first clip is attacked, not after an hour
        generator = torch.Generator().manual_seed(self.seed)
        parts, results = [], []
        for at in range(0, len(x), self.batch_size):
            clips = torch.from_numpy(np.array(x[at : at + self.batch_size])).to(self.estimator.device)
            batch = CTCBatch(self, clips, texts[at : at + self.batch_size], generator)
            for _ in tqdm(range(self.max_iter), desc=f"CTC from clip {at}", unit="step", disable=not self.verbose):
                if not batch.step():
                    break
            parts.append(batch.found().cpu().numpy())
            results += batch.results()
        self.results = results
        return np.concatenate(parts)

    def _check_params(self) -> None:
        for name in ("eps_audio", "eps_video"):
            check_number(getattr(self, name), name, zero=True)
        if not self.eps_audio and not self.eps_video:
            raise ValueError("eps_audio and eps_video are both 0: an attack must change something")
        for name in ("learning_rate", "shrink"):
            check_number(getattr(self, name), name, zero=False)
        if self.shrink >= 1:
            raise ValueError(f"shrink must be below 1, got {self.shrink!r}")
        if self.aim not in AIMS:
            raise ValueError(f"aim must be one of {', '.join(AIMS)}, got {self.aim!r}")
        for name, least in (("max_iter", 1), ("batch_size", 1), ("seed", 0)):
            check_whole(getattr(self, name), name, least)
        for name in ("early_stop", "random_start", "verbose"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")
