// The settings of a race: its state, the address that holds it, and the controls.
import { el, t } from "./dom.js";

const FIELDS = ["optimizer", "learning_rate", "hidden", "activation", "loss", "l2", "dropout", "batch_size", "normalization"];
const USUAL = { hidden: "8,8", activation: "tanh", optimizer: "adam", learning_rate: "0.01" };
const FIRST = [{ ...USUAL, optimizer: "sgd", learning_rate: "0.1" }, { ...USUAL, optimizer: "momentum", learning_rate: "0.05" }, { ...USUAL, optimizer: "rmsprop" }, USUAL];

/** Return the state that an address holds: data, epochs, seeds and, as "v", the fields of each variant. */
export function stateOf(parameters) {
  const number = (name, usual) => Number.parseInt(parameters.get(name) ?? usual, 10) || usual;
  const variants = parameters.getAll("v").map((text) => Object.fromEntries(new URLSearchParams(text)));
  return { data: parameters.get("data") ?? "moons", epochs: number("epochs", 100), seeds: number("seeds", 3), target: parameters.get("target") ?? "", variants: variants.length > 1 ? variants.slice(0, 6) : FIRST.map((each) => ({ ...each })), csv: undefined, file: "" };
}

/** Return the address of a state. */
export function urlOf(state, speed) {
  const parameters = new URLSearchParams({ data: state.data, epochs: state.epochs, seeds: state.seeds });
  if (speed !== "0") parameters.set("speed", speed);
  if (state.target) parameters.set("target", state.target);
  for (const variant of state.variants) parameters.append("v", new URLSearchParams(Object.entries(variant).filter(([, value]) => value !== "")).toString());
  return `#race?${parameters}`;
}

let fields = 0;
function field(name, control) {
  control.id = `field-${fields++}`;
  return el("div", { class: "field" }, el("label", { for: control.id }, t(name)), control);
}
function select(value, names, changed) {
  const all = names.includes(value) ? names : [value, ...names];
  const made = el("select", { onchange: () => changed(made.value) }, all.map((name) => el("option", { value: name, selected: name === value }, name)));
  return made;
}
function number(value, least, most, changed) {
  const made = el("input", { type: "number", min: least, max: most, value, onchange: () => { made.value = Math.min(most, Math.max(least, Math.round(made.valueAsNumber) || least)); changed(Number(made.value)); } });
  return made;
}

/** Return the controls: `common` ones, and those of each `variant`. */
export function controls(state, choices, { changed, rebuild }) {
  const data = select(state.data, [...choices.data, "csv"], (value) => {
    state.data = value;
    if (value === "digits" || value === "fashion") state.epochs = Math.min(state.epochs, 30);
    rebuild();
  });
  const epochs = number(state.epochs, 1, choices.limits.epochs, (value) => { state.epochs = value; changed(); });
  const seeds = number(state.seeds, 1, choices.limits.seeds, (value) => { state.seeds = value; changed(); });
  const target = el("select", { onchange: () => { state.target = target.value; changed(); } });
  const targetField = field("target", target);
  const common = el("div", { class: "form" }, field("data", data), targetField, field("epochs", epochs), field("seeds", seeds));

  /** Show the state where it was changed elsewhere. */
  function refresh() {
    [data.value, epochs.value] = [state.data, state.epochs];
    const columns = state.csv ? state.csv.slice(0, 20000).split(/\r?\n/, 1)[0].split(/[,;\t|]/).map((name) => name.trim().replace(/^"|"$/g, "")) : [state.target];
    targetField.hidden = state.data !== "csv";
    target.replaceChildren(...columns.map((name) => el("option", { value: name, selected: name === (state.target || columns.at(-1)) }, name)));
  }
  function variant(own) {
    const set = (name) => (value) => { own[name] = value; changed(); };
    const control = (name) => {
      if (name in choices.fields) return select(own[name] || choices.usual[name], choices.fields[name], set(name));
      const made = el("input", { value: own[name] ?? "", placeholder: { l2: "0", dropout: "0", batch_size: "32", hidden: "8,8", learning_rate: "auto" }[name], onchange: () => set(name)(made.value.trim()) });
      return made;
    };
    const [shown, more] = [FIELDS.slice(0, 4), FIELDS.slice(4)];
    return el("div", {}, el("div", { class: "form" }, shown.map((name) => field(name, control(name)))),
      el("details", { open: more.some((name) => own[name]) }, el("summary", {}, t("more")), el("div", { class: "form" }, more.map((name) => field(name, control(name))))));
  }
  const nameOf = (own) => `${state.variants.indexOf(own) + 1} · ${own.optimizer ?? ""} ${own.learning_rate ?? ""} ${own.hidden ?? ""} ${own.activation ?? ""}`.trim();
  return { common, variant, nameOf, refresh };
}

/** Return the place where a CSV file is dropped or chosen; the whole view takes it. */
export function dropped(root, state, { changed, say, signal }) {
  const input = el("input", { type: "file", accept: ".csv,text/csv", hidden: true, onchange: () => take(input.files[0]) });
  const place = el("div", { class: "drop" }, el("button", { type: "button", onclick: () => input.click() }, t("chooseCsv")), " ", el("span", { class: "quiet" }, t("orDrop")), input);
  async function take(file) {
    if (!file) return;
    if (file.size > 6e6) return say(t("tooLarge"), "warn");
    [state.csv, state.file, state.data, state.target] = [await file.text(), file.name, "csv", ""];
    say(t("csvRead", file.name));
    changed();
  }
  root.addEventListener("dragover", (event) => { event.preventDefault(); place.classList.add("over"); }, { signal });
  root.addEventListener("dragleave", () => place.classList.remove("over"), { signal });
  root.addEventListener("drop", (event) => { event.preventDefault(); place.classList.remove("over"); take(event.dataTransfer.files[0]); }, { signal });
  return place;
}
