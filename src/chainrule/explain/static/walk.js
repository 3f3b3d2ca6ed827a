// The walk: which step is shown, which cell is asked about, and the address that names both.

const state = { step: 0, all: false, from: 0, cell: null, pinned: false, stage: null }; // from: where all was asked for
const $ = (id) => document.getElementById(id);
const last = WALK.length - 1;
const reached = () => (state.all ? last : state.step);
const known = (key) => (STEP_OF[key] ?? (TENSORS[key].shown ? Infinity : 0)) <= reached();

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
  const within = (text, size) => /^\d+$/.test(text) && Number(text) < size;
  const named = TENSORS[name] && within(i, rowsOf(name)) && within(j, columnsOf(name));
  state.all = step === "all";
  const number = WALK.findIndex((stop) => stop.key === step.split(".")[0]);
  state.step = state.all ? last : Math.max(0, number >= 0 ? number : (named ? STEP_OF[name] : 0) ?? 0);
  const isCell = named && known(name); // a link tells no more than its step
  state.cell = isCell ? { key: name, i: Number(i), j: Number(j) } : null;
  state.pinned = isCell;
  state.stage = isCell ? stageOf(name) : null;
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
  if (state.cell && document.activeElement.closest("#why")) leave(document.activeElement); // the panel closes
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
  if (state.all) Object.assign(state, { all: false, step: state.from });
  else Object.assign(state, { all: true, from: state.step, step: last });
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
    Object.assign(state, { cell: { key, i: Number(i), j: Number(j) }, pinned: true, stage: stageOf(key) });
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

/** From inside the panel back to the cell that it is about; from anywhere else the panel closes. */
function leave(element) {
  if (state.cell && element.closest?.("#why")) {
    giveFocus(cellOf(state.cell.key, state.cell.i, state.cell.j));
    return;
  }
  dismiss();
  document.activeElement.blur();
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.("input, textarea")) return;
  const cell = event.target.closest?.("td.c"), { key } = event;
  if (key === "Escape") leave(event.target);
  else if (key === "PageDown" || key === "PageUp") walkTo(state.step + (key === "PageDown" ? 1 : -1));
  else if (ARROWS[key] && event.target.tagName === "CANVAS") moveByKey(event.target, key);
  else if ((ARROWS[key] || ENDS[key]) && cell) moveFocus(cell, key);
  else if (key === "Enter" && cell && cellAt(cell)) {
    ask(cellAt(cell), true, cell);
    $("why").focus();
  }
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
