// The trace: arrays by key, and the terms of a cell read from its equation.

const DATA = JSON.parse(document.getElementById("data").textContent);
const { tensors: TENSORS, equations: EQUATIONS, axes: AXES, stages: STAGES } = DATA;
if (!Object.keys(DATA.yours).length) DATA.yours = null;
const WALK = DATA.walk.filter((step) => !DATA.yours || step.phase !== "update"); // somebody's gradients make no step

const sizeOf = (axis) => AXES[axis].names.length;
const rowsOf = (key) => sizeOf(TENSORS[key].rows);
const columnsOf = (key) => sizeOf(TENSORS[key].columns);

function decode(tensor) {
  const text = atob(tensor.data), bytes = new Uint8Array(text.length);
  for (let n = 0; n < text.length; n++) bytes[n] = text.charCodeAt(n);
  return tensor.single ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
}

/** The array's entries, row after row; NaN where the page has only a corner of it. */
function valuesOf(key) {
  const tensor = TENSORS[key];
  if (!tensor.values) {
    tensor.values = tensor.data === undefined ? computed(key) : decode(tensor);
    if (tensor.corner) tensor.values = spread(tensor.values, tensor.corner, rowsOf(key), columnsOf(key));
  }
  return tensor.values;
}

function spread(corner, [rows, columns], allRows, allColumns) {
  const values = new Float32Array(allRows * allColumns).fill(NaN);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) values[i * allColumns + j] = corner[i * columns + j];
  return values;
}

/** One entry; of a large array that nobody has looked at as a whole yet, without the others. */
function entry(key, i, j) {
  if (!TENSORS[key].values && TENSORS[key].data === undefined) return products(key, i, j).reduce((sum, product) => sum + product.value, 0);
  return valuesOf(key)[i * columnsOf(key) + j];
}

/** The whole array from its equation: strides instead of one lookup for each factor. */
function computed(key) {
  const rows = rowsOf(key), columns = columnsOf(key), values = new Float64Array(rows * columns);
  for (const [coefficient, factors, over] of EQUATIONS[key].terms) {
    const sources = factors.map(([name]) => valuesOf(name));
    const stride = (index) => factors.map(([name, r, c]) => (r === index ? columnsOf(name) : 0) + (c === index ? 1 : 0));
    const along = stride("i"), across = stride("j"), inside = over.length ? stride(over[0][0]) : null;
    const length = over.length ? over[0][1] : 1;
    if (over.length > 1) throw new Error(`${key}: two sums in one term`);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < length; k++) {
          let value = 1;
          for (let f = 0; f < factors.length; f++) {
            const number = sources[f][i * along[f] + j * across[f] + (inside ? k * inside[f] : 0)];
            value = factors[f][3] ? value / number : value * number;
          }
          sum += value;
        }
        values[i * columns + j] += coefficient * sum;
      }
  }
  return values;
}

/** The terms of a cell: {term, at, factors: [{key, i, j, inverse, value}], value}, in the order they are written. */
function products(key, i, j) {
  const found = [];
  (EQUATIONS[key]?.terms ?? []).forEach(([coefficient, factors, over], term) => {
    const walkOver = (depth, at) => {
      if (depth < over.length) {
        for (let k = 0; k < over[depth][1]; k++) walkOver(depth + 1, { ...at, [over[depth][0]]: k });
        return;
      }
      const where = { i, j, 0: 0, ...at };
      const used = factors.map(([name, r, c, inverse]) => {
        return { key: name, i: where[r], j: where[c], inverse, value: entry(name, where[r], where[c]) };
      });
      const value = used.reduce((product, f) => (f.inverse ? product / f.value : product * f.value), coefficient);
      found.push({ term, at, coefficient, factors: used, value });
    };
    walkOver(0, {});
  });
  return found;
}

/** The step of the walk at which an array becomes known. */
const STEP_OF = {};
WALK.forEach((step, number) => step.shows.forEach((key) => (STEP_OF[key] ??= number)));
