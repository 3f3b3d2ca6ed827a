// The nudge: one number is moved, and of the lines up to the loss what it changes is computed again.

const STEP = 1e-5;

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const FUNCTIONS = {
  Add: (a, b) => a + b, Sub: (a, b) => a - b, Mult: (a, b) => a * b, Div: (a, b) => a / b, Pow: Math.pow, USub: (a) => -a,
  Gt: (a, b) => a > b, GtE: (a, b) => a >= b, Lt: (a, b) => a < b, LtE: (a, b) => a <= b,
  where: (condition, a, b) => (condition ? a : b), maximum: Math.max, minimum: Math.min,
  clip: (a, least, most) => Math.min(Math.max(a, least), most),
  sigmoid, softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), erf,
};
const sum = (row) => row.reduce((total, value) => total + value, 0);
const ALONG_ROWS = {
  sum, mean: (row) => sum(row) / row.length,
  softmax: (row, j) => Math.exp(ALONG_ROWS.log_softmax(row, j)),
  log_softmax: (row, j) => row[j] - Math.max(...row) - Math.log(sum(row.map((value) => Math.exp(value - Math.max(...row))))),
};

/** 2x/√π·e^-x²·(1 + 2x²/3 + (2x²)²/15 + …): all terms of one sign. */
function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = (2 * x * Math.exp(-x * x)) / Math.sqrt(Math.PI), total = 0;
  for (let n = 3; total + term !== total; n += 2) [total, term] = [total + term, (term * 2 * x * x) / n];
  return total;
}

const functionOf = (name) => FUNCTIONS[name] ?? Math[name];

/** An entry of what acts entry by entry: of a tree of calls, names and numbers. */
function computed(node, i, j, at) {
  if (typeof node === "number") return node;
  if (typeof node === "string") return at(node, clip(node, i, 0), clip(node, j, 1));
  const [name, ...parts] = node;
  if (!ALONG_ROWS[name]) return functionOf(name)(...parts.map((part) => computed(part, i, j, at)));
  const length = Math.max(...namesIn(parts[0]).map(columnsOf));
  return ALONG_ROWS[name](Array.from({ length }, (_, k) => computed(parts[0], i, k, at)), j);
}

const callsIn = (node) => (Array.isArray(node) ? [node[0], ...node.slice(1).flatMap(callsIn)] : []);
const namesIn = (node) => (Array.isArray(node) ? node.slice(1).flatMap(namesIn) : typeof node === "string" ? [node] : []);

/** The arrays that one is computed from. */
function sourcesOf(key) {
  if (EQUATIONS[key]) return EQUATIONS[key].terms.flatMap(([, factors]) => factors.map(([name]) => name));
  return TENSORS[key].tree ? namesIn(TENSORS[key].tree) : [];
}

const FORWARD = []; // from what is given to the loss, each array after those it is computed from
{
  const visit = (key) => {
    if (FORWARD.includes(key)) return;
    sourcesOf(key).forEach(visit);
    FORWARD.push(key);
  };
  visit("L");
}

/** By how much each array changes, {key: index -> difference}, where one entry is moved. */
function changes(key, i, j, by) {
  const moved = { [key]: new Map([[i * columnsOf(key) + j, by]]) };
  for (const name of FORWARD) {
    if (name === key || !sourcesOf(name).some((source) => moved[source])) continue;
    moved[name] = EQUATIONS[name] ? changesOfSums(name, moved) : changesOfEntries(name, moved);
  }
  return moved;
}

function changesOfSums(key, moved) {
  const found = new Map(), across = columnsOf(key);
  for (const [coefficient, factors, over] of EQUATIONS[key].terms) {
    const sizes = Object.entries({ i: rowsOf(key), j: across, ...Object.fromEntries(over) });
    factors.forEach(([name, row, column], place) => {
      const width = columnsOf(name);
      for (const index of moved[name]?.keys() ?? []) {
        const at = { 0: 0, [row]: Math.floor(index / width), [column]: index % width };
        const free = sizes.filter(([letter]) => !(letter in at));
        const walkOver = (depth) => {
          if (depth === free.length) {
            const cell = at.i * across + at.j;
            found.set(cell, (found.get(cell) ?? 0) + coefficient * changeOfProduct(factors, at, place, moved));
          } else for (at[free[depth][0]] = 0; at[free[depth][0]] < free[depth][1]; at[free[depth][0]]++) walkOver(depth + 1);
        };
        walkOver(0);
      }
    });
  }
  return found;
}

/** By how much a product changes with the factor at `place`, those before it being moved already. */
function changeOfProduct(factors, at, place, moved) {
  let product = 1;
  for (let n = 0; n < factors.length; n++) {
    const [name, row, column, inverse] = factors[n], value = entry(name, at[row], at[column]);
    const by = n > place || !moved[name] ? 0 : moved[name].get(at[row] * columnsOf(name) + at[column]) ?? 0;
    if (n === place) product *= inverse ? -by / (value * (value + by)) : by;
    else product *= inverse ? 1 / (value + by) : value + by;
  }
  return product;
}

function changesOfEntries(key, moved) {
  const { tree } = TENSORS[key], found = new Map(), along = callsIn(tree).some((name) => ALONG_ROWS[name]);
  const all = (size) => Array.from({ length: size }, (_, n) => n);
  const movedEntry = (name, i, j) => entry(name, i, j) + (moved[name]?.get(i * columnsOf(name) + j) ?? 0);
  for (const name of namesIn(tree))
    for (const index of moved[name]?.keys() ?? []) {
      const rows = rowsOf(name) === 1 ? all(rowsOf(key)) : [Math.floor(index / columnsOf(name))];
      const columns = along || columnsOf(name) === 1 ? all(columnsOf(key)) : [index % columnsOf(name)];
      for (const i of rows)
        for (const j of columns) {
          const cell = i * columnsOf(key) + j;
          if (!found.has(cell)) found.set(cell, computed(tree, i, j, movedEntry) - computed(tree, i, j, entry));
        }
    }
  return found;
}

/** The gradient of the loss that belongs to an array. */
const GRADIENT_OF = {};
for (const [key, { gradientOf, of }] of Object.entries(TENSORS)) if (gradientOf && of !== "ℓ") GRADIENT_OF[gradientOf] = key;

/** Why the loss cannot be computed again after an array; undefined where it can. */
function obstacle(key) {
  const unstated = FORWARD.find((name) => TENSORS[name].shown && !sourcesOf(name).length && !WALK[0].shows.includes(name));
  if (unstated && STEP_OF[key] < STEP_OF[unstated]) return `nothing says how ${TENSORS[unstated].name} is computed`;
  const unknown = FORWARD.flatMap((name) => callsIn(TENSORS[name].tree)).find((name) => !functionOf(name) && !ALONG_ROWS[name]);
  return unknown && `the page cannot compute ${unknown}`;
}

/** The loss with an entry moved up and down, the row's own where the gradient is that one's; or why there is none. */
function nudged(key, i, j) {
  const { gradientOf, of } = TENSORS[key], why = obstacle(gradientOf);
  if (why) return { why };
  const [loss, row] = of === "ℓ" ? ["l", i] : ["L", 0];
  const change = (by) => changes(gradientOf, i, j, by)[loss]?.get(row) ?? 0, up = change(STEP);
  if (Number.isNaN(up)) return { why: "the page has only the first rows and columns of an array that it takes" };
  const down = change(-STEP);
  const value = entry(loss, row, 0);
  return { above: value + up, below: value + down, quotient: (up - down) / (2 * STEP) };
}
