"""A line of NumPy as mathematics: MathML for the page, LaTeX to copy. Browsers draw MathML themselves.

Names go through `leaf`, so that the same expression can be written with whole matrices or with the entries of one cell.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

SUM, PRODUCT, NEGATIVE, POWER, ATOM = range(5)
COMPARISONS = {ast.Gt: ">", ast.Lt: "<", ast.GtE: "≥", ast.LtE: "≤", ast.Eq: "="}
LATEX_COMPARISONS = {">": ">", "<": "<", "≥": r"\ge", "≤": r"\le", "=": "="}
FUNCTIONS = {
    "np.maximum": "max", "np.minimum": "min", "np.tanh": "tanh", "np.log": "log", "np.sign": "sign", "np.clip": "clip",
    "np.expm1": "expm1", "sigmoid": "σ", "softplus": "softplus", "softmax": "softmax", "log_softmax": "log softmax",
    "erf": "erf", "one_hot": "one-hot",
}  # fmt: skip


class MathML:
    """Writes pieces of Presentation MathML."""

    times, dot = "<mo>·</mo>", "<mo>·</mo>"

    def number(self, text: str) -> str:
        return f"<mn>{text}</mn>" if not text.startswith("-") else f"<mo>−</mo><mn>{text[1:]}</mn>"

    def identifier(self, text: str) -> str:
        return f"<mi>{escape(text)}</mi>"

    def operator(self, text: str) -> str:
        return f"<mo>{escape(text)}</mo>"

    def row(self, *parts: str) -> str:
        return f"<mrow>{''.join(parts)}</mrow>"

    def fraction(self, above: str, below: str) -> str:
        return f"<mfrac>{self.row(above)}{self.row(below)}</mfrac>"

    def power(self, base: str, exponent: str) -> str:
        return f"<msup>{self.row(base)}{self.row(exponent)}</msup>"

    def scripts(self, base: str, below: str, above: str) -> str:
        """A base with what stands below and above it; either may be empty."""
        if below and above:
            return f"<msubsup>{self.row(base)}{self.row(below)}{self.row(above)}</msubsup>"
        if below:
            return f"<msub>{self.row(base)}{self.row(below)}</msub>"
        return self.power(base, above) if above else base

    def root(self, inner: str) -> str:
        return f"<msqrt>{inner}</msqrt>"

    def bracket(self, inner: str, left: str = "(", right: str = ")") -> str:
        return self.row(f"<mo>{left}</mo>", inner, f"<mo>{right}</mo>")

    def sum(self, index: str) -> str:
        return f"<munder><mo>∑</mo><mi>{index}</mi></munder>"

    def text(self, text: str) -> str:
        return f"<mtext>{escape(text).replace(' ', '&#160;')}</mtext>"

    def cases(self, rows: list[tuple[str, str]]) -> str:
        cells = "".join(f"<mtr><mtd>{value}</mtd><mtd>{condition}</mtd></mtr>" for value, condition in rows)
        return f'<mrow><mo>{{</mo><mtable columnalign="left">{cells}</mtable></mrow>'


class LaTeX(MathML):
    """Writes the same pieces for a LaTeX formula."""

    times, dot = r"\,", r"\cdot "

    def number(self, text: str) -> str:
        return text

    def identifier(self, text: str) -> str:
        text = {"σ": r"\sigma", "π": r"\pi"}.get(text, text.replace("_", r"\_"))
        return text if len(text) == 1 or text.startswith("\\") else rf"\mathrm{{{text}}}"

    def operator(self, text: str) -> str:
        return {"−": "-", "·": r"\cdot ", "←": r"\leftarrow "}.get(text, LATEX_COMPARISONS.get(text, text)) + " "

    def row(self, *parts: str) -> str:
        return "".join(parts)

    def fraction(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def power(self, base: str, exponent: str) -> str:
        return f"{{{base}}}^{{{exponent}}}"

    def scripts(self, base: str, below: str, above: str) -> str:
        return base + (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")

    def root(self, inner: str) -> str:
        return rf"\sqrt{{{inner}}}"

    def bracket(self, inner: str, left: str = "(", right: str = ")") -> str:
        return rf"\left{left}{inner}\right{right}"

    def sum(self, index: str) -> str:
        return rf"\sum_{{{index}}}"

    def text(self, text: str) -> str:
        return rf"\text{{{text}}}"

    def cases(self, rows: list[tuple[str, str]]) -> str:
        return r"\begin{cases}" + r"\\".join(f"{v} & {c}" for v, c in rows) + r"\end{cases}"


Leaf = Callable[[str, MathML, str], str]


@dataclass(frozen=True)
class Writer:
    """Expressions in one notation; `leaf(name, notation, above)` writes a name, with what stands above it."""

    to: MathML
    leaf: Leaf

    def write(self, node: ast.expr, level: int = SUM) -> str:
        """The expression, in brackets where its operator binds weaker than `level`."""
        own, text = self._write(node)
        return text if own >= level else self.to.bracket(text)

    def _write(self, node: ast.expr) -> tuple[int, str]:
        to = self.to
        match node:
            case ast.Constant(value=int() | float() as value):
                return (NEGATIVE if value < 0 else ATOM), to.number(f"{value:.12g}")
            case ast.Name(id="pi"):
                return ATOM, to.identifier("π")
            case ast.Name(id=name):
                return ATOM, self.leaf(name, to, "")
            case ast.Attribute(value=inner, attr="T"):
                sign = to.identifier("⊤" if type(to) is MathML else r"\top")
                if isinstance(inner, ast.Name):
                    return POWER, self.leaf(inner.id, to, sign)
                return POWER, to.power(self.write(inner, ATOM), sign)
            case ast.UnaryOp(operand=inner):
                return NEGATIVE, to.row(to.operator("−"), self.write(inner, PRODUCT))
            case ast.BinOp():
                return self._operation(node)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                parts = self.write(left), to.operator(COMPARISONS[type(op)]), self.write(right)
                return SUM - 1, to.row(*parts)
            case ast.Call():
                return self._call(node)
        return ATOM, to.text(ast.unparse(node))

    def _operation(self, node: ast.BinOp) -> tuple[int, str]:
        to, left, right = self.to, node.left, node.right
        match node.op:
            case ast.Add():
                return SUM, to.row(self.write(left), to.operator("+"), self.write(right, NEGATIVE - 1))
            case ast.Sub():
                return SUM, to.row(self.write(left), to.operator("−"), self.write(right, PRODUCT))
            case ast.Div():
                return POWER - 1, to.fraction(self.write(left), self.write(right))
            case ast.Pow():
                return POWER, to.power(self.write(left, ATOM), self.write(right))
        return PRODUCT, to.row(self.write(left, PRODUCT), to.dot, self.write(right, NEGATIVE))

    def _call(self, node: ast.Call) -> tuple[int, str]:
        to = self.to
        name = ast.unparse(node.func)
        match node.func:
            case ast.Attribute(value=inner, attr="sum" | "mean" as what) if ast.unparse(inner) != "np":
                axis = next((ast.literal_eval(word.value) for word in node.keywords if word.arg == "axis"), None)
                over = {0: "column ", 1: "row ", None: ""}[axis] + f"{what}s"[: None if axis is not None else -1]
                return PRODUCT, to.row(to.text(f"{over} of "), self.write(inner, ATOM))
        if name in ("np.sqrt", "sqrt"):
            return ATOM, to.root(self.write(node.args[0]))
        if name == "np.exp":
            return POWER, to.power(to.identifier("e"), self.write(node.args[0]))
        if name == "np.abs":
            return ATOM, to.bracket(self.write(node.args[0]), "|", "|")
        if name == "np.where":
            condition, yes, no = node.args
            other = to.text("else")
            return ATOM, to.cases(
                [(self.write(yes), to.row(to.text("if "), self.write(condition))), (self.write(no), other)]
            )
        arguments = [self.write(argument) for argument in node.args]
        joined = to.operator(",").join(arguments)
        return ATOM, to.row(to.identifier(FUNCTIONS.get(name, name)), to.bracket(joined))
