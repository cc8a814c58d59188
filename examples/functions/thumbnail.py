"""Thumbnails. Each call has a separate process, since images come from strangers and decoders are in C."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from microfn import Request, abort

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
LARGEST = 1024
MOST_PIXELS = 16_000_000
_MODES = ("L", "LA", "RGB", "RGBA", "I;16")

Image.MAX_IMAGE_PIXELS = MOST_PIXELS  # for larger images, Pillow warns before it decodes; here the warning is an error


def thumbnail(request: Request, params: dict[str, Any]) -> tuple[bytes, int, dict[str, str]]:
    """Return the image, at most `size` wide and high: a JPEG for a JPEG, a PNG for other formats."""
    size = params["size"]
    if not 1 <= size <= LARGEST:
        abort(400, f"A thumbnail has 1 to {LARGEST} pixels on each side.")
    name, content = small(request.get_data(), size)
    return content, 200, {"Content-Type": f"image/{name.lower()}"}


def small(data: bytes, size: int) -> tuple[str, bytes]:
    """Return format and content of the thumbnail."""
    image: Image.Image = opened(data)
    name = "JPEG" if image.format == "JPEG" else "PNG"
    try:
        image.draft(None, (2 * size, 2 * size))  # decodes a JPEG at down to an eighth of its size
        if image.mode not in _MODES:
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        image.thumbnail((size, size), reducing_gap=None)
        ImageOps.exif_transpose(image, in_place=True)
        image.info.clear()  # remove private data, such as the position of a photo
        out = BytesIO()
        image.save(out, name)
    except MemoryError:
        abort(413, "The image takes more memory than there is for it.")
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's errors for truncated or invalid images
        abort(400, f"The image is broken: {error}.")
    return name, out.getvalue()


def opened(data: bytes) -> Image.Image:
    """Return the image. Only its header has been read, and its pixels are decoded later."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        abort(413, f"The image has more than {MOST_PIXELS:,} pixels.")
    except UnidentifiedImageError:
        abort(415, f"Send an image as the body: {', '.join(FORMATS)}.")
    except (OSError, SyntaxError, ValueError) as error:
        abort(400, f"The image is broken: {error}.")
