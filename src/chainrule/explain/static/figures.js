// Figures: an array as a table of numbers, or as a heat map with a window of numbers.

const ROW_COLOURS = 8;
const WINDOW = 5;
const OFFSET = {}; // where the window of an axis begins

const count = (axis) => (sizeOf(axis) <= DATA.mostShown ? sizeOf(axis) : WINDOW);
const visible = (axis) => Array.from({ length: count(axis) }, (_, n) => (OFFSET[axis] ?? 0) + n);
const windowed = (key) => count(TENSORS[key].rows) < rowsOf(key) || count(TENSORS[key].columns) < columnsOf(key);
const rowColour = (n) => `var(--row${n % ROW_COLOURS})`;

/** What a row or column of an axis is called in a sentence: row 2, input 1, unit 3, or its own name. */
function nameOn(axis, n) {
  const { kind, names } = AXES[axis];
  if (kind === "one") return "";
  const own = kind !== "batch" && names[n] !== String(n + 1);
  return own || kind === "class" ? names[n] : `${kind === "batch" ? "row" : kind} ${names[n]}`;
}

const cellOf = (key, i, j) => document.querySelector(`td[data-key="${key}"][data-i="${i}"][data-j="${j}"]`);

const LETTERS = 9, FEW_LETTERS = 4; // of a name beside an array; where it is narrow
let mostDigits = 3, mostLetters = LETTERS; // after the point, in figures; fewer where the page is narrow

function digitsOf(key) {
  const tensor = TENSORS[key], values = [];
  for (const i of visible(tensor.rows)) for (const j of visible(tensor.columns)) values.push(entry(key, i, j));
  const digits = figureDigits(values, mostDigits);
  return tensor.after ? Math.max(Math.min(digits, mostDigits), digitsOf(before(key))) : digits;
}

const before = (key) => key.replace(/_after$/, "");

/** One column of the page: for each lane a figure of one or two arrays (the bias is the last row of the weights'). */
function columnFigures([values, gradients, after], known) {
  const widest = Math.max(1.4, ...[...values, ...gradients, ...after].filter((key) => TENSORS[key]).map((key) => widthOf(key)));
  const lanes = [["values", values], ["gradients", gradients], ["after", after]];
  if (DATA.yours) lanes.splice(2, 0, ["yours", gradients.filter((key) => yoursOf(key))]);
  return lanes
    .map(([lane, keys]) => `<div class="lane-cell ${lane}">${keys.length ? figure(keys, lane, widest, known) : ""}</div>`)
    .join("");
}

const RULER = document.createElement("canvas").getContext("2d");
RULER.font = `100px ${getComputedStyle(document.body).fontFamily}`;

/** The widest number of a figure, in em. */
function widthOf(key) {
  const tensor = TENSORS[key], digits = digitsOf(key);
  let most = 0;
  for (const i of visible(tensor.rows))
    for (const j of visible(tensor.columns)) most = Math.max(most, RULER.measureText(fixed(entry(key, i, j), digits)).width / 100);
  return most;
}

function figure(keys, lane, widest, known) {
  const first = TENSORS[keys[0]], caption = keys.slice(0, 1);
  const shape = keys.length ? `${rowsOf(keys[0])} × ${columnsOf(keys[0])}` : "";
  const label = keys.map((key) => TENSORS[key].name).join(" and ");
  const plus = keys.length > 1 && lane !== "after" ? `<span class="plus">${keys.slice(1).map((key) => math(TENSORS[key].math)).join(" ")}</span>` : "";
  const differing = lane === "yours" ? keys.reduce((sum, key) => sum + wrongCells(yoursOf(key)), 0) : 0;
  const heading = lane === "yours" ? `${math(first.math)} <small>yours${keys.every(known) ? ` · ${differing ? `<span class="differs-count">${differing} differ</span>` : "right"}` : ""}</small>${plus}` : `${math(TENSORS[caption[0]].math)} <small>${shape}</small>${plus}`;
  return `<figure data-keys="${keys.join(" ")}" data-lane="${lane}" style="--w:${widest.toFixed(2)}em">
    <figcaption>${heading}</figcaption>
    <table role="grid" aria-label="${esc(label)}${lane === "yours" ? ", yours" : ""}, ${shape}">
    ${header(keys[0], lane)}${keys.map((key, n) => body(key, n, lane, known)).join("")}</table>${keys.length && windowed(keys[0]) && lane !== "yours" ? heatMap(keys[0]) : ""}</figure>`;
}

function header(key, lane) {
  const { columns } = TENSORS[key];
  const names = visible(columns).map((j) => (columns === "one" ? "<td></td>" : heading("col", columns, j))).join("");
  return `<thead class="${lane === "values" ? "" : "quiet"}"><tr><td>&nbsp;</td>${names}</tr></thead>`;
}

/** A column's or a row's name; of a long one both ends, or its beginning, and all of it where one points. */
function heading(scope, axis, n) {
  const name = AXES[axis].names[n];
  if (name.length <= mostLetters) return `<th scope="${scope}">${esc(name)}</th>`;
  const short = mostLetters === LETTERS ? `${name.slice(0, 4)}…${name.slice(-4)}` : `${name.slice(0, mostLetters - 1)}…`;
  return `<th scope="${scope}" title="${esc(name)}" aria-label="${esc(name)}">${esc(short)}</th>`;
}

function body(key, n, lane, known) {
  const tensor = TENSORS[key], digits = digitsOf(key);
  const rows = visible(tensor.rows).map((i) => {
    const cells = visible(tensor.columns).map((j) => cell(key, i, j, digits, lane, known)).join("");
    return `<tr>${rowHeader(tensor, i)}${cells}</tr>`;
  });
  const rule = n ? `<tr class="rule" aria-hidden="true"><td></td><td colspan="${count(tensor.columns)}"></td></tr>` : "";
  return `<tbody>${rule}${rows.join("")}</tbody>`;
}

function rowHeader(tensor, i) {
  if (tensor.rows === "batch")
    return `<th scope="row" class="batch"><i style="background:${rowColour(i)}"></i><span class="sr">row </span><span class="num">${esc(AXES.batch.names[i])}</span></th>`;
  if (tensor.rows !== "one") return heading("row", tensor.rows, i);
  return `<th scope="row">${tensor.kind === "bias" || tensor.kind === "scalar" ? esc(tensor.letter) : ""}</th>`;
}

function cell(key, i, j, digits, lane, known) {
  const tensor = TENSORS[key];
  if (!known(key)) return `<td class="c blank" data-key="${key}" data-i="${i}" data-j="${j}" role="gridcell" aria-label="${esc(tensor.name)}, not known yet"></td>`;
  const theirs = lane === "yours" ? yoursOf(key) : null;
  const value = theirs ? theirs.values[i]?.[j] ?? NaN : entry(key, i, j);
  const share = Math.round((46 * Math.min(Math.abs(value), tensor.largest)) / (tensor.largest || 1)) || 0;
  const text = fixed(value, theirs ? apart(value, entry(key, i, j), digits, theirs.wrong[i]?.[j]) : digits);
  const where = [nameOn(tensor.rows, i), nameOn(tensor.columns, j)].filter(Boolean).join(", ");
  const wrong = theirs && theirs.wrong[i]?.[j];
  const move = tensor.after ? signed(value - entry(before(key), i, j), digits) : "";
  const label = `${tensor.name}${theirs ? ", yours" : ""}${where ? `, ${where}` : ""}: ${text}${move ? `, moved by ${move}` : ""}${wrong ? ", differs" : ""}`;
  return `<td class="c ${value < 0 ? "neg" : "pos"}${wrong ? " wrong" : ""}" role="gridcell" tabindex="-1" data-key="${key}" data-i="${i}" data-j="${j}" aria-label="${esc(label)}" style="--share:${share}%"${move && ` data-move="${move}"`}>${text}</td>`;
}

/** Digits for a cell of theirs: as many as it takes to tell a wrong one from the right one. */
function apart(value, right, digits, wrong) {
  let most = digits;
  while (wrong && most < MOST_DIGITS && fixed(value, most) === fixed(right, most)) most++;
  return most;
}

const signed = (value, digits) => (value > 0 ? "+" : "") + fixed(value, digits);

/** What somebody else computed for a gradient, where the page was given it. */
function yoursOf(key) {
  return Object.values(DATA.yours ?? {}).find((one) => one.key === key);
}

/** How many cells of somebody's array differ; all of them where its shape is another. */
const wrongCells = (one) => one.wrong.flat().filter(Boolean).length;

function heatMap(key) {
  const { width, height } = TENSORS[key].map, columns = columnsOf(key);
  return `<div class="map" data-key="${key}"><canvas width="${width}" height="${height}" tabindex="0" role="slider" aria-orientation="horizontal" aria-valuemin="0" aria-valuemax="${columns}" aria-valuenow="${OFFSET[TENSORS[key].columns] ?? 0}" aria-valuetext="window at ${windowText(key)}" aria-label="Heat map of ${esc(TENSORS[key].name)}; click or arrow keys move the window of numbers"></canvas><small>${windowText(key)}</small></div>`;
}

function windowText(key) {
  const range = (axis) => {
    const shown = visible(axis);
    return sizeOf(axis) === shown.length ? "all" : `${shown[0] + 1}–${shown.at(-1) + 1}`;
  };
  const { corner } = TENSORS[key]; // what the page has of an array that is too large for it
  return `rows ${range(TENSORS[key].rows)}, columns ${range(TENSORS[key].columns)}${corner ? `; the page has the first ${corner.join(" × ")}` : ""}`;
}

/** Draw a heat map and the window in it. */
function drawMap(canvas, key, known) {
  const context = canvas.getContext("2d"), { width, height } = canvas, { rows, columns } = TENSORS[key];
  if (known(key)) context.drawImage(painted(key), 0, 0);
  context.strokeStyle = colourOf("--ink");
  const across = width / sizeOf(columns), down = height / sizeOf(rows), r = visible(rows), c = visible(columns);
  context.strokeRect(c[0] * across + 0.5, r[0] * down + 0.5, Math.max(2, c.length * across - 1), Math.max(2, r.length * down - 1));
}

const colourOf = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
const PAINTED = new Map(); // heat maps by array and colours: an array does not change

/** The array as a picture. */
function painted(key) {
  const negative = colourOf("--negative"), positive = colourOf("--positive"), name = `${key} ${negative}`;
  if (PAINTED.has(name)) return PAINTED.get(name);
  const { width, height, data } = TENSORS[key].map, picture = Object.assign(document.createElement("canvas"), { width, height });
  const context = picture.getContext("2d");
  new Int8Array(bytesOf(data)).forEach((value, n) => {
    context.globalAlpha = Math.abs(value) / 127;
    context.fillStyle = value < 0 ? negative : positive;
    context.fillRect(n % width, Math.floor(n / width), 1, 1);
  });
  PAINTED.set(name, picture);
  return picture;
}

/** Move the windows of an array's axes so that [i, j] is inside. */
function moveWindow(key, i, j) {
  for (const [axis, n] of [[TENSORS[key].rows, i], [TENSORS[key].columns, j]]) {
    const most = sizeOf(axis) - count(axis);
    if (visible(axis).includes(n)) continue;
    OFFSET[axis] = Math.max(0, Math.min(most, Math.round(n - count(axis) / 2)));
  }
}
