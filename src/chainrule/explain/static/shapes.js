// The shapes of what an equation multiplies, drawn, with the axes that are summed away.

/** The shapes of the first term that sums over an index, or of one that works entry by entry. */
function shapes(key) {
  const terms = EQUATIONS[key]?.terms;
  if (!terms) return "";
  const [, factors, over] = terms.find(([, , sums]) => sums.length) ?? terms[0];
  const isArray = ([name]) => TENSORS[name].kind !== "scalar" && !(TENSORS[name].rows === "one" && TENSORS[name].columns === "one");
  const arrays = factors.filter(isArray);
  const result = box(key, "i", "j", new Set());
  if (!over.length) {
    const drawn = (list) => list.map(([name]) => box(name, "i", "j", new Set()));
    const boxes = (list) => {
      const above = drawn(list.filter((factor) => isArray(factor) && !factor[3])), below = drawn(list.filter((factor) => isArray(factor) && factor[3]));
      return [above.join("<b>·</b>") || (below.length ? "<b>1</b>" : ""), ...below].join("<b>÷</b>");
    };
    const left = terms.map(([coefficient, list]) => [coefficient < 0 ? "−" : "+", boxes(list)]).filter(([, inside]) => inside);
    const signed = left.map(([sign, inside], n) => (n || sign === "−" ? `<b>${sign}</b>` : "") + inside);
    return `<div class="shapes">${signed.join("") || result}<b>→</b>${result}<small>${factors.some(([name]) => TENSORS[name].helper && EQUATIONS[name]) ? "row by row" : "entry by entry"}</small></div>`;
  }
  const summed = new Set(over.map(([index]) => index));
  const parts = arrays.map(([name, r, c]) => {
    const turned = (r !== "i" && r !== "0" && c === "i") || (c !== "j" && c !== "0" && r === "j");
    return box(name, turned ? c : r, turned ? r : c, summed, turned);
  });
  const letters = [...summed].map((index) => lettersOf(arrays, index)).filter(Boolean);
  return `<div class="shapes">${parts.join("")}<b>→</b>${result}<small>${letters.length ? `<em>${letters.join(" and ")}</em> ${letters.length > 1 ? "are" : "is"} summed away` : ""}</small></div>`;
}

function axisLetter(axis) {
  if (axis === "batch") return "B";
  if (axis === "one") return "1";
  return AXES[axis].kind === "input" ? "I" : `O`;
}

function lettersOf(arrays, index) {
  for (const [name, r, c] of arrays) if (r === index || c === index) return sized(r === index ? TENSORS[name].rows : TENSORS[name].columns);
  return null;
}

const sized = (axis) => (axis === "one" ? "1" : `${AXES_LETTER[axis] ?? axisLetter(axis)}`);
const AXES_LETTER = {};

/** Name the axes of the arrays as the equation of a layer does: I enters, O leaves. */
function nameAxes(key) {
  for (const axis of Object.keys(AXES_LETTER)) delete AXES_LETTER[axis];
  const names = [key, ...(EQUATIONS[key]?.terms ?? []).flatMap(([, factors]) => factors.map(([name]) => name))];
  const weight = names.map((name) => TENSORS[name]).find((tensor) => tensor.kind === "weight");
  if (weight && weight.rows !== weight.columns) [AXES_LETTER[weight.rows], AXES_LETTER[weight.columns]] = ["I", "O"];
}

function box(key, r, c, summed, turned = false) {
  const tensor = TENSORS[key], rows = turned ? tensor.columns : tensor.rows, columns = turned ? tensor.rows : tensor.columns;
  const length = (axis) => Math.round(14 + 11 * Math.log2(Math.min(64, sizeOf(axis)) + 1)) * (sizeOf(axis) === 1 ? 0.7 : 1);
  const tag = (axis, index) => `${summed.has(index) ? "<em>" : ""}${sized(axis)}${axis === "one" ? "" : ` <i>${sizeOf(axis)}</i>`}${summed.has(index) ? "</em>" : ""}`;
  return `<span class="box"><span class="what">${math(tensor.helper ? scalarless(key) : tensor.math + (turned ? "<msup><mrow></mrow><mo>⊤</mo></msup>" : ""))}</span>
    <span class="frame ${summed.has(r) ? "across" : ""} ${summed.has(c) ? "along" : ""}" style="width:${length(columns)}px;height:${length(rows)}px"></span>
    <span class="dims">${tag(rows, r)} × ${tag(columns, c)}</span></span>`;
}

const scalarless = (key) => TENSORS[key].math.replace(/⟦(\w+)⟧/g, (_, name) => TENSORS[name].math);
