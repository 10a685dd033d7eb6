"""Networks of synchronisation: published sizes and names, windows that do not see each other, masks, gradients."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from art_audio_ext.functional.audio_features import mfcc_100
from art_audio_ext.networks.syncnet import CompactSyncNet, SyncNet
from art_audio_ext.training.runs import seeded
from art_audio_ext.training.syncnet_checkpoint import read_public_syncnet


def clips(count=2, frames=12, size=64, samples=7680) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    sound = 0.1 * torch.randn(count, samples, generator=rng)
    return sound, torch.rand(count, frames, size, size, generator=rng)


@pytest.fixture(scope="module")
def compact() -> CompactSyncNet:
    network = seeded(CompactSyncNet, 0)
    network(*clips(8))  # batch norm learns something
    return network.eval()


@pytest.fixture(scope="module")
def original() -> SyncNet:
    return seeded(SyncNet, 0).eval()


def test_sizes(compact, original):
    count = {name: sum(p.numel() for p in net.parameters()) for name, net in (("c", compact), ("o", original))}
    assert count["c"] == pytest.approx(0.79e6, rel=0.02)
    assert count["o"] == pytest.approx(13.6e6, rel=0.01)
    video, audio, *_ = compact(*clips())
    assert video.shape == (2, 8, 128)
    assert audio.shape == (2, 7, 128)  # 47 frames of features
    torch.testing.assert_close(video.norm(dim=2), torch.ones(2, 8))


def test_the_original_has_the_names_and_shapes_of_the_public_weights(original):
    shapes = {name: tuple(value.shape) for name, value in original.state_dict().items()}
    for name, shape in {
        "netcnnaud.0.weight": (64, 1, 3, 3),
        "netcnnaud.4.weight": (192, 64, 3, 3),
        "netcnnaud.8.weight": (384, 192, 3, 3),
        "netcnnaud.14.weight": (256, 256, 3, 3),
        "netcnnaud.18.weight": (512, 256, 5, 4),
        "netcnnaud.19.running_mean": (512,),
        "netcnnlip.0.weight": (96, 3, 5, 7, 7),
        "netcnnlip.4.weight": (256, 96, 1, 5, 5),
        "netcnnlip.14.weight": (256, 256, 1, 3, 3),
        "netcnnlip.18.weight": (512, 256, 1, 6, 6),
        "netfcaud.0.weight": (512, 512),
        "netfclip.1.running_var": (512,),
        "netfclip.3.bias": (1024,),
    }.items():
        assert shapes[name] == shape
    assert len(shapes) == 2 * (6 * 7 + 2 + 7)


def test_the_whole_clip_gives_what_window_by_window_gives(compact, original):
    sound, video = clips(1, 21, 64, 21 * 640)
    with torch.no_grad():
        pictures, sounds, *_ = compact(sound, video)
        features = compact.sound_features(sound)
        for v in (0, 3, len(sounds[0]) - 1):
            alone = compact.embed_audio(features[:, :, 4 * v : 4 * v + 20])
            torch.testing.assert_close(sounds[:, v : v + 1], alone, atol=1e-5, rtol=1e-4)
        faces = torch.rand(1, 21, 224, 224, generator=torch.Generator().manual_seed(1))
        whole = original.embed_video(faces)
        for v in (0, 15, 16):  # about the seam of two passes
            alone = original.embed_video(faces[:, v : v + 5])
            torch.testing.assert_close(whole[:, v : v + 1], alone, atol=1e-4, rtol=1e-3)
        inner = compact.embed_video(video)
        assert not torch.equal(inner[:, 0], inner[:, 1])
    assert pictures.shape[1] == 17


def test_the_original_reads_cepstra_and_scales_faces(original):
    sound, video = clips(1, 6, 48, 4000)
    with torch.no_grad():
        video_windows, audio_windows, *_ = original(sound, video)
        assert video_windows.shape == (1, 2, 1024)
        cepstra = mfcc_100(sound)
        expected = original.netfcaud(original.netcnnaud(cepstra[:, None, :, :20]).flatten(1))
        torch.testing.assert_close(audio_windows[:, 0], expected, atol=1e-4, rtol=1e-4)
        colour = video[:, :, None].repeat(1, 1, 3, 1, 1)
        torch.testing.assert_close(original.embed_video(colour), video_windows)


def test_masks_follow_the_true_lengths(compact):
    sound, video = clips(2, 12)
    part = compact(sound, video, samples=torch.tensor([7680, 6400]), frames=torch.tensor([12, 10]))
    assert part.video_valid.sum(1).tolist() == [8, 6]
    assert part.audio_valid.sum(1).tolist() == [7, 5]
    for samples in (7680, 6400, 5000, 4999, 3441):
        true = compact(sound[:1, :samples], video[:1]).audio.shape[1]
        counted = compact(sound[:1], video[:1], samples=torch.tensor([samples])).audio_valid.sum()
        assert int(counted) == true


@pytest.mark.parametrize(("sound", "pictures"), product(("log_mel", "mfcc"), ("centred", "differences")))
def test_front_ends_differ_and_gradients_reach_sound_and_pixels(sound, pictures):
    network = seeded(lambda: CompactSyncNet(32, 40, sound, pictures), 0).eval()
    audio, video = (x.requires_grad_() for x in clips(1, 8, 48, 5120))
    parts = network(audio, video)
    (parts.video[:, 0] * parts.audio[:, 0]).sum().backward()
    for leaf in (audio, video):
        assert leaf.grad.isfinite().all()
        assert leaf.grad.abs().max() > 0
    assert video.grad[..., :4, :].abs().max() == 0  # beyond the crop


def test_what_cannot_be_embedded(compact):
    sound, video = clips()
    for wrong, message in (
        ((sound, video[:, :4]), "4 frames"),
        ((sound[:, :3000], video), "3000 samples"),
        ((sound[:1], video), "expected"),
        ((sound, video[..., :32, :32]), "64 pixels"),
    ):
        with pytest.raises(ValueError, match=message):
            compact(*wrong)
    for options in ({"size": 20}, {"sound": "wave"}, {"pictures": "colour"}):
        with pytest.raises(ValueError, match=next(iter(options))):
            CompactSyncNet(**options)


def test_public_weights_are_read_and_others_refused(original, tmp_path):
    path = tmp_path / "syncnet_v2.model"
    state = original.state_dict()
    torch.save({name: value for name, value in state.items() if "num_batches" not in name}, path)
    again = read_public_syncnet(path)
    assert not again.training
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in state.items())
    path.write_bytes(path.read_bytes()[: 1 << 20])
    with pytest.raises(ValueError, match="damaged"):
        read_public_syncnet(path)
    name = "netfclip.3.bias"
    for wrong, message in (
        ({**state, name: torch.zeros(7)}, r"\(7,\), expected \(1024,\)"),
        ({**state, "head.weight": torch.zeros(7)}, "head.weight"),
        ({k: v for k, v in state.items() if k != name}, "netfclip.3.bias is missing"),
        ({**state, name: torch.full((1024,), torch.nan)}, "not finite"),
        ({**state, name: 3}, "no tensor"),
        ([1, 2], "list"),
    ):
        torch.save(wrong, path)
        with pytest.raises(ValueError, match=message):
            read_public_syncnet(path)
    with pytest.raises(FileNotFoundError, match="54 MB, MIT"):
        read_public_syncnet(tmp_path / "none")
