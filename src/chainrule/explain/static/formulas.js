// The scalar formula of a cell, with names and with numbers, as MathML and as LaTeX.

const esc = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const MATHML = {
  number: (text) => (text.startsWith("−") ? `<mrow><mo form="prefix">−</mo><mn>${text.slice(1)}</mn></mrow>` : `<mn>${text}</mn>`),
  name: (tensor) => `<mi>${esc(tensor.letter)}</mi>`,
  small: (tensor) => `<mi>${esc(tensor.letter.toLowerCase())}</mi>`,
  op: (text) => `<mo>${text}</mo>`,
  sign: (text, n) => `<mo form="${n ? "infix" : "prefix"}">${text}</mo>`,
  row: (...parts) => `<mrow>${parts.join("")}</mrow>`,
  fraction: (a, b) => `<mfrac><mrow>${a}</mrow><mrow>${b}</mrow></mfrac>`,
  scripts: (base, below, above) =>
    above ? `<msubsup>${base}<mrow>${below}</mrow><mrow>${above}</mrow></msubsup>` : below ? `<msub>${base}<mrow>${below}</mrow></msub>` : base,
  index: (text) => `<mn>${text}</mn>`,
  bracket: (inner) => `<mrow><mo>(</mo>${inner}<mo>)</mo></mrow>`,
  sum: (index) => `<munder><mo>∑</mo><mi>${index}</mi></munder>`,
  partial: (of) => `<mo>∂</mo><mi>${of}</mi>`,
  d: "<mo>∂</mo>",
};
const LATEX = {
  number: (text) => text.replace("−", "-").replace("≈", "\\approx "),
  name: (tensor) => tensor.latex,
  small: (tensor) => tensor.latex.toLowerCase(),
  op: (text) => ({ "·": "\\cdot ", "−": "-", "≈": "\\approx ", "←": "\\leftarrow ", "⋯": "\\cdots " })[text] ?? text,
  sign: (text) => LATEX.op(text),
  row: (...parts) => parts.join(""),
  fraction: (a, b) => `\\frac{${a}}{${b}}`,
  scripts: (base, below, above) => base + (below ? `_{${below}}` : "") + (above ? `^{${above}}` : ""),
  index: (text) => text,
  bracket: (inner) => `\\left(${inner}\\right)`,
  sum: (index) => `\\sum_{${index}}`,
  partial: (of) => `\\partial ${of === "ℓ" ? "\\ell" : of}`,
  d: "\\partial ",
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
function scalar(key, i, j, to, among = false) {
  const tensor = TENSORS[key];
  if (tensor.helper && EQUATIONS[key] && typeof i === "number") return grouped(symbolic(key, i, 0, to), to, among);
  if (tensor.helper) {
    return helperText(tensor, to, among).replace(/⟦(\w+)⟧/g, (_, name) => scalar(name, clip(name, i, 0), clip(name, j, 1), to));
  }
  const one = (index) => (typeof index === "number" ? String(index + 1) : index);
  const wide = typeof i !== "number" || typeof j !== "number" || i > 8 || j > 8;
  const below = {
    weight: () => one(j) + (wide ? "," : "") + one(i), bias: () => one(j), column: () => one(i), scalar: () => "",
    batch: () => `${one(i)},${one(j)}`,
  }[tensor.kind]();
  const above = SEVERAL.has(tensor.letter) && tensor.number ? to.bracket(to.index(tensor.number)) : "";
  const name = tensor.kind === "weight" ? to.small(tensor) : to.name(tensor);
  const written = to.scripts(name, below && to.index(below), above);
  return tensor.of ? to.fraction(to.partial(tensor.of), to.d + written) : written;
}

const grouped = (pieces, to, among) => (among && pieces.length > 1 ? to.bracket(pieces.join("")) : to.row(...pieces));

const helperText = (tensor, to, among) => tensor[(to === MATHML ? "math" : "latex") + (among ? "InProduct" : "")];

const clip = (key, index, axis) => ((axis ? columnsOf(key) : rowsOf(key)) === 1 ? 0 : index);

/** What stands around the argument of a function, which has its brackets already. */
const ARGUMENT = { before: /[(,](<\/mo>)?$/, behind: /^(<mo[^>]*>)?(\\right)?[),]/ };

/** A factor in numbers; functions of an entry are written out with the entry's number. */
function inNumbers(factor, to, digits, leading, among) {
  const tensor = TENSORS[factor.key];
  if (tensor.helper && EQUATIONS[factor.key]) return grouped(numeric(factor.key, factor.i, 0, to, digits), to, among);
  if (tensor.helper) {
    const text = helperText(tensor, to, among);
    if (text.includes("⟦")) {
      return text.replace(/⟦(\w+)⟧/g, (place, name, at) => {
        const number = plain(entry(name, clip(name, factor.i, 0), clip(name, factor.j, 1)), digits);
        const bare = ARGUMENT.before.test(text.slice(0, at)) && ARGUMENT.behind.test(text.slice(at + place.length));
        return number.startsWith("−") && !bare ? to.bracket(to.number(number)) : to.number(number);
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

/** n where a coefficient is 1/n, which is written as a division. */
function divisorOf(coefficient) {
  const n = 1 / Math.abs(coefficient);
  return n > 1 && Math.abs(n - Math.round(n)) < 1e-9 ? Math.round(n) : null;
}

function writeProduct(product, gradient, to, write, divided = true) {
  const over = ordered(product.factors.filter((f) => !f.inverse), gradient), under = product.factors.filter((f) => f.inverse && divided);
  const size = Math.abs(product.coefficient), divisor = divisorOf(size);
  const among = over.length > 1 || (size !== 1 && !divisor) || (product.coefficient < 0 && !under.length && !divisor);
  const above = over.map((f) => write(f, among)), below = under.map((f) => write(f, under.length > 1));
  if (size !== 1 || above.length === 0) {
    if (divisor && above.length) below.push(to.number(String(divisor)));
    else above.unshift(to.number(plain(size)));
  }
  const joined = above.join(to.op("·"));
  return below.length ? to.fraction(joined, below.join(to.op("·"))) : joined;
}

/** Whether several sums meet in the equation: then each sum is one part, instead of all their terms side by side. */
const inParts = (key) => (EQUATIONS[key]?.terms ?? []).filter(([, , over]) => over.length).length > 1;

const LONG = 4; // terms from which a sum is written with ∑

/** The right-hand side of a cell's equation with names, term by term. */
function symbolic(key, i, j, to) {
  const all = products(key, i, j), gradient = Boolean(TENSORS[key].of), divisor = commonDivisor(key, all), written = [];
  EQUATIONS[key].terms.forEach(([coefficient, factors, over], term) => {
    const own = all.filter((product) => product.term === term);
    const named = own.length > LONG || (inParts(key) && own.length > 1) ? [{ ...own[0], letters: over.map(([, size], n) => letterFor(term, key, n)) }] : own;
    for (const product of named) {
      const at = { i, j, 0: 0, ...product.at };
      if (product.letters) over.forEach(([index], n) => (at[index] = product.letters[n]));
      const write = (f, among) => {
        const [name, r, c] = factors[product.factors.indexOf(f)];
        return scalar(name, at[r], at[c], to, among);
      };
      const sums = (product.letters ?? []).map((letter) => to.sum(letter)).join("");
      written.push([coefficient < 0, sums + writeProduct(product, gradient, to, write, !divisor.length)]);
    }
  });
  return overCommon(divisor, signedPieces(written, to), to, (f) => scalar(f.key, f.i, f.j, to));
}

/** What each of several terms is divided by, so that one fraction holds them all. */
function commonDivisor(key, all) {
  const [first, ...others] = inParts(key) ? [] : all.map(({ factors }) => factors.filter((f) => f.inverse));
  const same = (list) => list.length === first.length && list.every((f, n) => f.key === first[n].key && f.i === first[n].i && f.j === first[n].j);
  return others.length && others.every(same) ? first : [];
}

function overCommon(divisor, pieces, to, write) {
  return divisor.length ? [to.fraction(pieces.join(""), divisor.map(write).join(to.op("·")))] : pieces;
}

function letterFor(term, key, n) {
  const [, factors, over] = EQUATIONS[key].terms[term];
  const index = over[n][0];
  const axis = factors.map(([name, r, c]) => (r === index ? TENSORS[name].rows : c === index ? TENSORS[name].columns : null)).find(Boolean);
  return axis === "batch" ? "n" : n ? "m" : "k";
}

/** Each term with its sign, as a piece of its own: a long formula breaks between them. */
function signedPieces(written, to) {
  return written.map(([negative, text], n) => (negative ? to.sign("−", n) : n ? to.sign("+", n) : "") + text);
}

/** The parts of a cell whose equation has several sums: for each term of the equation what it adds up to. */
function parts(key, i, j) {
  const all = products(key, i, j);
  return EQUATIONS[key].terms.map((_, term) => {
    const own = all.filter((product) => product.term === term);
    return { term, products: own, value: own.reduce((sum, product) => sum + product.value, 0) };
  });
}

const ALL_SHOWN = 6; // terms to which a sum is written out with numbers

/** The same with numbers; of a long sum the first and the last terms. */
function numeric(key, i, j, to, digits) {
  const gradient = Boolean(TENSORS[key].of), all = products(key, i, j), divisor = commonDivisor(key, all);
  if (inParts(key)) {
    const sums = parts(key, i, j).map(({ value }) => value);
    return signedPieces(sums.map((value) => [value < 0, to.number(plain(Math.abs(value), digits))]), to);
  }
  const written = all.map((product, n) => {
    let first = true;
    const write = (f, among) => {
      const leading = first && (product.coefficient > 0);
      first = false;
      return inNumbers(f, to, digits, leading && product === all[0] && product.factors.length === 1, among);
    };
    return [product.coefficient < 0 && (n > 0 || product.value !== 0), writeProduct(product, gradient, to, write, !divisor.length)];
  });
  const shown = written.length <= ALL_SHOWN ? written : [...written.slice(0, 3), [false, to.op("⋯")], ...written.slice(-1)];
  return overCommon(divisor, signedPieces(shown, to), to, (f) => inNumbers(f, to, digits, true, divisor.length > 1));
}

/** The numbers that stand in it. */
function numbers(key, i, j) {
  if (inParts(key)) return parts(key, i, j).map(({ value }) => value);
  return products(key, i, j).flatMap(({ coefficient, factors }) => [divisorOf(coefficient) ?? coefficient, ...factors.flatMap(numbersOf)]);
}

function numbersOf({ key, i, j, value }) {
  if (TENSORS[key].helper && EQUATIONS[key]) return numbers(key, i, 0);
  const names = TENSORS[key].helper ? [...TENSORS[key].math.matchAll(/⟦(\w+)⟧/g)] : [];
  return names.length ? names.map(([, name]) => entry(name, clip(name, i, 0), clip(name, j, 1))) : [value];
}

const math = (inner, block = false) => `<math${block ? ' displaystyle="true"' : ""}>${inner}</math>`;
