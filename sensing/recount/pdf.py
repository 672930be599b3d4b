"""A certificate as PDF: one page, or two where there are many lines."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from django.utils.translation import gettext as _
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    Image,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from sensing.recount.pdf_parts import (
    ACCENT,
    BODY,
    COLUMNS,
    GUTTER,
    HEAD,
    MUTED,
    SMALL,
    TITLE,
    FigureCell,
    font_of,
    table_style,
)
from sensing.recount.words import Words, words_of

MARGIN = 18 * mm
PADDING = 6  # of the page frame, in points
LEFT, RIGHT = MARGIN + PADDING, A4[0] - MARGIN - PADDING
WIDTH = RIGHT - LEFT


def certificate_pdf(
    document: dict[str, Any], *, number: int, digest: str, thumbnail: bytes | None = None
) -> bytes:
    """The PDF of a certificate's document; the same bytes each time."""
    words, out = words_of(document), BytesIO()
    title = f"{words.title} {number}: {words.camera}"
    paper = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=22 * mm,
        bottomMargin=14 * mm,
        title=title,
        author=f"{words.site} (AISION)",
        subject=words.period,
        invariant=1,
    )

    def frame(canvas: Canvas, page: Any) -> None:
        _frame(canvas, page.page, words, number, digest)

    paper.build(_story(words, number, thumbnail), onFirstPage=frame, onLaterPages=frame)
    return out.getvalue()


def _frame(canvas: Canvas, page: int, words: Words, number: int, digest: str) -> None:
    top = A4[1] - 15 * mm
    canvas.saveState()
    canvas.setFillColor(ACCENT)
    canvas.setFont("Helvetica-Bold", 11)
    canvas.drawString(LEFT, top, "AISION")
    canvas.setFillColor(MUTED)
    canvas.setFont(font_of(words.site), 9)
    canvas.drawRightString(RIGHT, top, words.site)
    canvas.setStrokeColor(ACCENT)
    canvas.setLineWidth(1.2)
    canvas.line(LEFT, top - 3 * mm, RIGHT, top - 3 * mm)
    canvas.setFont("Helvetica", 7)
    foot = _("Certificate %(n)d, page %(page)d") % {"n": number, "page": page}
    canvas.setFont(font_of(foot), 7)
    canvas.drawString(LEFT, 8 * mm, foot)
    canvas.drawRightString(RIGHT, 8 * mm, f"SHA-256 {digest}")
    canvas.restoreState()


def _story(words: Words, number: int, thumbnail: bytes | None) -> list[Flowable]:
    story: list[Flowable] = [
        _text(f"{words.title} {number}", TITLE),
        _text(words.camera, HEAD),
        _text(words.period, BODY),
        _text(words.observed, SMALL),
        Spacer(1, 2.5 * mm),
        Table(
            [[FigureCell(f, WIDTH / 3 - 6 * mm) for f in words.figures]],
            [WIDTH / 3] * 3,
            style=COLUMNS,
        ),
        Spacer(1, 2 * mm),
        _text(words.counted, BODY),
    ]
    if thumbnail is not None:
        story += [Spacer(1, 3 * mm), *_picture(thumbnail)]
    story += [
        Spacer(1, 2.5 * mm),
        KeepTogether([_text(_("By line and direction"), HEAD), _lines(words)]),
    ]
    story += [Spacer(1, 2.5 * mm), _halves(_counts(words), _service(words))]
    story += [Spacer(1, 2.5 * mm), KeepTogether(_classes(words)), Spacer(1, 3 * mm)]
    story.append(
        _halves(
            _paragraphs(_("How it was counted"), words.how),
            _paragraphs(_("What this does not say"), words.caution),
        )
    )
    return story


def _text(text: str, style: Any) -> Paragraph:
    return Paragraph(f'<font name="{font_of(text, style.fontName)}">{escape(text)}</font>', style)


def _picture(thumbnail: bytes) -> list[Flowable]:
    image = Image(BytesIO(thumbnail))
    image.drawWidth, image.drawHeight = WIDTH, WIDTH * image.imageHeight / image.imageWidth
    words = _("The strip: the pixels along each line, time to the right, smeared and averaged.")
    return [image, _text(words, SMALL)]


def _lines(words: Words) -> Table:
    head = [
        _("Line"), "", _("System"), _("By hand"), _("Missed"), _("Wrong"),
        _("Precision"), _("Recall"), "F1", "WAPE", "GEH",
    ]  # fmt: skip
    rows: list[list[Any]] = [[_text(x, SMALL) for x in head]]
    for row in words.lines:
        numbers = [row.automatic, row.manual, row.missed, row.wrong]
        texts = [*map(str, numbers), row.precision, row.recall, row.f1, row.wape, row.geh]
        rows.append([_text(row.line, BODY), _text(row.direction, BODY), *texts])
    widths = [30, 19, 14, 14, 13, 12, 17, 17, 16, 14, 8]
    return Table(
        rows,
        [WIDTH * w / sum(widths) for w in widths],
        style=table_style(len(rows)),
        repeatRows=1,
    )


def _halves(left: list[Flowable], right: list[Flowable]) -> Table:
    return Table([[left, right]], [WIDTH / 2] * 2, style=COLUMNS)


def _paragraphs(head: str, texts: list[str]) -> list[Flowable]:
    return [_text(head, HEAD), *(_text(text, SMALL) for text in texts)]


def _pairs(head: str, pairs: list[tuple[str, str]], share: float) -> list[Flowable]:
    """Names and values; ``share`` of the half is the names'."""
    half = WIDTH / 2 - GUTTER
    rows = [[_text(name, SMALL), _text(value, BODY)] for name, value in pairs]
    style = table_style(0, head=False)
    table = Table(rows, [half * share, half * (1 - share)], style=style, hAlign="LEFT")
    return [_text(head, HEAD), table]


def _counts(words: Words) -> list[Flowable]:
    return _pairs(_("Counts"), words.wape, 0.75)


def _service(words: Words) -> list[Flowable]:
    pairs = [*words.in_service, (_("Issued"), words.issued)]
    return _pairs(_("In service then"), pairs, 0.4)


def _classes(words: Words) -> list[Flowable]:
    parts: list[Flowable] = [_text(_("Classes"), HEAD), _text(words.class_accuracy, SMALL)]
    if not words.classes:
        return parts
    head: list[Any] = [
        _text(_("by hand / by the system"), SMALL),
        *(_text(x, SMALL) for x in words.classes),
    ]
    rows: list[list[Any]] = [
        head,
        *([_text(name, BODY), *map(str, row)] for name, row in words.confusion),
    ]
    widths = [42 * mm, *([20 * mm] * len(words.classes))]
    parts += [Spacer(1, 1 * mm), Table(rows, widths, style=table_style(len(rows)), hAlign="LEFT")]
    return parts
