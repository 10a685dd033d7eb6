"""What all Armory scenarios of ours share."""

from __future__ import annotations

from typing import Any

HOOKS = "art_audio_ext.armory_hooks"
SYSCONFIG: dict[str, Any] = {
    "docker_image": None,
    "external_github_repo": None,
    "gpus": "0",  # Armory hands it to CUDA_VISIBLE_DEVICES: its usual "all" would hide every GPU
    "output_dir": None,
    "output_filename": None,
    "set_pythonhashseed": True,
    "use_gpu": True,  # allowed, not required: without one everything runs on the CPU
}
