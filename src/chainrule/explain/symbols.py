"""What the arrays of a step are called: one name each for code, for text and for mathematics."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.explain.mathml import LaTeX, MathML

SMALL = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
LETTERS = {
    "gamma": "γ", "beta": "β", "alpha": "α", "epsilon": "ε", "delta": "δ", "mu": "μ", "rho": "ρ", "phi": "Φ",
    "xhat": "x̂", "lr": "η", "momentum": "μ", "beta1": "β₁", "beta2": "β₂", "l2": "λ₂", "l1": "λ₁", "weight_decay": "λ",
    "l": "ℓ", "quantile": "τ", "n": "N", "t_step": "step",
}  # fmt: skip
GREEK = {
    "γ": r"\gamma", "β": r"\beta", "α": r"\alpha", "ε": r"\varepsilon", "δ": r"\delta", "μ": r"\mu", "ρ": r"\rho",
    "Φ": r"\Phi", "x̂": r"\hat{x}", "η": r"\eta", "β₁": r"\beta_1", "β₂": r"\beta_2", "λ₂": r"\lambda_2",
    "λ₁": r"\lambda_1", "λ": r"\lambda", "ℓ": r"\ell", "τ": r"\tau",
}  # fmt: skip


@dataclass(frozen=True)
class Symbol:
    """A letter with its number; `of` is L or ℓ where it is a gradient with respect to that letter."""

    letter: str
    number: str = ""
    of: str = ""
    after: bool = False

    @property
    def text(self) -> str:
        name = self.letter + self.number.translate(SMALL)
        return (f"∂{self.of}/∂{name}" if self.of else name) + (" after" if self.after else "")

    @property
    def latex(self) -> str:
        letter = self.letter.rstrip("′")
        written = GREEK.get(letter) or LaTeX().identifier(letter)
        primes = "'" * (len(self.letter) - len(letter))  # superscripts, which allow no other beside them
        return f"{{{written}{primes}}}" if primes else written

    def write(self, to: MathML, above: str = "") -> str:
        """The whole array's name in that notation, with a mark above (a transpose)."""
        latex = isinstance(to, LaTeX)
        letter = self.latex if latex else to.identifier(self.letter)
        mark = to.text("after") if self.after else above
        if not self.of:
            return to.scripts(letter, to.number(self.number) if self.number else "", mark)
        name = to.scripts(letter, to.number(self.number) if self.number else "", "")
        if latex:
            over, of = r"\partial ", r"\ell" if self.of == "ℓ" else self.of
        else:
            over, of = "<mo>∂</mo>", f"<mi>{self.of}</mi>"
        whole = to.fraction(over + of, over + name)
        return to.power(to.bracket(whole), mark) if mark else whole
