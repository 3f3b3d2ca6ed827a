// The trace: arrays by key, and the terms of a cell read from its equation.

const DATA = JSON.parse(document.getElementById("data").textContent);
const { tensors: TENSORS, equations: EQUATIONS, axes: AXES, stages: STAGES } = DATA;
if (!Object.keys(DATA.yours).length) DATA.yours = null;
const WALK = DATA.walk.filter((step) => !DATA.yours || step.phase !== "update"); // somebody's gradients make no step

const sizeOf = (axis) => AXES[axis].names.length;
const rowsOf = (key) => sizeOf(TENSORS[key].rows);
const columnsOf = (key) => sizeOf(TENSORS[key].columns);

function bytesOf(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let n = 0; n < letters.length; n++) bytes[n] = letters.charCodeAt(n);
  return bytes.buffer;
}

/** One entry; NaN where the page has only a corner of the array, and another. */
function entry(key, i, j) {
  const tensor = TENSORS[key];
  if (tensor.data === undefined) return products(key, i, j).reduce((sum, product) => sum + product.value, 0);
  tensor.values ??= new (tensor.single ? Float32Array : Float64Array)(bytesOf(tensor.data));
  const [rows, columns] = tensor.corner ?? [rowsOf(key), columnsOf(key)];
  return i < rows && j < columns ? tensor.values[i * columns + j] : NaN;
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
