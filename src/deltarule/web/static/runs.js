// The view Runs: what is in the server's folder of runs, live, and two runs side by side.
import { chart } from "./chart.js";
import { ask, colour, el, percent, short, sleep, t } from "./dom.js";

/** Build the view. */
export function build(root, parameters, signal) {
  const message = el("p", { role: "status", "aria-live": "polite", class: "quiet" });
  const help = el("p", { class: "quiet" });
  const body = el("tbody");
  const table = el("table", {}, el("thead", {}, el("tr", {}, el("td"), ["name", "kind", "state"].map((name) => el("th", { scope: "col" }, t(name))),
    ["epochs", "loss", "validationScore"].map((name) => el("th", { scope: "col", class: "number" }, t(name))), el("th", { scope: "col" }, t("when")))), body);
  const details = el("div");
  let chosen = parameters.getAll("run").slice(0, 2);
  let shown = "";

  function toggle(name, on) {
    chosen = on ? [...chosen, name].slice(-2) : chosen.filter((each) => each !== name);
    history.replaceState(null, "", `#runs${chosen.length ? "?" : ""}${new URLSearchParams(chosen.map((each) => ["run", each]))}`);
    shown = "";
    refresh();
  }
  function row(run) {
    const box = el("input", { type: "checkbox", "aria-label": t("select", run.name), onchange: () => toggle(run.name, box.checked) });
    box.checked = chosen.includes(run.name);
    const when = new Date(1000 * run.changed).toLocaleString(document.documentElement.lang);
    return el("tr", {}, el("td", {}, box), el("th", { scope: "row" }, run.name, run.report && " · ", run.report && el("a", { href: `/runs/${encodeURIComponent(run.name)}/report` }, t("report")),
        run.card && " · ", run.card && el("a", { href: `/runs/${encodeURIComponent(run.name)}/card` }, t("card"))),
      el("td", {}, t(run.kind)), el("td", {}, run.live ? el("span", { class: "live" }, t("live")) : t("finished")),
      el("td", { class: "number" }, run.kind === "run" ? String(run.epochs) : ""), el("td", { class: "number" }, run.kind === "run" ? short(run.loss) : ""),
      el("td", { class: "number" }, run.kind === "run" ? percent(run.score) : ""), el("td", {}, when));
  }
  async function refresh() {
    const { folder, runs } = await ask("/runs", undefined, signal);
    help.textContent = t("runsHelp", folder);
    message.textContent = runs.length ? "" : t("noRuns");
    const focused = document.activeElement?.getAttribute("aria-label");
    body.replaceChildren(...runs.map(row));
    if (focused) body.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
    const known = chosen.filter((name) => runs.some((run) => run.name === name));
    const state = JSON.stringify(runs.filter((run) => known.includes(run.name)));
    if (state !== shown) {
      shown = state;
      show(await Promise.all(known.map((name) => ask(`/runs/${encodeURIComponent(name)}`, undefined, signal))));
    }
  }
  function show(found) {
    const parts = found.map((each) => (each.kind === "comparison" ? comparison(each) : null));
    const runs = found.filter((each) => each.kind === "run");
    if (runs.length) parts.push(...together(runs));
    details.replaceChildren(...parts.filter(Boolean).flat());
    for (const draw of details.querySelectorAll("canvas")) draw.paint();
  }
  function curves(series, label, title, log) {
    const canvas = el("canvas", { class: "chart", role: "img", "aria-label": title });
    canvas.paint = () => chart(canvas, series.map((each, place) => ({ ...each, colour: colour(`--c${place % 6}`) })), { log, label });
    const legend = el("ul", { class: "legend" }, series.map(({ name }, place) => {
      const swatch = el("span", { class: "swatch" });
      swatch.style.color = `var(--c${place % 6})`;
      return el("li", {}, swatch, name);
    }));
    return el("div", {}, canvas, legend);
  }
  function together(runs) {
    const names = runs.map((run) => run.name);
    const title = runs.length > 1 ? t("compareTitle", ...names) : names[0];
    const column = (place) => runs.map((run) => ({ name: run.name, rows: run.curves.map((row) => Array(3).fill(row[place])) }));
    const held = runs.some((run) => run.curves.some((row) => row[1] != null));
    const parts = [el("section", { class: "panel columns" }, el("div", {}, el("h2", {}, title), curves(column(held ? 1 : 0), t(held ? "validationLoss" : "trainLoss"), t("curvesOf", title), true)),
      held && el("div", {}, el("h2", {}, t("validationScore")), curves(column(2), t("validationScore"), t("curvesOf", title), false)))];
    if (runs.length > 1) parts.push(differences(runs));
    for (const run of runs) parts.push(el("details", { class: "panel" }, el("summary", {}, `${run.name}: ${t("showRecipe")}`), el("pre", { tabindex: 0 }, JSON.stringify(run.recipe, null, 2))));
    return parts;
  }
  function differences(runs) {
    const flat = (value, path = "", into = {}) => {
      if (value && typeof value === "object" && !Array.isArray(value)) for (const [name, each] of Object.entries(value)) flat(each, path ? `${path}.${name}` : name, into);
      else into[path] = JSON.stringify(value);
      return into;
    };
    const [first, second] = runs.map((run) => flat(run.recipe));
    const names = [...new Set([...Object.keys(first), ...Object.keys(second)])].filter((name) => first[name] !== second[name]);
    const rows = names.map((name) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, first[name] ?? "–"), el("td", {}, second[name] ?? "–")));
    return el("section", { class: "panel" }, el("h2", {}, t("differences")), names.length
      ? el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("differences") }, el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("field")), runs.map((run) => el("th", { scope: "col" }, run.name)))), el("tbody", {}, rows)))
      : el("p", {}, t("same")));
  }
  function comparison(found) {
    const series = found.variants.slice(0, 6).map(({ name, curves }) => ({ name, rows: curves }));
    return el("section", { class: "panel columns" }, el("div", {}, el("h2", {}, found.name), curves(series, t("validationLoss"), t("curvesOf", found.name), true)),
      el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": found.name }, el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("variantName")), el("th", { scope: "col", class: "number" }, t("networks")), el("th", { scope: "col", class: "number" }, t("mean")))),
        el("tbody", {}, found.variants.map((each) => el("tr", {}, el("th", { scope: "row" }, each.name), el("td", { class: "number" }, String(each.networks)), el("td", { class: "number" }, short(each.score))))))));
  }
  async function watch() {
    while (!signal.aborted) {
      try {
        await refresh();
      } catch (error) {
        if (error.name !== "AbortError") message.textContent = error.message;
      }
      await sleep(1500, signal);
    }
  }
  addEventListener("themechange", () => { for (const each of details.querySelectorAll("canvas")) each.paint(); }, { signal });
  root.append(el("h1", {}, t("runsTitle")), help, message, el("section", { class: "panel scroll", tabindex: 0, role: "region", "aria-label": t("runsTitle") }, table), details);
  watch();
}
