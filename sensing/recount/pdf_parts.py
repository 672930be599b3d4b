"""Type, colours and drawn parts of the certificate's PDF."""

from __future__ import annotations

from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, TableStyle

from sensing.recount.words import Figure

TEXT, MUTED, ACCENT = HexColor("#132024"), HexColor("#51626a"), HexColor("#0a6a6f")
LINE, BAND = HexColor("#d3dadb"), HexColor("#dceeee")
WIDE = "HeiseiKakuGo-W5"

TITLE = ParagraphStyle(
    "title", fontName="Helvetica-Bold", fontSize=20, leading=25, textColor=TEXT, spaceAfter=2
)
HEAD = ParagraphStyle(
    "head", fontName="Helvetica-Bold", fontSize=11, leading=15, textColor=TEXT, spaceAfter=2
)
BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=9, leading=12.5, textColor=TEXT)
SMALL = ParagraphStyle("small", parent=BODY, fontSize=8, leading=11, textColor=MUTED)

pdfmetrics.registerFont(UnicodeCIDFont(WIDE))


def font_of(text: str, latin: str = "Helvetica") -> str:
    """The font that has all letters of a text; names of places may be Japanese."""
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return WIDE
    return latin


def table_style(rows: int, *, head: bool = True) -> TableStyle:
    """Few lines, numbers to the right."""
    commands: list[Any] = [
        ("FONT", (0, 0), (-1, -1), "Helvetica", 9),
        ("TEXTCOLOR", (0, 0), (-1, -1), TEXT),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
    if head:
        commands.append(("LINEBELOW", (0, 0), (-1, 0), 0.8, MUTED))
    if rows > 24:
        commands.append(("FONTSIZE", (0, 0), (-1, -1), 8))
    return TableStyle(commands)


GUTTER = 14
COLUMNS = TableStyle(
    [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), GUTTER),
    ]
)


class FigureCell(Flowable):
    """A share in large type, its 95 % interval drawn below: a band, and a stroke at the value."""

    def __init__(self, figure: Figure, width: float) -> None:
        super().__init__()
        self.figure, self.width, self.height = figure, width, 24.5 * mm

    def wrap(self, *_: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        canvas, figure = self.canv, self.figure
        canvas.setFillColor(MUTED)
        canvas.setFont(font_of(figure.name), 9)
        canvas.drawString(0, self.height - 9, figure.name)
        canvas.setFillColor(TEXT)
        canvas.setFont("Helvetica-Bold", 22)
        canvas.drawString(0, self.height - 32, figure.text)
        low, high = self.width * figure.low / 100, self.width * figure.high / 100
        y = self.height - 44
        canvas.setStrokeColor(LINE)
        canvas.setLineWidth(0.6)
        canvas.line(0, y, self.width, y)
        canvas.setFillColor(BAND)
        canvas.setStrokeColor(ACCENT)
        canvas.rect(low, y - 3, max(high - low, 0.5), 6, stroke=1, fill=1)
        if figure.value is not None:
            at = self.width * figure.value / 100
            canvas.setLineWidth(2)
            canvas.line(at, y - 5, at, y + 5)
        canvas.setFillColor(MUTED)
        canvas.setFont(font_of(figure.interval), 7)
        canvas.drawString(0, y - 14, figure.interval)
        canvas.setFont(font_of(figure.of), 7)
        canvas.drawString(0, y - 23, figure.of)
