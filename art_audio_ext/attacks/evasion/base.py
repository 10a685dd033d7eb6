"""What every evasion attack of ours shares: parameters that are changed all together or not at all."""

from __future__ import annotations

from typing import Any

from art.attacks.attack import EvasionAttack

from art_audio_ext.functional.params import all_or_nothing


class AudioEvasion(EvasionAttack):
    """Base of the evasion attacks. A subclass writes `generate`, lists its parameters and checks them."""

    def set_params(self, **kwargs: Any) -> None:
        """
        Change parameters by name; all are changed, or none.

        :raises ValueError: If a name is unknown or a value out of its range.
        """
        with all_or_nothing(self):
            super().set_params(**kwargs)
