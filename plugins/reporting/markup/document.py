"""Jira's documents (Atlassian Document Format): text stands in nodes of its own, and is never read as markup."""

from collections.abc import Iterable, Sequence
from typing import Any

from plugins.reporting.markup.blocks import Block, Code, Heading, Items, Marker, Paragraph, Span, clean
from plugins.reporting.markup.markdown import clean_lines


def document(blocks: Sequence[Block]) -> dict[str, Any]:
    """Return the document."""
    return {"type": "doc", "version": 1, "content": [_block(block) for block in blocks]}


def marker(run: str) -> str:
    """Return the words by which a run finds its own text again; a document cannot hide any."""
    return f"allclear run {run}"


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Heading():
            return {"type": "heading", "attrs": {"level": 3}, "content": [_text(Span(block.text))]}
        case Paragraph():
            return _paragraph(block.spans)
        case Items():
            items = [{"type": "listItem", "content": [_paragraph(spans)]} for spans in block.rows]
            return {"type": "bulletList", "content": items}
        case Code():
            text = {"type": "text", "text": clean_lines(block.text) or " "}
            return {"type": "codeBlock", "attrs": {"language": "shell"}, "content": [text]}
        case Marker():
            return _paragraph([Span(marker(block.run))])


def _paragraph(spans: Iterable[Span]) -> dict[str, Any]:
    return {"type": "paragraph", "content": [_text(span) for span in spans if span.text]}


def _text(span: Span) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "text", "text": clean(span.text)}
    match span.kind:
        case "link":
            node["marks"] = [{"type": "link", "attrs": {"href": span.text}}]
        case "strong" | "code":
            node["marks"] = [{"type": span.kind}]
    return node
