// Fitting: the largest numbers with which everything fits; where nothing does, one layer at a time

const PANEL = 236, STORY = 104; // heights of the panel, open and closed

function fit() {
  const main = $("main"), track = $("track"), across = main.clientWidth - 2 * parseFloat(getComputedStyle(main).paddingLeft);
  $("overview").hidden = true;
  track.classList.remove("few");
  const flowing = matchMedia("(max-width: 900px), (max-height: 560px)").matches;
  const down = main.clientHeight - (document.body.classList.contains("updating") ? STORY : PANEL);
  for (const [digits, sizes] of [[3, [18, 17, 16, 15, 14, 13, 12]], [2, [13, 12, 11]]]) {
    mostDigits = digits;
    drawTrack();
    for (const size of sizes) {
      track.style.setProperty("--size", `${size}px`);
      if (track.scrollWidth <= across && (flowing || track.scrollHeight <= down)) return;
    }
    if (track.scrollWidth <= across) return;
  }
  mostDigits = 3;
  track.classList.add("few");
  $("overview").hidden = false;
  drawOverview();
  for (const size of [15, 14, 13, 12]) {
    track.style.setProperty("--size", `${size}px`);
    drawTrack();
    const complete = oneLayer([...document.querySelectorAll(".stage")], across);
    if (complete && (flowing || track.scrollHeight <= main.clientHeight - STORY)) return;
  }
}

const PAPER = [1040, 440]; // pixels of an A4 page on its side that the arrays may take

/** Scale the arrays to the paper; all layers where they stay legible, else the ones on the screen. */
function fitPaper() {
  const track = $("track"), away = [...document.querySelectorAll(".away, .entering")];
  const scale = () => Math.min(1, PAPER[0] / track.scrollWidth, PAPER[1] / track.scrollHeight);
  const kept = away.map((stage) => stage.className);
  for (const stage of away) stage.className = "stage";
  if (scale() < 0.5) away.forEach((stage, n) => (stage.className = kept[n]));
  track.style.setProperty("--print-zoom", scale());
  away.forEach((stage, n) => addEventListener("afterprint", () => (stage.className = kept[n]), { once: true }));
}

const GAP = 14, LANES = 18; // between layers; of the lanes' names

/** Show the current layer, what enters it, and as many neighbours as there is room for; whether both have room. */
function oneLayer(stages, room) {
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
    if (!shown.has(n)) stage.classList.add(n === here - 1 && complete ? "entering" : "away");
  });
  return complete;
}
