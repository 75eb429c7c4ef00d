// Elements, texts in the page's language, and requests to the server.
import en from "./text/en.js";
import zh from "./text/zh.js";

const texts = { en, zh };
export const language = {
  get: () => localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en"),
  set: (code) => localStorage.setItem("language", code),
};

/** Return the text of a key in the page's language, with {0}, {1}, … replaced. */
export function t(key, ...values) {
  const text = texts[language.get()][key] ?? en[key] ?? key;
  return text.replace(/\{(\d)\}/g, (_, place) => values[Number(place)] ?? "");
}

/** Return an element. Attributes with "on" are listeners; null, false and undefined children are left out. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== false));
  return made;
}

/** Ask the server for JSON; an error has the server's sentence as its message. */
export async function ask(path, body, signal) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  let response;
  try {
    response = await fetch(path, { ...options, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(t("unreachable"));
  }
  const answer = await response.json().catch(() => ({ error: response.statusText }));
  if (!response.ok) throw Object.assign(new Error(answer.error), { field: answer.field, status: response.status });
  return answer;
}

export const percent = (value) => (value == null ? "–" : `${(100 * value).toFixed(value > 0.9995 || value < 0.0005 ? 0 : 1)} %`);
export const short = (value) => (value == null ? "–" : Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4 ? value.toPrecision(3) : value.toExponential(1));
const colours = new Map();
addEventListener("themechange", () => colours.clear());
/** Return a colour of the page's theme by its name in the style sheet. */
export function colour(name) {
  if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return colours.get(name);
}
export const sleep = (milliseconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
