// The view Race: two to six variants trained side by side, with the state in the address.
import { chart } from "./chart.js";
import { ask, colour, el, t } from "./dom.js";
import { cardOf } from "./race_card.js";
import { controls, dropped, stateOf, urlOf } from "./race_form.js";

const ACTIVE = ["starting", "running", "paused"];

/** Build the view. */
export async function build(root, parameters, signal) {
  const choices = await ask("/race/choices", undefined, signal).catch((error) => (root.append(el("p", { class: "warn" }, error.message)), null));
  if (!choices || signal.aborted) return;
  const state = stateOf(parameters);
  const cards = new Map(); // by variant, as the results of a race: variants may be added and removed while it runs
  let race = null;
  let source = null;
  const message = el("p", { role: "status", class: "quiet" });
  const board = el("div", { class: "variants" });
  const loss = el("canvas", { class: "chart", role: "img", "aria-label": t("lossCurves") });
  const score = el("canvas", { class: "chart", role: "img", "aria-label": t("scoreCurves") });
  const legend = el("ul", { class: "legend" });
  const charts = el("section", { class: "panel columns", hidden: true }, el("div", {}, el("h2", {}, t("loss")), loss), el("div", {}, el("h2", {}, t("score")), score), el("div", {}, legend, el("p", { class: "quiet" }, t("bands"))));
  const texts = el("div");
  const buttons = Object.fromEntries(["start", "pause", "step", "stop"].map((name) => [name, el("button", { type: "button", class: name === "start" ? "primary" : "", onclick: () => actions[name]() }, t(name))]));
  const addition = el("button", { type: "button", onclick: () => { state.variants.push({ ...state.variants.at(-1) }); rebuild(); } }, t("add"));
  const speed = el("select", { onchange: () => send("speed") }, [["0", t("fastest")], ["20", "20"], ["5", "5"], ["1", "1"]].map(([value, text]) => el("option", { value }, text)));
  speed.value = parameters.get("speed") ?? "0";
  const form = controls(state, choices, { changed: save, rebuild });

  function save() {
    history.replaceState(null, "", urlOf(state, speed.value));
    legend.replaceChildren(...state.variants.map((variant, place) => el("li", {}, swatch(place), form.nameOf(variant))));
  }
  /** Show the variants of the state; cards of variants that are kept stay as they are. */
  function rebuild() {
    save();
    for (const [variant, { root: shown }] of cards) {
      if (state.variants.includes(variant)) continue;
      shown.remove();
      cards.delete(variant);
    }
    state.variants.forEach((variant, place) => {
      if (!cards.has(variant)) cards.set(variant, card(variant));
      const shown = cards.get(variant);
      if (shown.root.parentNode !== board) board.append(shown.root);
      shown.number(place, state.variants.length > 2);
    });
    addition.disabled = state.variants.length >= choices.limits.variants;
    form.refresh();
    if (race?.frame) render();
    else enable("none");
  }
  function swatch(place) {
    const made = el("span", { class: "swatch" });
    made.style.color = `var(--c${place})`;
    return made;
  }
  function card(variant) {
    const remove = () => {
      const place = state.variants.indexOf(variant);
      state.variants.splice(place, 1);
      rebuild();
      const next = board.children[Math.min(place, state.variants.length - 1)].querySelector(".remove");
      (next.hidden ? addition : next).focus();
    };
    return cardOf(form.variant(variant), { recipe: () => recipe(variant), remove });
  }
  async function recipe(variant) {
    try {
      const data = state.data === "csv" ? state.file || "data.csv" : state.data;
      const found = await ask("/race/recipe", { variant, epochs: state.epochs, data }, signal);
      const title = el("h2", { tabindex: -1 }, t("recipeOf", form.nameOf(variant)));
      texts.replaceChildren(el("section", { class: "panel" }, title,
        ["python", "shell", "json"].map((kind) => el("details", { open: kind !== "json" }, el("summary", {}, t(kind)), el("pre", { tabindex: 0 }, found[kind])))));
      title.focus({ preventScroll: true });
      texts.scrollIntoView({ block: "nearest" });
    } catch (error) {
      say(error.message, "warn");
    }
  }
  /** Show a message; a screen reader reads each, apart from the epoch's number in a running race. */
  function say(text, kind = "quiet", live = "polite") {
    if (message.ariaLive !== live) message.ariaLive = live;
    if (message.textContent !== text) message.textContent = text;
    if (message.className !== kind) message.className = kind;
  }
  function enable(status) {
    const active = ACTIVE.includes(status);
    const text = t(status === "paused" ? "resume" : "pause");
    for (const [button, off] of [[buttons.pause, !active], [buttons.stop, !active], [buttons.step, status !== "paused"]]) if (button.disabled !== off) button.disabled = off;
    if (buttons.pause.textContent !== text) buttons.pause.textContent = text;
  }
  async function send(action) {
    save();
    if (!race) return;
    try {
      await ask(`/race/${race.id}/control`, { action, speed: Number(speed.value) }, signal);
    } catch (error) {
      say(error.message, "warn");
    }
  }
  const actions = {
    pause: () => send(race.frame?.status === "paused" ? "resume" : "pause"),
    step: () => send("step"),
    stop: () => send("stop"),
    start: async () => {
      if (state.data === "csv" && !state.csv) return say(t("dropFirst"), "warn");
      source?.close();
      say(t("starting"));
      const variants = [...state.variants];
      try {
        const begun = await ask("/race/start", { ...state, file: undefined, replaces: race?.id }, signal);
        race = { ...begun, results: new Map(variants.map((variant) => [variant, { curves: [] }])), frame: null };
      } catch (error) {
        return say(error.message, "warn");
      }
      for (const each of cards.values()) each.clear();
      if (speed.value !== "0") send("speed");
      listen(race);
    },
  };
  function listen(own) {
    source = new EventSource(`/race/${own.id}/events`);
    const results = [...own.results.values()];
    let pending = null;
    source.onmessage = ({ data }) => {
      own.frame = JSON.parse(data);
      own.frame.variants.forEach(({ since, curves, picture, ...rest }, place) => {
        const result = Object.assign(results[place], rest);
        result.curves.splice(since, Infinity, ...curves);
        result.picture = picture ?? result.picture;
      });
      // Several frames may arrive before one is painted: the latest is, so that the last one is never left out.
      pending ??= requestAnimationFrame(() => { pending = null; if (own === race) render(); });
    };
    source.addEventListener("end", () => source.close());
  }
  function render() {
    const { status, error } = race.frame;
    enable(status);
    const curves = state.variants.map((variant) => race.results.get(variant)?.curves ?? []);
    const epoch = Math.max(0, ...[...race.results.values()].map((each) => each.curves.length));
    say(error || t("state_" + status, epoch, race.epochs), error ? "warn" : "quiet", status === "running" ? "off" : "polite");
    for (const variant of state.variants) {
      const result = race.results.get(variant);
      if (result) cards.get(variant).show(result, race, form.nameOf(variant));
    }
    const series = curves.map((rows, place) => ({ colour: colour(`--c${place}`), rows }));
    charts.hidden = false;
    const held = curves.some((rows) => rows.some((row) => row[3] != null));
    chart(loss, series, { first: held ? 3 : 0, log: true, label: t(held ? "validationLoss" : "trainLoss") });
    chart(score, series, { first: 6, label: t(race.score === "accuracy" ? "validationAccuracy" : "validationR2") });
  }
  root.append(
    el("h1", {}, t("raceTitle")), el("p", { class: "quiet" }, t("raceHelp")),
    el("section", { class: "panel", "aria-label": t("settings") }, form.common, dropped(root, state, { changed: rebuild, say, signal }),
      el("div", { class: "row" }, ...Object.values(buttons), el("label", { class: "row quiet" }, t("speed"), speed), addition), message),
    board,
    charts,
    texts,
  );
  rebuild();
  signal.addEventListener("abort", () => source?.close());
  addEventListener("themechange", () => race?.frame && render(), { signal });
}
