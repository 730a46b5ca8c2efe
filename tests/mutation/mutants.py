"""The mistakes: each changes one comparison, condition, constant or call of a source file. Pure."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
OPPOSITES = {"at_least": "at_most", "at_most": "at_least", "below": "at_least"}
"""Comparisons of `expect`. One that has no opposite is taken away instead, as every other call for its own sake is."""


@dataclass(frozen=True)
class Mutant:
    """One mistake.

    Attributes:
        file: path of the source file, relative to the root of the checkout.
        line: where, from 1.
        before: the code there.
        after: the code instead.
        source: the whole file with the mistake.
    """

    file: str
    line: int
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        """What names it as long as the line stays as it is, wherever it moves to."""
        return f"{self.file}: {self.before} -> {self.after}"


def mutants(file: str, source: str) -> Iterator[Mutant]:
    """Yield every mistake that is made in a file, in its order; two of the same name are told apart by nothing."""
    tree = ast.parse(source)
    conditions = {id(node.test) for node in ast.walk(tree) if isinstance(node, ast.If | ast.IfExp | ast.While)}
    for node in _changeable(tree):
        before = ast.get_source_segment(source, node)
        turned = id(node) in conditions and isinstance(node, ast.Name | ast.Attribute | ast.Call)
        for after in (*_alternatives(node), *([ast.UnaryOp(ast.Not(), node)] if turned else [])) if before else ():
            text = ast.unparse(after)
            instead = text if isinstance(after, ast.stmt | ast.keyword) else f"({text})"
            yield Mutant(file, node.lineno, " ".join(before.split()), text, _spliced(source, node, instead))


def _changeable(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that may be changed: not annotations, nor what decorators declare, nor texts with fields."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list") or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _changeable(child)


def _alternatives(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands instead of a node."""
    match node:
        case ast.Compare(left=left, ops=[op], comparators=comparators):
            yield from (ast.Compare(left, [other()], comparators) for other in COMPARISONS[type(op)])
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name))) if name != "note":
            yield ast.Pass()
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=args, keywords=keywords) if name in OPPOSITES:
            # What the opposite does not take is left out: the mistake is in the comparison.
            fit = [keyword for keyword in keywords if keyword.arg == "symptom"]
            yield ast.Call(ast.Attribute(value, OPPOSITES[name], ast.Load()), args, fit)


def _spliced(source: str, node: ast.AST, text: str) -> str:
    """Return the source with a node's text replaced. Columns are counted in bytes."""
    lines = source.encode().splitlines(keepends=True)
    first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[attr-defined]  # every node that has a text
    head, tail = lines[first][: node.col_offset], lines[last][node.end_col_offset :]  # type: ignore[attr-defined]
    return b"".join([*lines[:first], head, text.encode(), tail, *lines[last + 1 :]]).decode()
