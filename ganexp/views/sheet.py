"""A white page on which images stand in rows: what all pictures of images share.

NumPy and Pillow only, because a matplotlib artist for each of 64 images takes longer than all of them as one array. The
font is the one that matplotlib brings, so that these pages look like the other pictures.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from ganexp.views import canvas
from ganexp.views.canvas import INK, QUIET, TRAIL, Pixels

Color = tuple[float, float, float]

MARGIN, HEADER = 8, 28
LEAST_WIDTH = 240
TITLE_SIZE, TEXT_SIZE = 14, 11
# Gray digits are ink on paper, as the other pictures are; the paper is not quite white, so that empty images are seen.
PAPER_GRAY, INK_GRAY = 244, 20
# Sixteen shades look nearly the same as 256 on a digit, and halve the PNG of noisy ones.
SHADES = 15


class Sheet:
    """A page of `width` x `height` pixels below and beside which there is a margin, and above which stands the title.

    Places are (left, top) in pixels, from the corner below the title.
    """

    def __init__(self, width: int, height: int, title: str, note: str = "", legend: tuple[str, Color] | None = None):
        """`note` follows the title; `legend` (what a color of frames means) stands at the right end of its line."""
        from PIL import Image, ImageDraw

        page = max(width + 2 * MARGIN, LEAST_WIDTH), height + HEADER + MARGIN
        self._image = Image.new("RGB", page, "white")
        self._drawing = ImageDraw.Draw(self._image)
        end, middle = page[0] - MARGIN, HEADER // 2 - HEADER
        if legend is not None:
            text, color = legend
            end = end - round(_font(TEXT_SIZE, False).getlength(text))
            self.write(text, (end - MARGIN, middle), "lm")
            self.frame((end - MARGIN - 13, middle - 3), 8, 8, color, 2)
            end -= 26
        title = _shortened(title, end - MARGIN, _font(TITLE_SIZE, True))
        self.write(title, (0, middle), "lm", INK, TITLE_SIZE, True)
        start = round(_font(TITLE_SIZE, True).getlength(title)) + (10 if title else 0)
        self.write(_shortened(note, end - MARGIN - start, _font(TEXT_SIZE, False)), (start, middle), "lm")

    def paste(self, block: UInt8[np.ndarray, "height width channels"], place: tuple[int, int]) -> None:
        """Put gray (1 channel) or colored pixels (3) on the page; none are no error."""
        from PIL import Image

        if not block.size:
            return
        block = block[..., 0] if block.shape[-1] == 1 else block
        self._image.paste(Image.fromarray(block), (place[0] + MARGIN, place[1] + HEADER))

    def frame(self, place: tuple[int, int], width: int, height: int, color: Color, line: int) -> None:
        """A frame of `line` pixels around what lies at `place` and is `width` x `height` pixels large."""
        left, top = place[0] + MARGIN - line, place[1] + HEADER - line
        box = (left, top, left + width + 2 * line - 1, top + height + 2 * line - 1)
        self._drawing.rectangle(box, outline=_eight_bits(color), width=line)

    def cross(self, center: tuple[int, int], radius: int, color: Color) -> None:
        """A white cross on a disc of `radius` pixels: the mark of what is fake."""
        from PIL import Image, ImageDraw

        # Drawn four times too large and shrunk, because Pillow's own discs have steps.
        large, arm = 8 * radius, 1.6 * radius
        disc = Image.new("L", (large, large))
        ImageDraw.Draw(disc).ellipse((0, 0, large - 1, large - 1), fill=255)
        mark = Image.new("RGB", (large, large), _eight_bits(color))
        for sign in (-1, 1):
            line = (large / 2 - arm, large / 2 - sign * arm, large / 2 + arm, large / 2 + sign * arm)
            ImageDraw.Draw(mark).line(line, fill="white", width=max(4, radius))
        place = center[0] + MARGIN - radius, center[1] + HEADER - radius
        size = 2 * radius, 2 * radius
        self._image.paste(mark.resize(size, Image.Resampling.BOX), place, disc.resize(size, Image.Resampling.BOX))

    def write(
        self,
        text: str,
        place: tuple[int, int],
        anchor: str,
        color: Color | str = QUIET,
        size: int = TEXT_SIZE,
        bold: bool = False,
    ) -> None:
        """Words at `place`, which is the part of them that Pillow's `anchor` names ("lm": left end, middle)."""
        at = place[0] + MARGIN, place[1] + HEADER
        self._drawing.text(at, text, fill=_eight_bits(color), font=_font(size, bold), anchor=anchor)

    def pixels(self) -> Pixels:
        """The page so far."""
        return np.array(self._image)


def outside_share(images: Float[np.ndarray, ...]) -> float:
    """The share of intensities outside of [0, 1]; none of those that are not finite."""
    # What clipping moves by less than half a gray level is rounding, not a value outside.
    beyond = np.isfinite(images) & ((images < -1 / 510) | (images > 1 + 1 / 510))
    return float(beyond.mean()) if beyond.any() else 0.0


def shades(
    images: Float[np.ndarray, "*n height width channels"], outside: float | None = None
) -> tuple[UInt8[np.ndarray, "*n height width shown"], str]:
    """Intensities as gray (1 channel: ink on paper) or red, green and blue (3 channels: light on black), and the note on
    those outside of [0, 1], which are clipped, and on those not finite, which are orange. `outside` is the share of the former, where
    it is known.

    Raises ValueError for another number of channels.
    """
    channels = images.shape[-1]
    if channels not in (1, 3):
        raise ValueError(f"images have {channels} channels, and pictures are made of 1 (gray) or 3 (colors)")
    missing = ~np.isfinite(images)
    share = outside_share(images) if outside is None else outside
    clipped = f"{canvas.percent(share)} outside [0, 1]" if share else ""
    light = np.nan_to_num(np.clip(images, 0, 1)) * SHADES + 0.5
    ends = (PAPER_GRAY, INK_GRAY) if channels == 1 else (0, 255)
    # A table of shades is four times as fast as arithmetic on every pixel.
    colors = np.linspace(*ends, SHADES + 1).round().astype(np.uint8)[light.astype(np.uint8)]
    if missing.any():
        colors = np.array(np.broadcast_to(colors, (*images.shape[:-1], 3)))
        colors[missing.any(-1)] = _eight_bits(TRAIL)
    return colors, ", ".join(filter(None, [clipped, canvas.note_not_finite(int(missing.sum()))]))


def tile(
    cells: UInt8[np.ndarray, "rows columns height width channels"], scale: int, gap: int
) -> UInt8[np.ndarray, "tall wide channels"]:
    """Cells in rows and columns, each pixel `scale` pixels large, with `gap` white pixels between the cells."""
    rows, columns, height, width, channels = (int(size) for size in cells.shape)
    height, width = height * scale, width * scale
    block = np.full((rows, height + gap, columns, width + gap, channels), 255, np.uint8)
    block[:, :height, :, :width] = cells.repeat(scale, 3).repeat(scale, 2).transpose(0, 2, 1, 3, 4)
    page = block.reshape(rows * (height + gap), columns * (width + gap), channels)
    return page[: max(len(page) - gap, 0), : max(page.shape[1] - gap, 0)]


@functools.cache
def _font(size: int, bold: bool) -> Any:
    from matplotlib import get_data_path
    from PIL import ImageFont

    path = f"{get_data_path()}/fonts/ttf/DejaVuSans{'-Bold' if bold else ''}.ttf"
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def _shortened(text: str, room: int, font: Any) -> str:
    text = " ".join(text.split())
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text.rstrip() + "…" if text else ""


def _eight_bits(color: Color | str) -> tuple[int, int, int]:
    red, green, blue = (float(color),) * 3 if isinstance(color, str) else color
    return round(255 * red), round(255 * green), round(255 * blue)
