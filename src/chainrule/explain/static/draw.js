// Drawing: the arrays, the header, what is outlined, and the panel, as the walk's state says.

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
    const along = callsIn(tensor.tree).some((name) => ALONG_ROWS[name]);
    for (const name of namesIn(tensor.tree))
      for (const k of along ? visible(TENSORS[name].columns) : [j]) markSource(name, clip(name, i, 0), clip(name, k, 1), row);
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
  bringInView(document.querySelector("figure.now"));
  drawWhy();
  if (restore) giveFocus(document.querySelector(restore));
}

/** Where the arrays are wider than the page: what has just come, sideways only, so that the buttons stay where they are. */
function bringInView(figure) {
  if (!figure) return;
  const main = $("main"), room = main.getBoundingClientRect(), place = figure.getBoundingClientRect(), margin = 8;
  const right = place.right + margin - room.right, left = place.left - margin - room.left;
  if (right > 0) main.scrollLeft += Math.min(right, left);
  else if (left < 0) main.scrollLeft += left;
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
