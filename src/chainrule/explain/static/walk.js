// The walk: which step is shown, which cell is asked about, and the address that names both.

const state = { step: 0, all: false, cell: null, pinned: false, stage: null };
const $ = (id) => document.getElementById(id);
const last = WALK.length - 1;
const reached = () => (state.all ? last : state.step);
const known = (key) => (STEP_OF[key] ?? (TENSORS[key].shown ? Infinity : 0)) <= reached();

// Drawing

function drawTrack() {
  const lanes = ["values", "gradients", ...(DATA.yours ? ["yours"] : []), "after"];
  const words = { values: "values →", gradients: "← gradients", yours: "yours", after: "after the step" };
  const labels = `<div class="lanes" aria-hidden="true"><span></span>${lanes.map((lane) => `<span class="${lane}"><b>${words[lane]}</b></span>`).join("")}</div>`;
  const stages = STAGES.map((stage, n) => {
    const columns = stage.columns.map((column) => `<div class="column">${columnFigures(column, known)}</div>`).join("");
    return `<section class="stage" data-stage="${n}" aria-label="${esc(stage.title)}" style="--columns:${stage.columns.length}"><h3>${esc(stage.title)}</h3>${columns}</section>`;
  });
  $("track").innerHTML = labels + stages.join("");
  for (const table of $("track").querySelectorAll("table")) enter(table.querySelector("td[tabindex]"));
}

/** Make a cell the one that Tab stops at in its array; the arrows lead to the others. */
function enter(cell) {
  if (!cell) return;
  for (const other of cell.closest("table").querySelectorAll('td[tabindex="0"]')) other.tabIndex = -1;
  cell.tabIndex = 0;
}

/** Draw the heat maps of the layers that are shown. */
function drawMaps() {
  for (const canvas of document.querySelectorAll("canvas"))
    if (canvas.offsetParent) drawMap(canvas, canvas.parentElement.dataset.key, known);
}

const PHASES = { given: "", forward: "forward", loss: "loss", backward: "backward", update: "update" };

function drawSteps() {
  $("steps").innerHTML = WALK.map((step, n) => `<button type="button" data-step="${n}" class="${n && step.phase !== WALK[n - 1].phase ? "turn" : ""}" aria-label="Step ${n + 1}: ${esc(step.title)}" title="${esc(step.title)}"></button>`).join("");
  $("overview").innerHTML = STAGES.map((stage, n) => `<button type="button" data-stage="${n}">${esc(stage.title)}</button>`).join('<span aria-hidden="true">→</span>');
}

function drawHeader() {
  const step = WALK[state.step], equation = EQUATIONS[step.key];
  $("count").textContent = state.all ? `All ${WALK.length} steps` : `Step ${state.step + 1} of ${WALK.length}`;
  $("phase").textContent = state.all ? "" : PHASES[step.phase];
  $("step-title").textContent = state.all ? "The whole step" : step.title;
  $("step-formula").innerHTML = equation && !state.all ? math(equation.math, true) : "";
  $("known-loss").innerHTML = TENSORS.L && known("L") ? `loss <b>${plain(entry("L", 0, 0))}</b>` : "";
  $("back").disabled = state.step === 0 && !state.all;
  $("next").disabled = state.step === last;
  $("show-all").setAttribute("aria-pressed", state.all);
  for (const button of $("steps").children) {
    const n = Number(button.dataset.step);
    button.classList.toggle("done", n <= reached());
    if (n === state.step) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  }
}

/** Mark the current layer among the layers, and bring it into view. */
function drawOverview() {
  for (const button of $("overview").querySelectorAll("button")) {
    const here = Number(button.dataset.stage) === (state.stage ?? WALK[state.step].stage);
    if (here) {
      button.setAttribute("aria-current", "true");
      $("overview").scrollLeft = button.offsetLeft - $("overview").clientWidth / 2;
    } else button.removeAttribute("aria-current");
  }
}

function markFocus() {
  const step = WALK[state.step], track = $("track");
  for (const figure of document.querySelectorAll("figure")) {
    const keys = figure.dataset.keys.split(" ");
    figure.classList.toggle("now", !state.all && step.phase !== "given" && keys.some((key) => step.shows.includes(key)));
  }
  for (const marked of track.querySelectorAll(".selected, .source-cell, .twin")) {
    marked.classList.remove("selected", "source-cell", "twin");
    marked.style.removeProperty("--mark");
  }
  track.classList.toggle("asking", state.cell !== null);
  if (!state.cell) return;
  const { key, i, j } = state.cell;
  for (const product of products(key, i, j)) {
    const row = batchRow({ ...product, owner: key });
    for (const factor of product.factors) markSource(factor.key, factor.i, factor.j, row);
  }
  cellOf(key, i, j)?.classList.add("selected");
  twinOf(key, i, j)?.classList.add("twin");
}

/** The same cell in the lane of somebody's own gradients. */
const twinOf = (key, i, j) => document.querySelector(`figure[data-lane="yours"] td[data-key="${key}"][data-i="${i}"][data-j="${j}"]`);

function markSource(key, i, j, row) {
  const tensor = TENSORS[key];
  if (tensor.helper && EQUATIONS[key]) {
    for (const product of products(key, i, j)) for (const factor of product.factors) markSource(factor.key, factor.i, factor.j, row);
    return;
  }
  if (tensor.helper) {
    for (const [, name] of tensor.math.matchAll(/⟦(\w+)⟧/g)) markSource(name, clip(name, i, 0), clip(name, j, 1), row);
    return;
  }
  const cell = cellOf(key, i, j);
  cell?.classList.add("source-cell");
  if (row !== null) cell?.style.setProperty("--mark", rowColour(row));
}

const LEGEND = [
  ['<i class="swatch neg"></i><i class="swatch pos"></i>', "negative and positive, stronger where larger"],
  ['<i class="swatch row"></i>', "one colour for each row of the batch"],
  ['<i class="swatch open"></i>', "not known yet: ask before you show"],
].map(([sign, words]) => `<li><span>${sign}</span>${words}</li>`);
const DIFFERS = '<li><span><i class="swatch differs"></i></span>a cell of yours that differs from the right one</li>';

const anyWrong = () => Object.values(DATA.yours).some((one) => wrongCells(one));

/** What the lane of somebody's own gradients shows. */
function yoursWords() {
  const found = anyWrong() ? "the cells with a dashed outline differ" : "no cell of yours differs";
  return `Values above, the right gradients below them, and yours below those: ${found}.`;
}

function drawWhy() {
  const panel = $("why");
  document.body.classList.toggle("asked", state.cell !== null);
  if (state.cell) {
    panel.innerHTML = explanation(state.cell.key, state.cell.i, state.cell.j);
    panel.className = "open";
    return;
  }
  if (state.all) {
    panel.className = "story";
    panel.innerHTML = `<section class="first"><p class="say">${DATA.yours ? yoursWords() : "Everything at once: values above, gradients below, and the parameters after the step."}</p><p class="hint">Point at a number, or tab to it: it tells why it is what it is.</p></section>`;
    return;
  }
  const step = WALK[state.step], equation = EQUATIONS[step.key];
  const line = equation ? `<div class="code"><code>${esc(equation.line)}</code><small>${esc(equation.where)}: <code>${esc(equation.stated)}</code></small></div>` : "";
  if (TENSORS[step.key]) nameAxes(step.key);
  panel.className = "story";
  panel.innerHTML = `<section class="first"><p class="say">${esc(step.say)}</p><p class="hint">Point at a number, or tab to it: it tells why it is what it is. <kbd>←</kbd> and <kbd>→</kbd> walk.</p></section>
    <section class="third">${equation ? shapes(step.key) : `<ul class="legend">${[...LEGEND, ...(DATA.yours ? [DIFFERS] : [])].join("")}</ul>`}${line}</section>`;
}

/** Draw everything; what has the focus keeps it, and nothing is asked by that. */
function draw() {
  const focused = document.activeElement.closest("#track td, #track canvas"), restore = focused && placeOf(focused);
  document.body.classList.toggle("updating", WALK[reached()].phase === "update");
  document.body.classList.toggle("judged", Boolean(DATA.verdict) && state.all); // the verdict is the title then
  document.body.classList.remove("asked");
  drawHeader();
  fit();
  drawMaps();
  markFocus();
  drawWhy();
  if (restore) giveFocus(document.querySelector(restore));
}

const placeOf = (element) => {
  const { dataset } = element, { lane } = element.closest("figure").dataset;
  if (element.tagName === "CANVAS") return `figure[data-lane="${lane}"] .map[data-key="${element.parentElement.dataset.key}"] canvas`;
  return `figure[data-lane="${lane}"] td[data-key="${dataset.key}"][data-i="${dataset.i}"][data-j="${dataset.j}"]`;
};

let restoring = false;

function giveFocus(element) {
  const shown = element?.offsetParent ? element : $("next").disabled ? $("back") : $("next");
  if (shown.tabIndex < 0) shown.tabIndex = shown.classList.contains("blank") ? -1 : 0;
  restoring = true;
  shown.focus({ preventScroll: true });
  restoring = false;
}

// Addresses: #dW1, #dW1.0.2, #all, #all/dW1.0.2

function address() {
  const step = state.all ? "all" : WALK[state.step].key;
  if (!state.cell || !state.pinned) return `#${step}`;
  const { key, i, j } = state.cell, cell = `${key}.${i}.${j}`;
  return !state.all && STEP_OF[key] === state.step ? `#${cell}` : `#${step}/${cell}`;
}

function goTo(hash) {
  const [step, cell] = hash.replace(/^#/, "").split("/");
  const [name, i, j] = (cell ?? step).split(".");
  const isCell = i !== undefined && TENSORS[name] && Number(i) < rowsOf(name) && Number(j) < columnsOf(name);
  state.all = step === "all";
  const number = WALK.findIndex((stop) => stop.key === step.split(".")[0]);
  state.step = state.all ? last : Math.max(0, number >= 0 ? number : (isCell ? STEP_OF[name] : 0) ?? 0);
  state.cell = isCell ? { key: name, i: Number(i), j: Number(j) } : null;
  state.pinned = isCell;
  state.stage = isCell ? WALK[STEP_OF[name]]?.stage ?? stageOf(name) : null;
  if (isCell) moveWindow(name, Number(i), Number(j));
  draw();
  if (!isCell) return;
  cellOf(name, Number(i), Number(j))?.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (DATA.yours) clear(twinOf(name, Number(i), Number(j)));
}

const stageOf = (key) => {
  const found = STAGES.findIndex((stage) => stage.columns.some((column) => column.flat().includes(key)));
  return found < 0 ? null : found;
};

/** Put what is shown into the address. A jump is a place to come back to; walking is not, or Back would be a long way. */
function remember(jump = false) {
  if (location.protocol === "about:" || address() === location.hash) return;
  if (jump) history.pushState(null, "", address());
  else history.replaceState(null, "", address());
}

/** Tell a screen reader, once. */
function say(text) {
  if ($("said").textContent !== text) $("said").textContent = text;
}

const sayStep = () => say(`${[$("count"), $("phase")].map((part) => part.textContent).filter(Boolean).join(", ")}: ${$("step-title").textContent}`);

function walkTo(step, jump = false) {
  Object.assign(state, { step: Math.max(0, Math.min(last, step)), all: false, cell: null, pinned: false, stage: null });
  draw();
  sayStep();
  remember(jump);
}

/** Scroll a cell out from under the panel. */
function clear(cell) {
  const hidden = (cell?.getBoundingClientRect().bottom ?? 0) + 12 - $("why").getBoundingClientRect().top;
  if (hidden > 0 && getComputedStyle($("why")).position === "absolute") $("main").scrollTop += hidden;
}

function ask(cell, pinned, element) {
  if (!known(cell.key)) return;
  Object.assign(state, { cell, pinned });
  markFocus();
  drawWhy();
  clear(twinOf(cell.key, cell.i, cell.j) ?? element);
  say(pinned ? sentence(cell.key, cell.i, cell.j) : ""); // the number itself is the cell's label
  if (pinned) remember();
}

function dismiss() {
  Object.assign(state, { cell: null, pinned: false });
  markFocus();
  drawWhy();
  remember();
}

// Events

const cellAt = (target) => {
  const cell = target.closest?.("td.c:not(.blank)");
  return cell && { key: cell.dataset.key, i: Number(cell.dataset.i), j: Number(cell.dataset.j) };
};

$("back").addEventListener("click", () => walkTo(state.all ? last : state.step - 1));
$("next").addEventListener("click", () => walkTo(state.step + 1));
$("show-all").addEventListener("click", () => {
  state.all = !state.all;
  if (state.all) state.step = last;
  else state.step = 0;
  state.cell = null;
  draw();
  sayStep();
  remember(true);
});
$("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).getPropertyValue("--is-dark").trim() === "1";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  draw();
});
$("steps").addEventListener("click", (event) => event.target.dataset.step && walkTo(Number(event.target.dataset.step), true));
$("overview").addEventListener("click", (event) => {
  if (!event.target.dataset.stage) return;
  state.stage = Number(event.target.dataset.stage);
  draw();
});
let pointer = ""; // where it is: a cell that is drawn under it is not pointed at
const placeOfPointer = ({ clientX, clientY }) => `${clientX} ${clientY}`;
document.addEventListener("mousemove", (event) => (pointer = placeOfPointer(event)));
$("track").addEventListener("mouseover", (event) => {
  const cell = cellAt(event.target);
  if (cell && !state.pinned && placeOfPointer(event) !== pointer) ask(cell, false, event.target.closest("td"));
});
$("track").addEventListener("focusin", (event) => {
  const cell = cellAt(event.target);
  if (!cell || restoring) return;
  enter(event.target);
  ask(cell, true, event.target);
});
$("track").addEventListener("click", (event) => {
  const cell = cellAt(event.target);
  if (cell) ask(cell, true, event.target.closest("td"));
  else if (event.target.tagName === "CANVAS") moveByPointer(event);
  else if (!event.target.closest("figure")) dismiss();
});

function moveByPointer(event) {
  const key = event.target.parentElement.dataset.key, frame = event.target.getBoundingClientRect();
  moveWindow(key, Math.floor(((event.clientY - frame.top) / frame.height) * rowsOf(key)), Math.floor(((event.clientX - frame.left) / frame.width) * columnsOf(key)));
  draw();
}

function moveByKey(canvas, name) {
  const key = canvas.parentElement.dataset.key, { rows, columns } = TENSORS[key];
  const [axis, by] = { ArrowLeft: [columns, -1], ArrowRight: [columns, 1], ArrowUp: [rows, -1], ArrowDown: [rows, 1] }[name];
  OFFSET[axis] = Math.max(0, Math.min(sizeOf(axis) - count(axis), (OFFSET[axis] ?? 0) + by * count(axis)));
  draw();
}

$("why").addEventListener("click", (event) => {
  const { id, dataset } = event.target.closest("button") ?? { dataset: {} };
  if (id === "close") dismiss();
  if (id === "copy") copyFormula(event.target);
  if (dataset.go) {
    const [key, i, j] = dataset.go.split(".");
    moveWindow(key, Number(i), Number(j));
    Object.assign(state, { cell: { key, i: Number(i), j: Number(j) }, pinned: true, stage: WALK[STEP_OF[key]]?.stage ?? stageOf(key) });
    draw();
    say(sentence(key, Number(i), Number(j)));
    remember(true);
    $("why").focus();
  }
});

function copyFormula(button) {
  const text = latexOf(state.cell.key, state.cell.i, state.cell.j);
  const done = () => (button.textContent = "Copied");
  const byHand = () => {
    const field = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    done();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, byHand);
  else byHand();
}

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const ENDS = { Home: [0, -Infinity], End: [0, Infinity] };

/** Arrow keys inside a figure go from cell to cell, Home and End to the ends of its row. */
function moveFocus(cell, name) {
  const cells = [...cell.closest("table").querySelectorAll("tr")].map((row) => [...row.querySelectorAll("td.c")]).filter((row) => row.length);
  const row = cells.findIndex((list) => list.includes(cell)), [down, right] = ARROWS[name] ?? ENDS[name];
  const most = cells[row].length - 1, column = Math.max(0, Math.min(most, cells[row].indexOf(cell) + right));
  cells[row + down]?.[column]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.("input, textarea")) return;
  const cell = event.target.closest?.("td.c"), { key } = event;
  if (key === "Escape") {
    dismiss();
    document.activeElement.blur();
  } else if (key === "PageDown" || key === "PageUp") walkTo(state.step + (key === "PageDown" ? 1 : -1));
  else if (ARROWS[key] && event.target.tagName === "CANVAS") moveByKey(event.target, key);
  else if ((ARROWS[key] || ENDS[key]) && cell) moveFocus(cell, key);
  else if (key === "Enter" && cell) ask(cellAt(cell), true, cell);
  else if (key === "Home") walkTo(0);
  else if (key === "End") walkTo(last);
  else if (key === "ArrowRight") walkTo(state.step + 1);
  else if (key === "ArrowLeft") walkTo(state.all ? last : state.step - 1);
  else return;
  event.preventDefault();
});

let width = 0;
addEventListener("resize", () => {
  if (matchMedia("print").matches || innerWidth === width) return;
  width = innerWidth;
  draw();
});
addEventListener("beforeprint", fitPaper);
addEventListener("hashchange", () => {
  goTo(location.hash || DATA.start);
  if (state.cell) say(sentence(state.cell.key, state.cell.i, state.cell.j));
  else sayStep();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

$("title").textContent = DATA.title;
$("summary").textContent = DATA.summary;
if (DATA.verdict) Object.assign($("verdict"), { textContent: DATA.verdict, hidden: false, className: DATA.yours && !anyWrong() ? "right" : "" });
drawSteps();
goTo(location.hash || DATA.start);
if (!location.hash) state.pinned = false; // pointing elsewhere asks at once
