// Which terms explain the difference between a cell of somebody's own gradients and ours.

const near = (a, b) => Math.abs(a - b) <= 1e-7 * Math.max(Math.abs(a), Math.abs(b), 1e-12);

/** Which terms explain the difference between somebody's cell and ours: {words, own: term -> what it is in theirs}. */
function wrongTerm(key, i, j, all) {
  const theirs = yoursOf(key);
  if (!theirs?.wrong[i]?.[j]) return null;
  if (theirs.shape[0] !== rowsOf(key) || theirs.shape[1] !== columnsOf(key))
    return { own: new Map(), words: `Yours has shape ${theirs.shape.join(" × ")}, this one ${rowsOf(key)} × ${columnsOf(key)}.` };
  const given = theirs.values[i][j], value = entry(key, i, j);
  if (given === null) return { own: new Map(), words: "Yours is not a finite number." };
  const head = `Yours is ${plain(given, 6)}, off by ${plain(given - value, 6)}`;
  const found = DATA.tell ? oneTerm(all, given - value) ?? scaledTerms(all, given - value) ?? otherFactor(key, i, j) : null;
  if (found) return { ...found, words: `${head}: ${found.words}.` };
  const back = DATA.tell && all.length > 1 && EQUATIONS[key].terms[0][1].map(([name]) => name).find((name) => TENSORS[name].of && TENSORS[name].shown);
  if (back) return { own: new Map(), words: `${head}: no one term explains it, so what comes back to it, ${TENSORS[back].name}, is another in yours.` };
  const ratio = given / value, known = Number.isFinite(ratio) && DATA.tell;
  return { own: new Map(), words: `${head}${known ? `, ${plain(ratio, 4)} times this value` : ""}.` };
}

/** One term left out, with its sign turned, or counted twice. */
function oneTerm(all, difference) {
  if (all.length < 2) return null;
  for (const [words, times] of [["is left out", 0], ["has its sign turned", -1], ["is counted twice", 2]]) {
    const product = all.find((p) => p.value && near(difference, (times - 1) * p.value));
    if (product) return { own: new Map([[product, times * product.value]]), words: `the outlined term ${words}` };
  }
  return null;
}

/** The terms of one sum, or all of them, times the same whole number, or divided by it, or with their sign turned. */
function scaledTerms(all, difference) {
  const single = [...new Set(all.map((p) => p.term))].map((term) => all.filter((p) => p.term === term));
  for (const group of single.length > 1 ? [...single, all] : single) {
    const sum = group.reduce((total, p) => total + p.value, 0);
    const times = 1 + difference / sum, whole = Math.round(Math.abs(times) >= 1 ? times : 1 / times);
    if (!Number.isFinite(times) || Math.abs(whole) > 1000 || !near(times, Math.abs(times) >= 1 ? whole : 1 / whole)) continue;
    const words = whole === -1 ? "with the sign turned" : Math.abs(times) >= 1 ? `${whole} times over` : `divided by ${whole}`;
    return { own: new Map(group.map((p) => [p, times * p.value])), words: `the outlined terms are there ${words}${sizesCalled(whole)}` };
  }
  return null;
}

/** Which sizes of the network a number is: N, inputs, outputs. */
function sizesCalled(n) {
  const found = Object.values(AXES).filter(({ kind, names }) => kind !== "one" && names.length === n);
  const words = { batch: "rows", input: "inputs", unit: "units", class: "classes" };
  return found.length ? ` (there are ${[...new Set(found.map(({ kind }) => `${n} ${words[kind]}`))].join(", ")})` : "";
}

/** Another array of the same shape in the place of a factor, where that gives every cell of theirs. */
function otherFactor(key, i, j) {
  const theirs = yoursOf(key), rows = visible(TENSORS[key].rows), columns = visible(TENSORS[key].columns);
  for (const [term, [, factors]] of EQUATIONS[key].terms.entries())
    for (const [place, [name, , , inverse]] of factors.entries()) {
      if (inverse || TENSORS[name].kind === "scalar") continue;
      for (const other of Object.keys(TENSORS)) {
        if (other === name || !TENSORS[other].shown || TENSORS[other].after || TENSORS[other].kind === "scalar") continue;
        if (rowsOf(other) !== rowsOf(name) || columnsOf(other) !== columnsOf(name)) continue;
        const swap = (product) => (product.term === term ? product.factors.reduce((value, f, n) => {
          const number = n === place ? entry(other, f.i, f.j) : f.value;
          return f.inverse ? value / number : value * number;
        }, product.coefficient) : product.value);
        const total = (r, c) => products(key, r, c).reduce((sum, product) => sum + swap(product), 0);
        if (!rows.every((r) => columns.every((c) => near(total(r, c), theirs.values[r][c])))) continue;
        const own = new Map();
        return { own, swap, words: `it has ${TENSORS[other].name} where ${TENSORS[name].name} belongs` };
      }
    }
  return null;
}
