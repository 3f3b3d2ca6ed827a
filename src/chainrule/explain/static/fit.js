// Fitting: the largest numbers with which everything fits; where nothing does, one layer at a time

const PANEL = 246, STORY = 94; // heights of the panel, open and closed
const FITTED = new Map(); // what was found for a window and a phase; what is known yet takes no other room

/** Draw the arrays as they fit. */
function fit() {
  const main = $("main"), updating = document.body.classList.contains("updating");
  $("overview").hidden = true;
  const window = [innerWidth, innerHeight, main.clientHeight, updating].join();
  if (!FITTED.has(window)) FITTED.set(window, measured(main, updating ? STORY : PANEL));
  const { digits, size, few, letters } = FITTED.get(window);
  apply(digits, size, few, letters);
  if (few) oneLayer(roomAcross(main));
}

const roomAcross = (main) => main.clientWidth - 2 * parseFloat(getComputedStyle(main).paddingLeft);
const isFlowing = () => matchMedia("(max-width: 900px), (max-height: 560px)").matches;

function apply(digits, size, few, letters = LETTERS) {
  [mostDigits, mostLetters] = [digits, letters];
  $("track").classList.toggle("few", few);
  $("track").style.setProperty("--size", `${size}px`);
  $("overview").hidden = !few;
  if (few) drawOverview();
  drawTrack();
}

/** Digits and size of the numbers, letters of names, and whether there is room for a few layers only. */
function measured(main, panel) {
  return measuredAll(main, panel, LETTERS) ?? measuredAll(main, panel, FEW_LETTERS) ?? measuredFew(main);
}

function measuredAll(main, panel, letters) {
  const track = $("track"), across = roomAcross(main), flowing = isFlowing(), few = false;
  apply(2, 11, few, letters);
  if (track.scrollWidth > across) return null;
  for (const [digits, sizes] of [[3, [18, 17, 16, 15, 14, 13, 12]], [2, [13, 12]]]) {
    apply(digits, sizes.at(-1), few, letters);
    if (track.scrollWidth > across) continue;
    for (const size of sizes) {
      track.style.setProperty("--size", `${size}px`);
      if (track.scrollWidth <= across && (flowing || track.scrollHeight <= main.clientHeight - panel)) return { digits, size, few, letters };
    }
    if (digits === 3) return { digits, size: sizes.at(-1), few, letters };
  }
  return { digits: 2, size: 11, few, letters };
}

function measuredFew(main) {
  const track = $("track");
  apply(3, 15, true);
  for (const size of [15, 14, 13]) {
    track.style.setProperty("--size", `${size}px`);
    const complete = oneLayer(roomAcross(main));
    if (complete && (isFlowing() || track.scrollHeight <= main.clientHeight - STORY)) return { digits: 3, size, few: true };
  }
  return { digits: 3, size: 12, few: true };
}

const PAPER = [1040, 440]; // pixels of an A4 page on its side that the arrays may take

/** Scale the arrays to the paper; all layers where they stay legible, else the ones on the screen. */
function fitPaper() {
  const track = $("track"), away = [...document.querySelectorAll(".away, .entering")];
  const scale = () => Math.min(1, PAPER[0] / track.scrollWidth, PAPER[1] / track.scrollHeight);
  const kept = away.map((stage) => stage.className);
  for (const stage of away) stage.className = "stage";
  drawMaps();
  if (scale() < 0.5) away.forEach((stage, n) => (stage.className = kept[n]));
  track.style.setProperty("--print-zoom", scale());
  away.forEach((stage, n) => addEventListener("afterprint", () => (stage.className = kept[n]), { once: true }));
}

const GAP = 13, LANES = 18; // between layers; of the lanes' names

/** Show the current layer, what enters it, and as many neighbours as there is room for; whether both have room. */
function oneLayer(room) {
  const stages = [...document.querySelectorAll(".stage")];
  for (const stage of stages) stage.className = "stage";
  const here = state.stage ?? WALK[state.step].stage;
  const widths = stages.map((stage) => stage.getBoundingClientRect().width + GAP);
  const lasts = stages.map((stage) => stage.lastElementChild.getBoundingClientRect().width + GAP);
  const shown = new Set([here]);
  let used = LANES + widths[here] + (here ? lasts[here - 1] : 0);
  const complete = used <= room;
  for (const next of [here + 1, here - 1, here - 2, here + 2].filter((n) => n >= 0 && n < stages.length)) {
    const more = widths[next] - (next === here - 1 ? lasts[next] : 0);
    if (used + more > room || (next === here - 2 && !shown.has(here - 1)) || (next === here + 2 && !shown.has(here + 1))) continue;
    shown.add(next);
    used += more;
  }
  stages.forEach((stage, n) => {
    if (!shown.has(n)) stage.classList.add(n === here - 1 ? "entering" : "away");
  });
  return complete;
}
