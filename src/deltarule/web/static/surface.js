// Decision surfaces with the data's points, and confusion matrices.
import { colour, el, t } from "./dom.js";

const SIZE = 360;
const rgb = (text) => [1, 3, 5].map((start) => parseInt(text.slice(start, start + 2), 16));
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const tables = new Map();
addEventListener("themechange", () => tables.clear());

/** Draw a picture of the server into a holder: a surface on a canvas, or a table. */
export function picture(holder, found, data, name) {
  if (!found) return;
  if (found.kind === "surface") surface(holder, found, data, name);
  else confusion(holder, found, name);
}

/** Paint the grid pixel for pixel; the browser enlarges it, and the points are on a canvas of their own above it. */
function surface(holder, { side, codes, certainty }, data, name) {
  if (!holder.children.length) {
    holder.replaceChildren(el("div", { class: "stack" }, el("canvas", { class: "surface", width: side, height: side, role: "img", "aria-label": t("surfaceOf", name) }), el("canvas", { class: "points", width: SIZE, height: SIZE, "aria-hidden": "true" })));
  }
  const [grid, above] = holder.querySelectorAll("canvas");
  const table = shades(data.classes.length);
  const [classOf, sure] = [bytes(codes), bytes(certainty)];
  const image = new ImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer);
  for (let place = 0; place < pixels.length; place++) pixels[place] = table[256 * classOf[place] + sure[place]];
  grid.getContext("2d").putImageData(image, 0, 0);
  const theme = document.documentElement.dataset.theme;
  if (above.dataset.theme !== theme) {
    above.dataset.theme = theme;
    points(above.getContext("2d"), data);
  }
}

/** Return the pixel, as bytes A, B, G, R, of each class and certainty from 0 to 255. */
function shades(classes) {
  if (!tables.has(classes)) {
    const paper = rgb(colour("--paper"));
    const least = 255 / classes;
    tables.set(classes, Uint32Array.from({ length: 256 * classes }, (_, place) => {
      const ink = rgb(colour(`--c${(place >> 8) % 6}`));
      const strength = 0.12 + 0.5 * Math.max(0, ((place & 255) - least) / (255 - least));
      const [r, g, b] = paper.map((value, c) => Math.round(value + strength * (ink[c] - value)));
      return (255 << 24) | (b << 16) | (g << 8) | r;
    }));
  }
  return tables.get(classes);
}

function points(context, { box: [left, right, bottom, top], points: places, codes }) {
  context.clearRect(0, 0, SIZE, SIZE);
  context.strokeStyle = colour("--paper");
  places.forEach(([x, y], place) => {
    context.fillStyle = colour(`--c${codes[place] % 6}`);
    context.beginPath();
    const [px, py] = [(SIZE * (x - left)) / (right - left), (SIZE * (top - y)) / (top - bottom)];
    if (codes[place] % 2) context.rect(px - 3, py - 3, 6, 6);
    else context.arc(px, py, 3.4, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  });
}

/** Show counts in a table that is made once; later only the cells that differ are written. */
function confusion(holder, { counts, classes }, name) {
  if (!holder.children.length) {
    const shown = classes.map((each) => String(each).slice(0, 10));
    holder.replaceChildren(el("div", { class: "scroll confusion", tabindex: 0, role: "region", "aria-label": t("confusionOf", name) },
      el("table", {}, el("caption", { class: "quiet" }, t("confusion")),
        el("tr", {}, el("td"), shown.map((each) => el("th", { scope: "col", class: "number" }, each))),
        counts.map((row, place) => el("tr", {}, el("th", { scope: "row" }, shown[place]), row.map((_, column) => el("td", { class: column === place ? "number right" : "number" })))))));
  }
  const most = Math.max(1, ...counts.flat());
  holder.querySelectorAll("td.number").forEach((cell, place) => {
    const count = counts[Math.floor(place / counts.length)][place % counts.length];
    const strength = count ? String(Math.round(12 + (50 * count) / most)) : "0";
    if (cell.textContent !== (count ? String(count) : "")) cell.textContent = count || "";
    if (cell.dataset.strength !== strength) cell.style.setProperty("--strength", `${(cell.dataset.strength = strength)}%`);
  });
}
