// The card of a variant: its settings, and the picture, figures and findings of its networks.
import { el, percent, short, t } from "./dom.js";
import { picture } from "./surface.js";

/** Return a card for the controls of a variant. */
export function cardOf(controls, { recipe, remove }) {
  const title = el("h2");
  const holder = el("div", { class: "picture" });
  const result = el("p", { class: "result" });
  const findings = el("div", { class: "findings" });
  const removal = el("button", { type: "button", class: "remove", onclick: remove }, t("remove"));
  const root = el("section", { class: "panel variant" }, title, controls, holder, result, findings,
    el("div", { class: "row" }, el("button", { type: "button", onclick: recipe }, t("recipe")), removal));
  clear();

  function clear() {
    holder.replaceChildren();
    findings.replaceChildren();
    result.textContent = t("notStarted");
  }
  /** Set the number that the card has on the page, which is also its colour. */
  function number(place, removable) {
    root.setAttribute("aria-label", (title.textContent = t("variant", place + 1)));
    root.style.setProperty("--colour", `var(--c${place})`);
    removal.hidden = !removable;
  }
  /** Show the latest state of the variant's networks. */
  function show({ curves, error, findings: found, picture: latest }, race, name) {
    picture(holder, latest, race, name);
    const last = curves.at(-1);
    const score = last && (race.score === "accuracy" ? percent(last[6]) : short(last[6]));
    const text = error || (last ? t("result", short(last[3] ?? last[0]), score) : t("notStarted"));
    if (result.textContent !== text) result.textContent = text;
    if (found && !findings.children.length) {
      findings.replaceChildren(el("h3", {}, t("findings")), found.length
        ? el("ul", {}, found.map(({ severity, sentence }) => el("li", { class: severity === "note" ? "" : "warn", lang: "en" }, sentence)))
        : el("p", { class: "good" }, t("nothingFound")));
    }
  }
  return { root, clear, number, show };
}
