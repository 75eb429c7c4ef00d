// The view Race: two to six variants trained side by side, with the state in the address.
import { chart } from "./chart.js";
import { ask, colour, el, percent, short, t } from "./dom.js";
import { controls, dropped, stateOf, urlOf } from "./race_form.js";
import { picture } from "./surface.js";

/** Build the view. */
export async function build(root, parameters, signal) {
  const choices = await ask("/race/choices", undefined, signal).catch((error) => (root.append(el("p", { class: "warn" }, error.message)), null));
  if (!choices || signal.aborted) return;
  const state = stateOf(parameters);
  let race = null;
  let source = null;
  let variants = [];
  let latest = null;
  const message = el("p", { role: "status", "aria-live": "polite", class: "quiet" });
  const cards = el("div", { class: "variants" });
  const loss = el("canvas", { class: "chart", role: "img", "aria-label": t("lossCurves") });
  const score = el("canvas", { class: "chart", role: "img", "aria-label": t("scoreCurves") });
  const legend = el("ul", { class: "legend" });
  const texts = el("div");
  const buttons = Object.fromEntries(["start", "pause", "step", "stop"].map((name) => [name, el("button", { type: "button", class: name === "start" ? "primary" : "", onclick: () => actions[name]() }, t(name))]));
  const speed = el("select", { onchange: () => send("speed") }, [["0", t("fastest")], ["20", "20"], ["5", "5"], ["1", "1"]].map(([value, text]) => el("option", { value }, text)));
  speed.value = parameters.get("speed") ?? "0";
  const form = controls(state, choices, { changed: save, rebuild });

  function save() {
    history.replaceState(null, "", urlOf(state, speed.value));
  }
  function rebuild() {
    save();
    cards.replaceChildren(...state.variants.map((_, place) => card(place)));
    legend.replaceChildren(...state.variants.map((_, place) => el("li", {}, swatch(place), form.nameOf(place))));
    form.refresh();
    enable();
  }
  function swatch(place) {
    const made = el("span", { class: "swatch" });
    made.style.color = `var(--c${place})`;
    return made;
  }
  function card(place) {
    const result = el("p", { class: "result" }, t("notStarted"));
    const made = el("section", { class: "panel variant", "aria-label": t("variant", place + 1) },
      el("h2", {}, t("variant", place + 1)), form.variant(place), el("div", { class: "picture" }), result, el("div", { class: "findings" }),
      el("div", { class: "row" }, el("button", { type: "button", onclick: () => recipe(place) }, t("recipe")),
        state.variants.length > 2 && el("button", { type: "button", onclick: () => { state.variants.splice(place, 1); rebuild(); } }, t("remove"))));
    made.style.setProperty("--colour", `var(--c${place})`);
    return made;
  }
  async function recipe(place) {
    try {
      const data = state.data === "csv" ? state.file || "data.csv" : state.data;
      const found = await ask("/race/recipe", { variant: state.variants[place], epochs: state.epochs, data }, signal);
      texts.replaceChildren(el("section", { class: "panel" }, el("h2", {}, t("recipeOf", form.nameOf(place))),
        ["python", "shell", "json"].map((kind) => el("details", { open: kind !== "json" }, el("summary", {}, t(kind)), el("pre", { tabindex: 0 }, found[kind])))));
      texts.scrollIntoView({ block: "nearest" });
    } catch (error) {
      say(error.message, "warn");
    }
  }
  function say(text, kind = "quiet") {
    [message.textContent, message.className] = [text, kind];
  }
  function enable(status = "none") {
    const active = ["starting", "running", "paused"].includes(status);
    buttons.pause.disabled = buttons.stop.disabled = !active;
    buttons.step.disabled = status !== "paused";
    buttons.pause.textContent = t(status === "paused" ? "resume" : "pause");
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
    pause: () => send(buttons.pause.textContent === t("resume") ? "resume" : "pause"),
    step: () => send("step"),
    stop: () => send("stop"),
    start: async () => {
      if (state.data === "csv" && !state.csv) return say(t("dropFirst"), "warn");
      source?.close();
      say(t("starting"));
      try {
        race = await ask("/race/start", { ...state, file: undefined, replaces: race?.id }, signal);
      } catch (error) {
        return say(error.message, "warn");
      }
      [variants, latest] = [state.variants.map(() => ({ curves: [] })), null];
      if (speed.value !== "0") send("speed");
      listen();
    },
  };
  function listen() {
    source = new EventSource(`/race/${race.id}/events`);
    let pending = null;
    source.onmessage = ({ data }) => {
      const frame = (latest = JSON.parse(data));
      frame.variants.forEach((each, place) => {
        variants[place] ??= { curves: [] };
        variants[place] = { ...each, curves: [...variants[place].curves.slice(0, each.since), ...each.curves] };
      });
      // Several frames may arrive before one is painted: the latest is, so that the last one is never left out.
      pending ??= requestAnimationFrame(() => { pending = null; render(latest); });
    };
    source.addEventListener("end", () => source.close());
  }
  function findings(holder, found) {
    if (!found) return holder.replaceChildren();
    if (holder.children.length) return;
    holder.replaceChildren(el("h3", {}, t("findings")), found.length
      ? el("ul", {}, found.map(({ severity, sentence }) => el("li", { class: severity === "note" ? "" : "warn", lang: "en" }, sentence)))
      : el("p", { class: "good" }, t("nothingFound")));
  }
  function render(frame) {
    enable(frame.status);
    const epoch = Math.max(0, ...variants.map(({ curves }) => curves.length));
    say(frame.error || t("state_" + frame.status, epoch, race.epochs), frame.error ? "warn" : "quiet");
    variants.forEach((each, place) => {
      const shown = cards.children[place];
      if (!shown) return;
      picture(shown.querySelector(".picture"), each.picture, race, form.nameOf(place));
      const last = each.curves.at(-1);
      const text = !last ? each.error || t("notStarted") : t("result", short(last[3] ?? last[0]), race.score === "accuracy" ? percent(last[6]) : short(last[6]));
      shown.querySelector(".result").textContent = each.error ? each.error : text;
      findings(shown.querySelector(".findings"), each.findings);
    });
    const series = (first) => variants.map(({ curves }, place) => ({ colour: colour(`--c${place}`), rows: curves.map((row) => row.slice(first, first + 3)) }));
    const held = variants.some(({ curves }) => curves.some((row) => row[3] != null));
    chart(loss, series(held ? 3 : 0), { log: true, label: t(held ? "validationLoss" : "trainLoss") });
    chart(score, series(6), { label: t(race.score === "accuracy" ? "validationAccuracy" : "validationR2") });
  }
  root.append(
    el("h1", {}, t("raceTitle")), el("p", { class: "quiet" }, t("raceHelp")),
    el("section", { class: "panel", "aria-label": t("settings") }, form.common, dropped(root, state, { changed: rebuild, say, signal }),
      el("div", { class: "row" }, ...Object.values(buttons), el("label", { class: "row quiet" }, t("speed"), speed),
        el("button", { type: "button", onclick: () => { if (state.variants.length < choices.limits.variants) { state.variants.push({ ...state.variants.at(-1) }); rebuild(); } } }, t("add"))), message),
    cards,
    el("section", { class: "panel columns" }, el("div", {}, el("h2", {}, t("loss")), loss), el("div", {}, el("h2", {}, t("score")), score), el("div", {}, legend, el("p", { class: "quiet" }, t("bands")))),
    texts,
  );
  rebuild();
  signal.addEventListener("abort", () => source?.close());
  addEventListener("themechange", () => latest && render(latest), { signal });
}
