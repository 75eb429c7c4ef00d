// The view Draw: a drawing, what the network sees of it, and what it makes of that.
import { ask, el, percent, sleep, t } from "./dom.js";
import { pad } from "./pad.js";
import { grey, signed } from "./pixels.js";

/** Build the view. */
export function build(root, _state, signal) {
  const status = el("div", { role: "status", "aria-live": "polite" });
  const guess = el("p", { role: "status", "aria-live": "polite", class: "quiet" }, t("drawHere"));
  const seen = el("canvas", { class: "pixels", role: "img", "aria-label": t("seen") });
  const decided = el("canvas", { class: "pixels", role: "img", "aria-label": t("decided") });
  const decidedFigure = el("figure", { hidden: true }, decided, el("figcaption", {}, t("decided")));
  const bars = el("ol", { class: "bars", "aria-label": t("probabilities") });
  const units = el("div", { class: "units" });
  const labels = el("div", { class: "labels", role: "group", "aria-label": t("right") });
  const correction = el("div", { hidden: true }, el("h2", {}, t("wrong")), el("p", { class: "quiet" }, t("wrongHelp")), labels);
  const board = pad((strokes) => look(strokes), signal);
  let waiting = null;
  let busy = false;
  let known = "";

  /** Ask about the latest strokes; while an answer is awaited, only the last drawing waits. */
  async function look(strokes) {
    if (!strokes.length) return clear();
    waiting = strokes;
    if (busy) return;
    busy = true;
    bars.ariaBusy = "true";
    while (waiting && !signal.aborted) {
      const asked = waiting;
      waiting = null;
      try {
        const found = await ask("/draw/look", { strokes: asked }, signal);
        if (board.strokes().length) render(found);
      } catch (error) {
        if (error.name !== "AbortError") guess.textContent = error.message;
      }
    }
    busy = false;
    bars.ariaBusy = "false";
  }
  function render(found) {
    const best = found.probabilities.indexOf(Math.max(...found.probabilities));
    grey(seen, found.image, found.shape);
    bars.replaceChildren(...found.classes.map((name, place) => {
      const fill = el("span", { class: "fill" });
      fill.style.width = `${100 * found.probabilities[place]}%`;
      const value = percent(found.probabilities[place]);
      return el("li", { class: place === best ? "best" : "" }, el("span", { class: "name" }, String(name)), el("span", { class: "track", "aria-hidden": "true" }, fill), el("span", {}, value));
    }));
    guess.textContent = t("looksLike", found.classes[best], percent(found.probabilities[best]));
    guess.className = "";
    units.replaceChildren(...found.units.map((unit) => {
      const canvas = el("canvas", { role: "img", "aria-label": t("unit", unit.unit, unit.activation.toFixed(2)) });
      signed(canvas, unit.weights, found.shape);
      return el("figure", {}, canvas, el("figcaption", {}, unit.activation.toFixed(2)));
    }));
    decidedFigure.hidden = !found.attribution;
    if (found.attribution) signed(decided, found.attribution, found.shape);
    correction.hidden = !known;
  }
  function clear() {
    waiting = null;
    seen.getContext("2d").clearRect(0, 0, seen.width, seen.height);
    bars.replaceChildren();
    units.replaceChildren();
    [decidedFigure.hidden, correction.hidden] = [true, true];
    guess.textContent = t("drawHere");
    guess.className = "quiet";
  }
  async function keep(label) {
    try {
      show(await ask("/draw/examples", { strokes: board.strokes(), label }));
      watch();
    } catch (error) {
      status.replaceChildren(el("p", { class: "warn" }, error.message));
    }
  }
  /** Show a state of the server: the model, and how far its training has come. */
  function show({ model, progress, examples, trainable }) {
    known = model && trainable ? model.name : "";
    if (model && !labels.children.length) {
      labels.replaceChildren(...model.classes.map((name) => el("button", { type: "button", onclick: () => keep(String(name)) }, String(name))));
    }
    for (const button of labels.children) button.disabled = progress?.status === "running";
    const lines = [];
    if (progress?.status === "running") {
      const last = progress.scores.at(-1);
      const text = t(progress.what === "train" ? "training" : "tuning", progress.scores.length, progress.total, percent(last));
      lines.push(el("p", {}, text), el("progress", { max: progress.total, value: progress.scores.length, "aria-label": text }));
    } else if (progress?.status === "failed") {
      lines.push(el("p", { class: "warn" }, progress.error));
    } else if (progress?.what === "tune") {
      lines.push(el("p", { class: "good" }, t("tuned", progress.label, percent(progress.before), examples, percent(progress.scores.at(-1)))));
    }
    if (model && progress?.status !== "running") lines.push(el("p", { class: "quiet" }, t("model", model.name, model.sizes.join("-"), model.parameters.toLocaleString(), percent(progress?.scores.at(-1)))));
    if (!model && progress?.status !== "running") {
      lines.push(el("p", {}, t("noModel")), trainable && el("button", { type: "button", class: "primary", onclick: async () => { show(await ask("/draw/train", {})); watch(); } }, t("trainOne")));
    }
    status.replaceChildren(...lines.filter(Boolean));
    return progress?.status === "running";
  }
  async function watch() {
    let running = true;
    while (running && !signal.aborted) {
      try {
        running = show(await ask("/draw/state", undefined, signal));
      } catch (error) {
        if (error.name === "AbortError") return;
        status.replaceChildren(el("p", { class: "warn" }, error.message));
      }
      if (running) await sleep(200, signal);
    }
    if (board.strokes().length) look(board.strokes());
  }
  root.append(
    el("h1", {}, t("drawTitle")), status,
    el("div", { class: "columns" },
      el("section", { class: "panel" }, board.canvas, el("div", { class: "row" }, el("button", { type: "button", onclick: board.clear }, t("clear"))), el("p", { class: "quiet", id: "pad-help" }, t("padHelp"))),
      el("section", { class: "panel" }, guess, bars, correction),
      el("section", { class: "panel" },
        el("div", { class: "figures" }, el("figure", {}, seen, el("figcaption", {}, t("seen"))), decidedFigure),
        el("h2", {}, t("units")), el("p", { class: "quiet" }, t("unitsHelp")), units)),
  );
  watch();
}
