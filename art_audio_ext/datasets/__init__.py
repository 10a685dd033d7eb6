"""Folders, downloads and built-in speech, each as one `AudioDataset`."""

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.registry import load_dataset
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.functional.streaming import waveform_batches

__all__ = ["AudioDataset", "load_dataset", "split_dataset", "waveform_batches"]
