// Numbers as text: as many digits as they need, a real minus sign, never a negative zero.

const MOST_DIGITS = 8;

function rounded(value, digits) {
  const power = 10 ** digits, scaled = Math.abs(value) * power;
  return (Math.sign(value) * Math.round(scaled + 1e-9 * Math.min(1, scaled))) / power;
}

/** Whether a number is written with a power of ten. */
const isFar = (value) => value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 0.5 * 10 ** -MOST_DIGITS);

/** The digits after the point that write the value exactly, or null where more than `most` are needed. */
function exactDigits(value, most = MOST_DIGITS) {
  if (isFar(value)) return null;
  for (let digits = 0; digits <= most; digits++)
    if (Math.abs(rounded(value, digits) - value) <= 1e-12 * Math.max(1, Math.abs(value))) return digits;
  return null;
}

/** Whether so many digits write every one of the values exactly. */
const isExact = (values, digits) => values.every((value) => exactDigits(value, digits) !== null);

function fixed(value, digits) {
  if (Number.isNaN(value)) return "·";
  if (value === 0) return "0"; // exactly; 0.00 is a rounded number
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  if (isFar(value)) return scientific(value, Math.max(1, Math.min(digits, 4)));
  const text = Math.abs(rounded(value, digits)).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? "−" + text : text;
}

function scientific(value, digits = 1) {
  if (value === 0) return "0";
  const [mantissa, exponent] = Math.abs(value).toExponential(digits).split("e");
  const small = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  const power = [...String(Number(exponent))].map((letter) => small[letter]).join("");
  return `${value < 0 ? "−" : ""}${mantissa}·10${power}`;
}

/** A number by itself: exact where at most `digits` are enough, else rounded to them. */
function plain(value, digits = 4) {
  const exact = exactDigits(value, digits);
  return fixed(value, exact ?? Math.max(digits, Math.min(MOST_DIGITS, digits - 1 - Math.floor(Math.log10(Math.abs(value))))));
}

/** Digits for all cells of a figure: what they need, up to `most` for numbers below 10 and fewer for larger ones. */
function figureDigits(values, most) {
  let largest = 0, needed = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    largest = Math.max(largest, Math.abs(value));
    needed = Math.max(needed, exactDigits(value, most) ?? MOST_DIGITS);
  }
  const size = largest === 0 ? 0 : Math.floor(Math.log10(largest) + 1e-9);
  return Math.min(needed, Math.max(0, Math.min(6, size > 0 ? most - size : size < -2 ? most - 2 - size : most)));
}

/** The fewest digits, from 3 to 8, at which the rounded terms add up to the rounded total. */
function addingDigits(values, total) {
  const exact = [...values, total].map((value) => exactDigits(value));
  const needed = exact.includes(null) ? null : Math.max(...exact);
  if (needed !== null && needed <= 4) return { digits: needed, adds: true };
  for (let digits = 3; digits <= MOST_DIGITS; digits++) {
    const power = 10 ** digits, cents = (value) => Math.round(rounded(value, digits) * power);
    if (Math.max(...values.map(Math.abs), Math.abs(total)) < 10 ** (1 - digits)) continue;
    if (values.reduce((sum, value) => sum + cents(value), 0) === cents(total)) return { digits, adds: true };
  }
  return { digits: MOST_DIGITS, adds: false };
}
