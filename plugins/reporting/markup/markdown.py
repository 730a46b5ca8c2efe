"""GitHub's Markdown. Nothing that a value says becomes markup, a mention, a reference or an address to click."""

import re
from collections.abc import Iterable, Sequence

from plugins.reporting.markup.blocks import Block, Code, Heading, Items, Marker, Paragraph, Span, clean

_MARKUP = re.compile(r"([\\`*_\[\]|~<>&#])")
_BREAK = "\N{ZERO WIDTH SPACE}"
"""GitHub looks for names, numbers and addresses in the text as it is shown, so a backslash does not hide them."""
_MEANT = re.compile(r"(?i)([@#](?=\w)|\bGH-(?=\d)|\bwww\.|\b\w+:(?=//)|\b(?:mailto|xmpp):)")


def render(blocks: Sequence[Block]) -> str:
    """Return the text."""
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f"### {_plain(block.text)}"
        case Paragraph():
            return _spans(block.spans)
        case Items():
            return "\n".join(f"- {_spans(spans)}" for spans in block.rows)
        case Code():
            text = clean_lines(block.text)
            fence = "`" * max(3, _longest(text) + 1)
            return f"{fence}sh\n{text}\n{fence}"
        case Marker():
            return marker(block.run)


def marker(run: str) -> str:
    """Return the comment, shown nowhere, by which a run finds its own text again."""
    return f"<!-- allclear run {re.sub('[^0-9A-Za-z-]', '', run)} -->".replace("--run", "-run")


def clean_lines(text: str) -> str:
    """Return commands without secrets and hidden characters, their line ends kept."""
    return "\n".join(clean(line) for line in text.splitlines())


def _spans(spans: Iterable[Span]) -> str:
    return "".join(_span(span) for span in spans)


def _span(span: Span) -> str:
    match span.kind:
        case "plain":
            return _plain(span.text)
        case "strong":
            return f"**{_plain(span.text)}**"
        case "code":
            return _code(span.text)
        case "link":
            return f"<{span.text}>"


def _plain(text: str) -> str:
    flat = re.sub(r"\s+", " ", clean(text))
    return _MARKUP.sub(r"\\\1", _MEANT.sub(rf"\1{_BREAK}", flat))


def _code(text: str) -> str:
    """Return a code span whose fence does not occur in it."""
    fence = "`" * (_longest(text) + 1)
    pad = " " if not text or text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text or ' '}{pad}{fence}"


def _longest(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
