// The panel that answers "why this number", always in the same order.

function bars(list, total) {
  const top = Math.max(...list.map(({ value }) => Math.abs(value)), Math.abs(total), 1e-300);
  return (value, colour) => {
    const share = (50 * Math.abs(value)) / top;
    return `<span class="bar" aria-hidden="true"><i style="width:${share}%;${value < 0 ? "right" : "left"}:50%;background:${colour ?? `var(--${value < 0 ? "negative" : "positive"})`}"></i></span>`;
  };
}

function batchRow(product) {
  const [, factors, over] = EQUATIONS[product.owner].terms[product.term];
  for (const [name, r, c] of factors) {
    if (TENSORS[name].rows !== "batch") continue;
    for (const [index] of over) if (r === index) return product.at[index];
  }
  return null;
}

/** What a term stands for: a row of the batch, an input, a unit, or the name of its factor. */
function termLabel(product) {
  const [, factors, over] = EQUATIONS[product.owner].terms[product.term];
  const row = batchRow(product);
  if (row !== null) return `<i class="dot" style="background:${rowColour(row)}"></i>${esc(nameOn("batch", row))}`;
  if (over.length) {
    const [index] = over.at(-1);
    for (const [name, r, c] of factors) {
      const axis = r === index ? TENSORS[name].rows : c === index ? TENSORS[name].columns : null;
      if (axis && AXES[axis].kind !== "one") return esc(nameOn(axis, product.at[index]));
    }
  }
  const lead = product.factors.find((f) => TENSORS[f.key].kind !== "scalar" || TENSORS[f.key].shown) ?? product.factors[0];
  return lead ? math(TENSORS[lead.key].helper ? scalar(lead.key, lead.i, lead.j, MATHML) : TENSORS[lead.key].math) : "";
}

const MANY = 12, FEW = 5; // terms from which some are added up as the others; as many as are always listed

function termsTable(key, i, j) {
  const value = entry(key, i, j), all = products(key, i, j).map((product) => ({ ...product, owner: key }));
  if (!all.length) return "";
  if (inParts(key)) return partsTable(key, i, j, value);
  const { list, rest, digits, adds } = shortened(all, value);
  const draw = bars(list, value), wrong = wrongTerm(key, i, j, all);
  if (wrong?.swap) for (const product of list) if (!near(wrong.swap(product), product.value)) wrong.own.set(product, wrong.swap(product));
  const rows = list.map((product) => termRow(product, digits, draw, wrong));
  if (rest !== null) rows.push(`<tr class="rest"><th scope="row">the other ${all.length - list.length}</th><td class="factors"></td><td class="n">${fixed(rest, digits)}</td>${wrong?.own.size ? "<td></td>" : ""}<td>${draw(rest)}</td></tr>`);
  const two = Boolean(wrong?.own.size), given = two ? yoursOf(key).values[i][j] : 0;
  const heads = two ? `<thead><tr><td></td><td></td><th scope="col" class="n">right</th><th scope="col" class="own">yours</th><td></td></tr></thead>` : "";
  const beside = (number) => (two ? `<td class="own">${number}</td>` : "");
  const sign = adds && isExact(all.map((p) => p.value), digits) ? "=" : "≈";
  const word = all.length > 1 ? "sum" : "value";
  return `${wrong ? `<p class="wrong-term">${esc(wrong.words)}</p>` : ""}<table class="terms"><caption class="sr">The terms that add up to ${esc(fixed(value, digits))}</caption>${heads}<tbody>${rows.join("")}</tbody>
    <tfoot><tr><th scope="row">${word}</th><td class="factors">${sign === "≈" ? "≈" : "="}</td><td class="n">${fixed(value, digits)}</td>${beside(fixed(given, digits))}<td>${draw(value, "var(--sum)")}</td></tr></tfoot></table>`;
}

/** One row for each sum of the equation, and what they add up to. */
function partsTable(key, i, j, value) {
  const all = parts(key, i, j), { digits } = addingDigits(all.map((part) => part.value), value), draw = bars(all, value);
  const formulas = symbolic(key, i, j, MATHML), exact = isExact([value, ...all.map((part) => part.value)], digits);
  const rows = all.map((part, n) => `<tr><th scope="row" class="part">${math(formulas[n])}</th><td class="factors">${exactDigits(part.value, digits) === null ? "≈" : "="}</td><td class="n">${fixed(part.value, digits)}</td><td>${draw(part.value)}</td></tr>`);
  return `<table class="terms"><caption class="sr">The parts that add up to ${esc(fixed(value, digits))}</caption><tbody>${rows.join("")}</tbody>
    <tfoot><tr><th scope="row">sum</th><td class="factors">${exact ? "=" : "≈"}</td><td class="n">${fixed(value, digits)}</td><td>${draw(value, "var(--sum)")}</td></tr></tfoot></table>`;
}

/** Of many terms the largest ones and the others together: as many that what is shown adds up with the fewest digits. */
function shortened(all, value) {
  const known = all.filter((p) => Number.isFinite(p.value)), of = (list) => list.map((p) => p.value);
  const whole = all.length <= MANY && known.length === all.length ? { list: all, rest: null, ...addingDigits(of(all), value) } : null;
  if (whole?.adds || all.length <= FEW) return whole;
  const largest = [...known].sort((a, b) => Math.abs(b.value) - Math.abs(a.value)), choices = [];
  for (let most = Math.min(MANY, all.length) - 1; most >= FEW; most--) {
    const top = new Set(largest.slice(0, most)), list = all.filter((p) => top.has(p));
    const rest = value - of(list).reduce((total, number) => total + number, 0);
    choices.push({ list, rest, ...addingDigits([...of(list), rest], value) });
  }
  return choices.filter(({ adds }) => adds).sort((a, b) => a.digits - b.digits)[0] ?? choices[0];
}

/** The number that is written for a value, and what a factor or a product of such numbers makes. */
const readBack = (value, digits) => Number(plain(value, digits).replace("−", "-"));

function factorReadBack({ key, i, j, value }, digits) {
  const { helper, tree } = TENSORS[key];
  if (helper && EQUATIONS[key]) return products(key, i, 0).reduce((sum, product) => sum + productReadBack(product, digits), 0);
  if (helper && tree) return computed(tree, i, j, (name, r, c) => readBack(entry(name, r, c), digits));
  return readBack(value, digits);
}

function productReadBack({ coefficient, factors }, digits, read = factorReadBack) {
  const size = divisorOf(coefficient) ? coefficient : Math.sign(coefficient) * readBack(Math.abs(coefficient), 4);
  return factors.reduce((total, f) => (f.inverse ? total / read(f, digits) : total * read(f, digits)), size);
}

/** The fewest digits, from 3, with which what is written gives the value that is written behind it; 8 where none do. */
function enoughDigits(digits, value, made) {
  let enough = Math.min(Math.max(digits, 3), 4);
  while (enough < MOST_DIGITS && fixed(made(enough), digits) !== fixed(value, digits)) enough++;
  return enough;
}

/** The cell that a factor comes from, or the one from which a function of it is computed; null where it is none or several. */
function cellBehind({ key, i, j }) {
  const { helper, tree, shown } = TENSORS[key];
  if (!helper) return shown || EQUATIONS[key] ? { key, i, j } : null;
  const arrays = tree ? [...new Set(namesIn(tree))].filter((name) => TENSORS[name].kind !== "scalar") : [];
  return arrays.length === 1 ? cellBehind({ key: arrays[0], i: clip(arrays[0], i, 0), j: clip(arrays[0], j, 1) }) : null;
}

function linked(factor, inside) {
  const cell = cellBehind(factor);
  if (!cell) return `<span>${inside}</span>`;
  return `<button type="button" class="source" data-go="${cell.key}.${cell.i}.${cell.j}" title="${esc(TENSORS[cell.key].name)}">${inside}</button>`;
}

/** A product in numbers, and the sign before its value; nothing where it is one number as it stands. */
function multiplied(product, digits) {
  const { coefficient, factors, value, owner } = product, size = Math.abs(coefficient), divisor = divisorOf(size);
  if (size === 1 && factors.length < 2 && !factors.some((f) => TENSORS[f.key].helper)) return "";
  const enough = enoughDigits(digits, value, (most) => productReadBack(product, most, (f) => readBack(f.value, most)));
  const negative = coefficient < 0 && value !== 0;
  const number = (f, n) => {
    const text = plain(f.value, enough);
    return linked(f, text.startsWith("−") && (n || negative) ? `(${text})` : text);
  };
  const over = ordered(factors.filter((f) => !f.inverse), Boolean(TENSORS[owner].of)).map(number);
  if (!over.length || (size !== 1 && !divisor)) over.push(divisor ? "1" : plain(size));
  const under = [...factors.filter((f) => f.inverse).map((f) => number(f, 1)), ...(divisor ? [divisor] : [])];
  const exact = value === 0 || (isExact([value], digits) && isExact(factors.map((f) => f.value), enough));
  return `${negative ? "−" : ""}${over.join(" × ")}${under.map((text) => ` ÷ ${text}`).join("")} <span class="eq">${exact ? "=" : "≈"}</span>`;
}

function termRow(product, digits, draw, wrong) {
  const theirs = wrong?.own.get(product), row = batchRow(product), text = multiplied(product, digits);
  const value = text ? fixed(product.value, digits) : linked(product.factors[0], fixed(product.value, digits));
  const beside = wrong?.own.size ? `<td class="own">${fixed(theirs ?? product.value, digits)}</td>` : "";
  return `<tr class="${theirs === undefined ? "" : "wrong"}"><th scope="row">${termLabel(product)}</th>
    <td class="factors">${text}</td><td class="n">${value}</td>${beside}
    <td>${draw(product.value, row === null ? null : rowColour(row))}</td></tr>`;
}

/** The nudge of a gradient's own value; of a value, from when its gradient is known. */
function nudge(key, i, j) {
  const gradient = TENSORS[key].gradientOf ? key : GRADIENT_OF[key];
  if (!gradient || !known(gradient)) return "";
  const { above, below, quotient, why } = nudged(gradient, i, j);
  if (why) return `<p class="quiet">No nudge here: ${esc(why)}.</p>`;
  const name = math(scalar(TENSORS[gradient].gradientOf, i, j, MATHML));
  const link = `<button type="button" class="source" data-go="${gradient}.${i}.${j}" title="${esc(TENSORS[gradient].name)}">${math(scalar(gradient, i, j, MATHML))}</button>`;
  const [word, beside] = gradient === key ? ["difference", `≈ ${scientific(quotient - entry(key, i, j))}`] : ["which is", link];
  return `<table class="nudge"><caption>Nudge ${name} by h = 10⁻⁵ and look at the ${TENSORS[gradient].of === "ℓ" ? "row’s own loss" : "loss"}</caption>
    <tr><th scope="row">${math(MATHML.op("+") + MATHML.row("<mi>h</mi>"))}</th><td>${above.toFixed(12)}</td><th scope="row">quotient</th><td>≈ ${fixed(quotient, 7)}</td></tr>
    <tr><th scope="row">${math(MATHML.op("−") + MATHML.row("<mi>h</mi>"))}</th><td>${below.toFixed(12)}</td><th scope="row">${word}</th><td>${beside}</td></tr></table>`;
}

function sentence(key, i, j) {
  const equation = EQUATIONS[key], tensor = TENSORS[key];
  if (!equation) {
    if (!WALK[0].shows.includes(key)) return "The source does not state how this is computed.";
    if (key === "t") return "The target of this row and output.";
    return tensor.kind === "batch" ? "An input of this row, as it is given." : "A parameter, as it is before the step.";
  }
  const words = equation.say.length > 1 && isShut(key, i, j) ? equation.say[1] : equation.say[0];
  return (words + (atKink(key, i, j) ? KINK : "")).replaceAll("{row}", () => wordFor(tensor.rows, i, tensor)).replaceAll("{column}", () => wordFor(tensor.columns, j, tensor));
}

function wordFor(axis, n, tensor) {
  const leaves = AXES[axis].kind === "unit" && tensor.kind === "weight" && axis === tensor.rows;
  return `${leaves ? "the output of " : ""}${nameOn(axis, n)}`;
}

const KINK = " It is exactly at the kink: the slope on its other side is not 0, and the nudge finds the mean of both.";

/** Whether what opens or shuts a gradient's gate lies exactly at its threshold. */
function atKink(key, i, j) {
  if (!TENSORS[key].of || EQUATIONS[key].say.length < 2) return false;
  return products(key, i, j)[0].factors.some(({ key: name, i: r, j: c }) => {
    const { tree } = TENSORS[name];
    if (!["Gt", "GtE"].includes(tree?.[0])) return false;
    const [a, b] = tree.slice(1).map((part) => computed(part, r, c, entry));
    return Math.abs(a - b) < 1e-12; // 3e-17 is 0 on paper
  });
}

function isShut(key, i, j) {
  const [product] = products(key, i, j);
  const gate = product.factors.find((f) => TENSORS[f.key].helper || TENSORS[f.key].letter === "mask");
  return gate ? gate.value === 0 : entry(key, i, j) === 0;
}

/** The formula with names, and the same with numbers. */
function written(key, i, j, name, digits) {
  const value = entry(key, i, j), all = products(key, i, j);
  const made = (most) => (all.length > ALL_SHOWN || inParts(key) ? value : all.reduce((sum, product) => sum + productReadBack(product, most), 0));
  const shown = enoughDigits(digits, value, made);
  const known = isExact(numbers(key, i, j), shown);
  const sign = (exact) => `<mo form="infix">${exact ? "=" : "≈"}</mo>`;
  const pieces = (list) => list.map((piece) => math(piece)).join(" ");
  const result = math(sign(exactDigits(value, digits) !== null) + MATHML.number(fixed(value, digits)));
  return `<p class="formula">${math(`${name}<mo form="infix">${TENSORS[key].after ? "←" : "="}</mo>`)} ${pieces(symbolic(key, i, j, MATHML))}</p>
    <p class="formula numbers">${math(sign(known))} ${pieces(numeric(key, i, j, MATHML, shown))} ${result}</p>`;
}

function explanation(key, i, j) {
  const tensor = TENSORS[key], equation = EQUATIONS[key], value = entry(key, i, j);
  const name = scalar(key, i, j, MATHML), code = `${key}[${tensor.kind === "bias" ? j : `${i}, ${j}`}]`;
  nameAxes(key);
  const all = inParts(key) ? parts(key, i, j) : products(key, i, j);
  const { digits } = all.length ? shortened(all, value) : { digits: exactDigits(value) ?? 6 };
  const places = [tensor.after ? "after the step" : "", nameOn(tensor.rows, i), nameOn(tensor.columns, j)].filter(Boolean).join(", ");
  const exact = exactDigits(value, digits) !== null;
  const formula = equation ? written(key, i, j, name, digits) : "";
  const line = equation ? `<div class="code"><code>${esc(equation.line)}</code><small>${esc(equation.where)}: <code>${esc(equation.stated)}</code></small></div>` : "";
  return `<section class="first"><h3>${math(`${name}<mo>${exact ? "=" : "≈"}</mo>${MATHML.number(fixed(value, digits))}`)}<small>${esc(places)} · <code>${esc(code)}</code></small></h3>
      <p class="say">${esc(sentence(key, i, j))}</p>${formula}</section>
    <section class="second">${termsTable(key, i, j)}</section>
    <section class="third">${shapes(key)}${nudge(key, i, j)}${line}
      <p class="actions">${equation ? '<button type="button" id="copy">Copy as LaTeX</button>' : ""}<button type="button" id="close">Close</button></p></section>`;
}

const latexOf = (key, i, j) => `${scalar(key, i, j, LATEX)} ${TENSORS[key].after ? "\\leftarrow" : "="} ${symbolic(key, i, j, LATEX).join("")}`;
