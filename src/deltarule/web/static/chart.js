// Curves with bands on a canvas, with axes, in the page's colours.
import { colour, t } from "./dom.js";

const MARGIN = { left: 52, right: 10, top: 24, bottom: 36 };

/**
 * Draw curves: `series` are {colour, rows}, a row for each epoch with a mean, the least and the greatest value in the
 * columns from `first` on. `log` makes the vertical axis logarithmic; `label` names it.
 */
export function chart(canvas, series, { first = 0, log = false, label = "" } = {}) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width) return;
  const context = canvas.getContext("2d");
  if (canvas.width !== Math.round(width * ratio)) [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  const epochs = Math.max(2, ...series.map(({ rows }) => rows.length));
  let [low, high] = range(series, first, log);
  if (low > high) return;
  if (high - low < 1e-9 * Math.abs(high) + 1e-12) [low, high] = [low - 0.5 * Math.abs(low) - 0.01, high + 0.5 * Math.abs(high) + 0.01];
  const scale = log ? Math.log : (value) => value;
  const x = (epoch) => MARGIN.left + ((width - MARGIN.left - MARGIN.right) * (epoch - 1)) / (epochs - 1);
  const y = (value) => height - MARGIN.bottom - ((height - MARGIN.top - MARGIN.bottom) * (scale(value) - scale(low))) / (scale(high) - scale(low));
  axes(context, { x, y, low, high, log, epochs, width, height, label });
  const every = Math.ceil(epochs / width); // no more points than pixels
  for (const { rows, colour: stroke } of series) {
    const known = [];
    rows.forEach((row, place) => {
      const mean = row[first];
      if ((place % every === 0 || place === rows.length - 1) && mean != null && (!log || mean > 0)) known.push([x(place + 1), row]);
    });
    context.fillStyle = context.strokeStyle = stroke;
    context.globalAlpha = 0.18;
    context.beginPath();
    for (const [across, row] of known) context.lineTo(across, y(row[first + 2]));
    for (const [across, row] of known.toReversed()) context.lineTo(across, y(log ? Math.max(row[first + 1], low) : row[first + 1]));
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 2;
    context.beginPath();
    for (const [across, row] of known) context.lineTo(across, y(row[first]));
    context.stroke();
  }
}

/** Return the least and the greatest value of all series. */
function range(series, first, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const { rows } of series) {
    for (const row of rows) {
      for (let place = first; place < first + 3; place++) {
        const value = row[place];
        if (value == null || (log && value <= 0)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
  }
  return [low, high];
}

function axes(context, { x, y, low, high, log, epochs, width, height, label }) {
  context.strokeStyle = colour("--line");
  context.fillStyle = colour("--quiet");
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(low, high, log)) {
    context.beginPath();
    context.moveTo(MARGIN.left, y(value));
    context.lineTo(width - MARGIN.right, y(value));
    context.stroke();
    context.fillText(tick(value), MARGIN.left - 6, y(value));
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const epoch of ticks(1, epochs, false).filter((value) => Number.isInteger(value))) context.fillText(epoch, x(epoch), height - MARGIN.bottom + 6);
  context.fillText(t("epoch"), (MARGIN.left + width - MARGIN.right) / 2, height - 13);
  context.textAlign = "left";
  context.fillText(label, 4, 2);
}

const tick = (value) => (value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(4))));

/** Return round numbers between two ends: steps of 1, 2 or 5, or powers of ten. */
export function ticks(low, high, log) {
  if (log && high / low > 30) {
    const first = Math.ceil(Math.log10(low));
    const last = Math.floor(Math.log10(high));
    if (last > first) return Array.from({ length: last - first + 1 }, (_, place) => 10 ** (first + place));
  }
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9 * step; value += step) found.push(Number(value.toPrecision(10)));
  return found;
}
