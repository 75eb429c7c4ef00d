// The page: which view is shown, in which language and theme.
import { el, language, t } from "./dom.js";

const views = { draw: () => import("./draw.js"), race: () => import("./race.js"), runs: () => import("./runs.js") };
const main = document.getElementById("main");
let current = new AbortController();
let shown = "";

const dark = matchMedia("(prefers-color-scheme: dark)");
function applyTheme() {
  const theme = localStorage.getItem("theme") ?? (dark.matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme;
  dispatchEvent(new Event("themechange"));
}

function applyLanguage() {
  document.documentElement.lang = language.get() === "zh" ? "zh-Hans" : "en";
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = t(each.dataset.text);
  document.querySelector("nav").setAttribute("aria-label", t("views"));
  const other = document.getElementById("language");
  other.textContent = language.get() === "zh" ? "English" : "中文";
  other.lang = language.get() === "zh" ? "en" : "zh";
}

/** Show the view that the address names; a view's own state is behind "?". */
async function show() {
  if (location.hash === "#main") return;
  const [name, state = ""] = location.hash.slice(1).split("?");
  const view = name in views ? name : "draw";
  if (view === shown && !show.forced) return;
  const focus = shown !== "" && view !== shown;
  [shown, show.forced] = [view, false];
  current.abort();
  const { signal } = (current = new AbortController());
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${t(view)} · deltarule`;
  const { build } = await views[view]();
  if (signal.aborted) return;
  const root = el("div", { class: view });
  main.replaceChildren(root);
  build(root, new URLSearchParams(state), signal);
  if (focus) main.focus({ preventScroll: true });
}

document.getElementById("theme").addEventListener("click", () => {
  localStorage.setItem("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  applyTheme();
});
document.getElementById("language").addEventListener("click", () => {
  language.set(language.get() === "zh" ? "en" : "zh");
  applyLanguage();
  show.forced = true;
  show();
});
dark.addEventListener("change", applyTheme);
addEventListener("hashchange", show);
applyTheme();
applyLanguage();
show();
