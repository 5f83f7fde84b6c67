from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from dashboards.briefing.photographs import LONGEST_SIDE, MOST_BYTES, PhotoError, cleaned


def picture(size: tuple[int, int], kind: str = "JPEG", orientation: int = 1) -> bytes:
    """A picture, red on the left and blue on the right, with what a phone writes into it."""
    made = Image.new("RGB", size, (200, 30, 30))
    made.paste((30, 30, 200), (size[0] // 2, 0, size[0], size[1]))
    exif = Image.Exif()
    exif[0x010F] = "Phone maker"
    exif[0x0112] = orientation
    exif.get_ifd(0x8825)[2] = (57.0, 29.0, 13.0)
    file = io.BytesIO()
    made.save(file, kind, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_but_pixels_is_kept(kind: str) -> None:
    raw = picture((2400, 1800), kind)
    assert b"Phone maker" in raw
    jpeg, size = cleaned(raw)
    assert size == (LONGEST_SIDE, 1200)
    assert b"Phone maker" not in jpeg
    assert b"Exif" not in jpeg
    again = Image.open(io.BytesIO(jpeg))
    assert again.format == "JPEG"
    assert dict(again.getexif()) == {}


def test_a_phone_that_lay_on_its_side_is_set_upright() -> None:
    # Orientation 6: to be turned a quarter clockwise, so that the left comes to the top.
    jpeg, size = cleaned(picture((800, 400), orientation=6))
    assert size == (400, 800)
    upright = Image.open(io.BytesIO(jpeg)).convert("RGB")
    top, bottom = upright.getpixel((200, 100)), upright.getpixel((200, 700))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 150 > top[2]
    assert bottom[2] > 150 > bottom[0]


def test_a_small_picture_is_not_made_larger() -> None:
    assert cleaned(picture((320, 240)))[1] == (320, 240)


@pytest.mark.parametrize(
    "raw", [b"", b"GIF89a", b"\xff\xd8\xff\xe0nonsense", picture((640, 480))[:2000], b"<svg/>"]
)
def test_what_is_no_picture_is_none(raw: bytes) -> None:
    with pytest.raises(PhotoError) as refused:
        cleaned(raw)
    assert refused.value.reason == "none"


def bomb(width: int, height: int) -> bytes:
    """A PNG of some bytes that says it has so many pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + name
            + content
            + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(10_000, 9_000), (60_000, 60_000)])
def test_more_pixels_than_a_phone_has_are_never_unpacked(size: tuple[int, int]) -> None:
    with pytest.raises(PhotoError) as refused:
        cleaned(bomb(*size))
    assert refused.value.reason == "large"


def test_more_bytes_than_a_phone_makes_are_not_looked_at() -> None:
    with pytest.raises(PhotoError) as refused:
        cleaned(b"\0" * (MOST_BYTES + 1))
    assert refused.value.reason == "large"
