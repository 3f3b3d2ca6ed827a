// The scalar formula of a cell, with names and with numbers, as MathML and as LaTeX.

const esc = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const MATHML = {
  number: (text) => (text.startsWith("−") ? `<mrow><mo form="prefix">−</mo><mn>${text.slice(1)}</mn></mrow>` : `<mn>${text}</mn>`),
  name: (tensor) => `<mi>${esc(tensor.letter)}</mi>`,
  small: (tensor) => `<mi>${esc(tensor.letter.toLowerCase())}</mi>`,
  op: (text) => `<mo>${text}</mo>`,
  row: (...parts) => `<mrow>${parts.join("")}</mrow>`,
  fraction: (a, b) => `<mfrac><mrow>${a}</mrow><mrow>${b}</mrow></mfrac>`,
  scripts: (base, below, above) =>
    above ? `<msubsup>${base}<mrow>${below}</mrow><mrow>${above}</mrow></msubsup>` : below ? `<msub>${base}<mrow>${below}</mrow></msub>` : base,
  index: (text) => `<mn>${text}</mn>`,
  bracket: (inner) => `<mrow><mo>(</mo>${inner}<mo>)</mo></mrow>`,
  sum: (index) => `<munder><mo>∑</mo><mi>${index}</mi></munder>`,
  partial: (of) => `<mo>∂</mo><mi>${of}</mi>`,
  d: "<mo>∂</mo>",
  after: "<mtext>after</mtext>",
};
const LATEX = {
  number: (text) => text.replace("−", "-").replace("≈", "\\approx "),
  name: (tensor) => tensor.latex,
  small: (tensor) => tensor.latex.toLowerCase(),
  op: (text) => ({ "·": "\\cdot ", "−": "-", "≈": "\\approx ", "←": "\\leftarrow ", "⋯": "\\cdots " })[text] ?? text,
  row: (...parts) => parts.join(""),
  fraction: (a, b) => `\\frac{${a}}{${b}}`,
  scripts: (base, below, above) => base + (below ? `_{${below}}` : "") + (above ? `^{${above}}` : ""),
  index: (text) => text,
  bracket: (inner) => `\\left(${inner}\\right)`,
  sum: (index) => `\\sum_{${index}}`,
  partial: (of) => `\\partial ${of === "ℓ" ? "\\ell" : of}`,
  d: "\\partial ",
  after: "\\text{after}",
};

const SEVERAL = new Set(); // letters that more than one layer uses: their scalars carry the layer above
{
  const seen = {};
  for (const tensor of Object.values(TENSORS)) {
    if (tensor.helper || !tensor.number) continue;
    (seen[tensor.letter] ??= new Set()).add(tensor.number);
  }
  for (const [letter, numbers] of Object.entries(seen)) if (numbers.size > 1) SEVERAL.add(letter);
}

/** One entry by name: w₁₂ is unit 1, input 2; x₂,₁ is row 2, column 1. Indices are numbers from 0, or letters. */
function scalar(key, i, j, to) {
  const tensor = TENSORS[key];
  if (tensor.helper) {
    return tensor[to === MATHML ? "math" : "latex"].replace(/⟦(\w+)⟧/g, (_, name) => scalar(name, clip(name, i, 0), clip(name, j, 1), to));
  }
  const one = (index) => (typeof index === "number" ? String(index + 1) : index);
  const wide = typeof i !== "number" || typeof j !== "number" || i > 8 || j > 8;
  const below = {
    weight: () => one(j) + (wide ? "," : "") + one(i), bias: () => one(j), column: () => one(i), scalar: () => "",
    batch: () => `${one(i)},${one(j)}`,
  }[tensor.kind]();
  const above = SEVERAL.has(tensor.letter) && tensor.number ? to.bracket(to.index(tensor.number)) : tensor.after ? to.after : "";
  const name = tensor.kind === "weight" ? to.small(tensor) : to.name(tensor);
  const written = to.scripts(name, below && to.index(below), above);
  return tensor.of ? to.fraction(to.partial(tensor.of), to.d + written) : written;
}

const clip = (key, index, axis) => ((axis ? columnsOf(key) : rowsOf(key)) === 1 ? 0 : index);

/** A factor in numbers; functions of an entry are written out with the entry's number. */
function inNumbers(factor, to, digits, leading) {
  const tensor = TENSORS[factor.key];
  if (tensor.helper) {
    const text = tensor[to === MATHML ? "math" : "latex"];
    if (text.includes("⟦")) {
      return text.replace(/⟦(\w+)⟧/g, (_, name) => {
        const number = plain(entry(name, clip(name, factor.i, 0), clip(name, factor.j, 1)), digits);
        return number.startsWith("−") ? to.bracket(to.number(number)) : to.number(number);
      });
    }
  }
  const number = plain(factor.value, digits);
  return number.startsWith("−") && !leading ? to.bracket(to.number(number)) : to.number(number);
}

function ordered(factors, gradient) {
  const weights = gradient ? [] : factors.filter((f) => TENSORS[f.key].kind === "weight" && !TENSORS[f.key].of);
  return [...weights, ...factors.filter((f) => !weights.includes(f))];
}

function writeProduct(product, gradient, to, write) {
  const above = ordered(product.factors.filter((f) => !f.inverse), gradient).map(write);
  const below = product.factors.filter((f) => f.inverse).map(write);
  const size = Math.abs(product.coefficient);
  if (size !== 1 || above.length === 0) {
    const inverse = size < 1 && Math.abs(1 / size - Math.round(1 / size)) < 1e-9 && above.length > 0;
    if (inverse) below.push(to.number(String(Math.round(1 / size))));
    else above.unshift(to.number(plain(size)));
  }
  const joined = above.join(to.op("·"));
  return below.length ? to.fraction(joined, below.join(to.op("·"))) : joined;
}

const LONG = 4; // terms from which a sum is written with ∑

/** The right-hand side of a cell's equation with names. */
function symbolic(key, i, j, to) {
  const all = products(key, i, j), gradient = Boolean(TENSORS[key].of), written = [];
  EQUATIONS[key].terms.forEach(([coefficient, factors, over], term) => {
    const own = all.filter((product) => product.term === term);
    const named = own.length > LONG ? [{ ...own[0], letters: over.map(([, size], n) => letterFor(term, key, n)) }] : own;
    for (const product of named) {
      const at = { i, j, 0: 0, ...product.at };
      if (product.letters) over.forEach(([index], n) => (at[index] = product.letters[n]));
      const write = (f) => {
        const [name, r, c] = factors[product.factors.indexOf(f)];
        return scalar(name, at[r], at[c], to);
      };
      const sums = (product.letters ?? []).map((letter) => to.sum(letter)).join("");
      written.push([coefficient < 0, sums + writeProduct(product, gradient, to, write)]);
    }
  });
  return joinSigned(written, to);
}

function letterFor(term, key, n) {
  const [, factors, over] = EQUATIONS[key].terms[term];
  const index = over[n][0];
  const axis = factors.map(([name, r, c]) => (r === index ? TENSORS[name].rows : c === index ? TENSORS[name].columns : null)).find(Boolean);
  return axis === "batch" ? "n" : n ? "m" : "k";
}

function joinSigned(written, to) {
  return written.map(([negative, text], n) => (negative ? to.op("−") : n ? to.op("+") : "") + text).join("");
}

/** The same with numbers; of a long sum the first and the last terms. */
function numeric(key, i, j, to, digits) {
  const gradient = Boolean(TENSORS[key].of), all = products(key, i, j);
  const written = all.map((product) => {
    let first = true;
    const write = (f) => {
      const leading = first && (product.coefficient > 0);
      first = false;
      return inNumbers(f, to, digits, leading && product === all[0] && product.factors.length === 1);
    };
    return [product.coefficient < 0, writeProduct(product, gradient, to, write)];
  });
  if (written.length <= 6) return joinSigned(written, to);
  return joinSigned([...written.slice(0, 3), [false, to.op("⋯")], ...written.slice(-1)], to);
}

const math = (inner, block = false) => `<math${block ? ' displaystyle="true"' : ""}>${inner}</math>`;
