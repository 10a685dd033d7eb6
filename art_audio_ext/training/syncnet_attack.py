"""The attack that a sync network is trained against: clips changed so that they look as much in sync as can be."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.functional.projected_gradient import projected_ascent, random_change
from art_audio_ext.functional.sync import sync_confidence
from art_audio_ext.networks.sync_scorer import SyncScorer
from art_audio_ext.networks.syncnet import SyncNetwork

_REACH = 2.5  # sides of the box that all steps together would cross


@dataclass(frozen=True)
class ConfidenceClimb:
    """
    What an attack that knows the detector does to it, for `train_syncnet(attack=...)`: from a random point of a box
    around each clip, the synchronisation confidence is climbed for a drawn number of steps.

    Few steps leave a clip about as confident as it was, all of them far above: an attack may want either. The box is
    drawn for each clip, so that weaker attacks are learnt too; one much smaller than what a microphone and a camera
    add would teach the network that clips in sync are attacked.

    Source: Madry et al., "Towards deep learning models resistant to adversarial attacks", 2018, with the class
    "attacked" in place of a robust answer, as Metzen et al., "On detecting adversarial perturbations", 2017, section 3.

    :param eps_audio: Half the side of the largest box, full scale being 1.
    :param eps_video: The same of the pictures.
    :param least: The smallest box, as a share of the largest.
    :param steps: At most.
    :raises ValueError: If a number is out of its range.
    """

    eps_audio: float = 512 / 32768
    eps_video: float = 8 / 255
    least: float = 0.25
    steps: int = 5

    def __post_init__(self) -> None:
        for name in ("eps_audio", "eps_video", "least"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
                raise ValueError(f"{name} must be a number above 0 and up to 1, got {value!r}")
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise ValueError(f"steps must be a whole number from 1 up, got {self.steps!r}")

    def __call__(
        self, network: SyncNetwork, audio: Tensor, video: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """
        :param network: In eval mode.
        :param audio: Sound (n, S) in [-1, 1].
        :param video: Pictures (n, T, H, W) in [0, 1].
        :param generator: On the CPU.
        :return: Both, attacked.
        """
        scorer, layout = SyncScorer([network]), AudioVisualLayout(video.shape[1], video.shape[2], audio.shape[1])
        # in units of the largest box, so that one radius a clip serves both modalities
        clips = layout.pack(audio / self.eps_audio, video / self.eps_video)
        sides = 1 / self.eps_audio, 1 / self.eps_video
        low, high = (
            torch.from_numpy(bound).to(clips) for bound in (layout.vector(-sides[0], 0), layout.vector(*sides))
        )
        box = self.least + (1 - self.least) * torch.rand(len(clips), 1, generator=generator)
        start = clips + random_change(tuple(clips.shape), box, "inf", generator).to(clips)  # type: ignore[arg-type]
        steps = int(torch.randint(1, self.steps + 1, (), generator=generator))

        def parts(rows: Tensor) -> tuple[Tensor, Tensor]:
            sound, pictures = layout.unpack(rows)
            return sound * self.eps_audio, pictures * self.eps_video

        def slope(points: Tensor, _: Tensor, step: int) -> tuple[Tensor, None]:
            point = points.detach().requires_grad_()
            confidence = sync_confidence(scorer(*parts(point))[:, 0]).sum()
            return torch.autograd.grad(confidence, point)[0], None

        side = box.to(clips)
        step = _REACH * side / self.steps
        inside = {"eps": side, "eps_step": step, "start": start.clamp(low, high), "clip_values": (low, high)}
        sound, pictures = parts(projected_ascent(clips, slope, steps=steps, **inside))  # type: ignore[arg-type]
        return sound.clamp(-1, 1), pictures.clamp(0, 1)
