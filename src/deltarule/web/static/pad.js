// A pad for strokes: mouse, pen, touch, and keyboard. Points are in units of the pad, 0 to 100.
import { el, t } from "./dom.js";

const STEP = 4;

/** Return the pad's canvas; `changed` is called with the strokes whenever they change. */
export function pad(changed, signal) {
  const canvas = el("canvas", { class: "pad", width: 440, height: 440, tabindex: 0, role: "application", "aria-label": t("padLabel"), "aria-describedby": "pad-help" });
  const context = canvas.getContext("2d");
  let strokes = [];
  let drawing = null;
  let cursor = null;
  let down = false;

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [(100 * (event.clientX - box.left)) / box.width, (100 * (event.clientY - box.top)) / box.height];
  }
  function paint() {
    context.clearRect(0, 0, 440, 440);
    context.lineWidth = 26;
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = context.fillStyle = "#1b1f24";
    for (const stroke of strokes) {
      context.beginPath();
      context.moveTo(4.4 * stroke[0][0], 4.4 * stroke[0][1]);
      for (const [x, y] of stroke.length > 1 ? stroke.slice(1) : stroke) context.lineTo(4.4 * x + 0.01, 4.4 * y);
      context.stroke();
    }
    if (cursor && document.activeElement === canvas) {
      context.lineWidth = 3;
      context.strokeStyle = down ? "#c2500a" : "#0b65a8";
      context.beginPath();
      context.arc(4.4 * cursor[0], 4.4 * cursor[1], 15, 0, 2 * Math.PI);
      context.stroke();
    }
  }
  function update() {
    paint();
    changed(strokes);
  }
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    [drawing, cursor, down] = [event.pointerId, null, false];
    strokes.push([place(event)]);
    update();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    for (const each of event.getCoalescedEvents?.() ?? []) strokes.at(-1).push(place(each));
    strokes.at(-1).push(place(event));
    update();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (drawing = null));
  const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) {
      cursor = (cursor ?? [50, 20]).map((value, axis) => Math.min(98, Math.max(2, value + moves[event.key][axis])));
      if (down) strokes.at(-1).push([...cursor]);
    } else if (event.key === " ") {
      cursor ??= [50, 20];
      down = !down;
      if (down) strokes.push([[...cursor]]);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      [strokes, down] = [[], false];
    } else return;
    event.preventDefault();
    update();
  });
  for (const name of ["focus", "blur"]) canvas.addEventListener(name, paint);
  addEventListener("themechange", paint, { signal });
  return { canvas, strokes: () => strokes, clear: () => { [strokes, down, cursor] = [[], false, null]; update(); } };
}
