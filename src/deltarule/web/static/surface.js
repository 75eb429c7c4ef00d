// Decision surfaces with the data's points, and confusion matrices.
import { colour, el, t } from "./dom.js";

const rgb = (text) => [1, 3, 5].map((start) => parseInt(text.slice(start, start + 2), 16));
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** Draw a picture of the server into a holder: a surface on a canvas, or a table. */
export function picture(holder, found, data, name) {
  if (!found) return;
  if (found.kind === "surface") surface(holder, found, data, name);
  else confusion(holder, found, name);
}

function surface(holder, { side, codes, certainty }, data, name) {
  let canvas = holder.querySelector("canvas");
  if (!canvas) holder.replaceChildren((canvas = el("canvas", { class: "surface", role: "img", "aria-label": t("surfaceOf", name) })));
  const small = new OffscreenCanvas(side, side);
  const image = new ImageData(side, side);
  const marks = data.classes.map((_, place) => colour(`--c${place % 6}`));
  const edge = colour("--paper");
  const [colours, paper] = [marks.map(rgb), rgb(edge)];
  const [classOf, sure] = [bytes(codes), bytes(certainty)];
  const least = 255 / data.classes.length;
  for (let place = 0; place < side * side; place++) {
    const strength = 0.12 + 0.5 * Math.max(0, (sure[place] - least) / (255 - least));
    const ink = colours[classOf[place]] ?? paper;
    for (let c = 0; c < 3; c++) image.data[4 * place + c] = paper[c] + strength * (ink[c] - paper[c]);
    image.data[4 * place + 3] = 255;
  }
  small.getContext("2d").putImageData(image, 0, 0);
  const size = 360;
  if (canvas.width !== size) [canvas.width, canvas.height] = [size, size];
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = true;
  context.drawImage(small, 0, 0, size, size);
  const [left, right, bottom, top] = data.box;
  context.strokeStyle = edge;
  data.points.forEach(([x, y], place) => {
    context.fillStyle = marks[data.codes[place]];
    context.beginPath();
    const [px, py] = [(size * (x - left)) / (right - left), (size * (top - y)) / (top - bottom)];
    if (data.codes[place] % 2) context.rect(px - 3, py - 3, 6, 6);
    else context.arc(px, py, 3.4, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  });
}

function confusion(holder, { counts, classes }, name) {
  const most = Math.max(1, ...counts.flat());
  const cell = (count, right) => {
    const made = el("td", { class: "number" }, count ? String(count) : "");
    if (count) made.style.background = `color-mix(in srgb, ${colour(right ? "--c2" : "--c1")} ${Math.round(12 + (50 * count) / most)}%, transparent)`;
    return made;
  };
  const shown = classes.map((each) => String(each).slice(0, 10));
  holder.replaceChildren(el("div", { class: "scroll confusion", tabindex: 0, role: "region", "aria-label": t("confusionOf", name) },
    el("table", {}, el("caption", { class: "quiet" }, t("confusion")),
      el("tr", {}, el("td"), shown.map((each) => el("th", { scope: "col", class: "number" }, each))),
      counts.map((row, place) => el("tr", {}, el("th", { scope: "row" }, shown[place]), row.map((count, column) => cell(count, column === place)))))));
}
