"""Files from the network, each under its name only once it is whole; a download that was stopped goes on."""

from __future__ import annotations

import http.client
import logging
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

logger = logging.getLogger(__name__)

_BLOCK = 1 << 20
_TIMEOUT_SECONDS = 60


def fetch_files(about: str, urls: tuple[str, ...], folder: Path, files: tuple[str, ...]) -> None:
    """
    Download files into a folder. What and whither is logged first.

    :param about: Their name, size and licence, for messages.
    :param urls: Of the files one by one, or of one zip archive in which they lie at any depth.
    :param folder: Made if absent.
    :param files: Their names.
    :raises ValueError: If a download fails or is not what was expected; calling again goes on where it stopped.
    """
    logger.warning("downloading %s to %s; to use a copy of your own, put it there as %s", about, folder, files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for url in urls:
            got = _download(url, folder)
            if url.endswith(".zip"):
                _unpack(got, folder, files)
                got.unlink()
    except zipfile.BadZipFile as error:
        got.unlink(missing_ok=True)
        raise ValueError(f"what {url} sent is no zip archive ({error}): put {about} at {folder} yourself") from error
    except (OSError, http.client.HTTPException) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"cannot download {about} ({reason}): try again, or put it at {folder} yourself") from error


def _download(url: str, folder: Path) -> Path:
    """
    One file, kept as `.NAME.partial` until it is whole, and beside it which version of the file that is: of another
    one, or where the server names none, it begins again.
    """
    target = folder / url.rsplit("/", 1)[-1]
    if target.suffix == ".zip" and target.is_file():  # whole, from a run that was stopped before it was unpacked
        return target
    partial = folder / f".{target.name}.partial"
    version = partial.with_name(f"{partial.name}.version")
    known = version.read_text(encoding="utf-8") if version.is_file() else ""
    have = partial.stat().st_size if partial.is_file() and known else 0
    part = {"Range": f"bytes={have}-", "If-Range": known} if have else {}
    try:
        answer = urlopen(Request(url, headers=part), timeout=_TIMEOUT_SECONDS)
    except HTTPError as error:
        if not (error.code == 416 and have):  # what is kept is as long as the file or longer: begin again
            raise
        answer, have = urlopen(Request(url), timeout=_TIMEOUT_SECONDS), 0
    with answer:
        have = have if getattr(answer, "status", None) == 206 else 0
        if not have:
            partial.unlink(missing_ok=True)  # before its version is another's
            version.write_text(_version(answer.headers), encoding="utf-8")
        length = answer.headers.get("Content-Length")
        _append(answer, partial, have, None if length is None else have + int(length))
    os.replace(partial, target)
    version.unlink(missing_ok=True)
    return target


def _version(headers: Any) -> str:
    """What tells a file of a server from the next one of that name: its strong tag, else its date; "" without."""
    tag = headers.get("ETag") or ""
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified") or ""


def _append(answer: Any, partial: Path, have: int, total: int | None) -> None:
    """What is sent, after what is there."""
    bar = tqdm(desc=partial.name[1:-8], total=total, initial=have, unit="B", unit_scale=True, delay=1)
    with bar, partial.open("ab" if have else "wb") as file:
        while block := answer.read(_BLOCK):
            file.write(block)
            bar.update(len(block))
        size = file.tell()
    if total is not None and size != total:
        raise OSError(f"{size:,} of {total:,} bytes came")


def _unpack(archive: Path, folder: Path, files: tuple[str, ...]) -> None:
    """The files of these names in an archive, and nothing else."""
    with zipfile.ZipFile(archive) as zipped:
        members = {name.rsplit("/", 1)[-1]: name for name in zipped.namelist()}
        for name in files:
            if name not in members:
                raise zipfile.BadZipFile(f"there is no {name} in it")
            partial = folder / f".{name}.partial"
            with zipped.open(members[name]) as source, partial.open("wb") as sink:
                shutil.copyfileobj(source, sink, _BLOCK)
            os.replace(partial, folder / name)
