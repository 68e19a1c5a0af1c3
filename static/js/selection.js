// @ts-check
/* Selecting many clips: ticks, ranges with Shift, whole months, everything by Ctrl+A, and the keys of the grid. */

import { isFree, isShortcut } from "./shortcuts.js";

/** @returns {HTMLFormElement | null} */
const form = () => document.querySelector("#selection-form");

/** @returns {HTMLInputElement[]} */
const ticks = () => [...document.querySelectorAll(/** @type {"input"} */ (".tick > input[name='clips']"))];

/** The tick that a range starts from. @type {HTMLInputElement | null} */
let anchor = null;

/** @param {boolean} isAll */
function selectAllResults(isAll) {
  const all = form()?.querySelector("[data-all-results]");
  if (all instanceof HTMLInputElement) all.value = isAll ? "1" : "";
}

function told() {
  for (const circle of monthCircles()) {
    const own = ticksOfMonth(circle);
    const count = own.filter((tick) => tick.checked).length;
    circle.checked = count > 0 && count === own.length;
    circle.indeterminate = count > 0 && count < own.length;
  }
  // Filters change the address while the bar stays.
  const query = form()?.querySelector("[name='query']");
  if (query instanceof HTMLInputElement) query.value = location.search.slice(1);
  htmx.trigger(document.body, "selection");
}

function clear() {
  selectAllResults(false);
  for (const tick of ticks()) tick.checked = false;
  anchor = null;
  told();
}

const isSelecting = () => form() !== null && getComputedStyle(/** @type {Element} */ (form())).display !== "none";

// --- Ticks ---

document.addEventListener("click", (event) => {
  const tick = /** @type {Element} */ (event.target).closest(".tick > input[name='clips']");
  if (!(tick instanceof HTMLInputElement)) return;
  selectAllResults(false);
  const all = ticks();
  const [from, to] = [anchor ? all.indexOf(anchor) : -1, all.indexOf(tick)];
  if (event.shiftKey && from >= 0) {
    for (const between of all.slice(Math.min(from, to), Math.max(from, to) + 1)) between.checked = tick.checked;
  }
  anchor = tick;
  told();
});

// --- All results of the list, and the fields of the bar's menus ---

function selectEverything() {
  for (const tick of ticks()) tick.checked = true;
  selectAllResults(true);
  told();
}

document.addEventListener("click", (event) => {
  if (/** @type {Element} */ (event.target).closest("[data-select-all]")) selectEverything();
});
document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key !== "Enter" || !(field instanceof HTMLInputElement) || !field.matches(".selection-new > input")) return;
  // Enter would press the form's first button.
  event.preventDefault();
  if (field.value.trim()) field.parentElement?.querySelector("button")?.click();
});
document.addEventListener("selection-done", () => {
  for (const menu of form()?.querySelectorAll("details[open]") ?? []) menu.removeAttribute("open");
  for (const field of form()?.querySelectorAll(/** @type {"input"} */ (".selection-new > input")) ?? [])
    field.value = "";
});

document.addEventListener("reset", (event) => {
  if (event.target === form()) setTimeout(clear);
});
document.addEventListener("selection-done", clear);

// --- A month's circle: the clips of it that are on the page ---

/** @returns {HTMLInputElement[]} */
const monthCircles = () => [...document.querySelectorAll(/** @type {"input"} */ ("[data-select-month]"))];

/** @param {HTMLInputElement} circle */
function ticksOfMonth(circle) {
  const found = [];
  let next = circle.closest(".month")?.nextElementSibling;
  while (next && !next.matches(".month, .rest")) {
    const tick = next.querySelector(".tick > input[name='clips']");
    if (tick instanceof HTMLInputElement) found.push(tick);
    next = next.nextElementSibling;
  }
  return found;
}

document.addEventListener("change", (event) => {
  const circle = event.target;
  if (!(circle instanceof HTMLInputElement) || !circle.matches("[data-select-month]")) return;
  const isChecked = circle.checked;
  selectAllResults(false);
  for (const tick of ticksOfMonth(circle)) tick.checked = isChecked;
  told();
});

// --- Keys: X selects, Ctrl+A everything, Esc nothing; arrows move, Space plays ---

/** @returns {HTMLAnchorElement[]} */
const cardLinks = () => [...document.querySelectorAll(/** @type {"a"} */ ("#clips .card .meta [data-clip]"))];

/** The card that has the focus, or is under the pointer. */
function currentCard() {
  return document.activeElement?.closest(".card") ?? document.querySelector(".card:hover");
}

/** @param {string} key */
function moveFocus(key) {
  const links = cardLinks();
  const at = links.findIndex((link) => link.closest(".card") === document.activeElement?.closest(".card"));
  if (at < 0) return links[0];
  if (key === "ArrowLeft") return links[at - 1];
  if (key === "ArrowRight") return links[at + 1];
  const here = /** @type {Element} */ (links[at].closest(".card")).getBoundingClientRect();
  const isBelow = key === "ArrowDown";
  const rows = links
    .map((link) => ({
      link,
      box: /** @type {Element} */ (link.closest(".card")).getBoundingClientRect(),
    }))
    .filter(({ box }) => (isBelow ? box.top >= here.bottom : box.bottom <= here.top));
  if (!rows.length) return undefined;
  const edge = isBelow ? Math.min(...rows.map(({ box }) => box.top)) : Math.max(...rows.map(({ box }) => box.top));
  const middle = here.left + here.width / 2;
  const away = (/** @type {DOMRect} */ box) => Math.abs(box.left + box.width / 2 - middle);
  return rows.filter(({ box }) => Math.abs(box.top - edge) < 4).sort((a, b) => away(a.box) - away(b.box))[0]?.link;
}

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.isContentEditable || target.closest("input:not([type='checkbox']), textarea, select, dialog, .menu"))
    return;
  if ((event.ctrlKey || event.metaKey) && event.key === "a" && form()) {
    event.preventDefault();
    selectEverything();
    return;
  }
  if (isShortcut(event, "select_nothing") && isSelecting()) clear();
  if (isShortcut(event, "select"))
    currentCard()
      ?.querySelector(/** @type {"input"} */ (".tick > input"))
      ?.click();
  if (isShortcut(event, "play") && target.matches(".card [data-clip], body")) {
    const play = currentCard()?.querySelector(/** @type {"button"} */ ("[data-play]"));
    if (play) event.preventDefault();
    play?.click();
  }
  if (event.key.startsWith("Arrow") && isFree(event) && target.closest(".card")) {
    const next = moveFocus(event.key);
    if (next) event.preventDefault();
    next?.focus();
  }
});

// Cards that replace others, and pages that arrive, are selected as what was there before. Whatever stays has its own
// state: somebody may have changed it meanwhile.
/** @type {Set<string>} */
let kept = new Set();
/** @type {Set<HTMLInputElement>} */
let present = new Set();
document.addEventListener("htmx:beforeSwap", () => {
  present = new Set(ticks());
  kept = new Set([...present].filter((tick) => tick.checked).map((tick) => tick.value));
});
document.addEventListener("htmx:afterSettle", () => {
  const isAll = form()?.querySelector("[data-all-results][value='1']") !== null;
  for (const tick of ticks()) if (!present.has(tick) && (kept.has(tick.value) || isAll)) tick.checked = true;
});
