"""A photograph as a phone sends it, made anew: smaller, upright, and without what else it tells.

A phone writes into a picture where it was taken, when, by which phone, and often a smaller picture
of before it was cropped. Only the pixels are kept.
"""

from __future__ import annotations

import io
import warnings
from typing import Final

from PIL import Image, ImageOps

MOST_BYTES: Final = 15_000_000
MOST_PIXELS: Final = 60_000_000
LONGEST_SIDE: Final = 1600
_QUALITY: Final = 82
_FORMATS: Final = ("JPEG", "PNG", "WEBP")


class PhotoError(ValueError):
    """Something that cannot be taken for a photograph; `reason` has a text on the page."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"no photograph: {reason}")
        self.reason = reason


def cleaned(raw: bytes) -> tuple[bytes, tuple[int, int]]:
    """Return a photograph as JPEG of our own making, with its width and height.

    Raises
    ------
    PhotoError
        It is none (``none``), or larger than any phone's (``large``).
    """
    if len(raw) > MOST_BYTES:
        raise PhotoError("large")
    try:
        upright = _unpacked(raw)
    except Image.DecompressionBombError as error:
        raise PhotoError("large") from error
    except PhotoError:
        raise
    except Exception as error:
        raise PhotoError("none") from error
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # A picture that knows nothing but its pixels.
    bare = Image.frombytes("RGB", upright.size, upright.tobytes())
    made = io.BytesIO()
    bare.save(made, "JPEG", quality=_QUALITY, optimize=True)
    return made.getvalue(), bare.size


def _unpacked(raw: bytes) -> Image.Image:
    """The pixels, upright, if they are no more than a phone's."""
    with warnings.catch_warnings():
        # Told before a pixel is unpacked; what is larger is refused here.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        opened = Image.open(io.BytesIO(raw), formats=_FORMATS)
    if opened.width * opened.height > MOST_PIXELS:
        raise PhotoError("large")
    # A JPEG is unpacked at about the size that is wanted.
    opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    return ImageOps.exif_transpose(opened).convert("RGB")
