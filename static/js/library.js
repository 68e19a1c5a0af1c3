// @ts-check
/* The gallery's lists: new clips in their place, takes of a stack, and the key for the search. */

import { isShortcut } from "./shortcuts.js";

const clips = () => document.getElementById("clips");

// --- Clips that arrive while the page is open stand where they were made, like those that were there before ---

/** @param {HTMLElement} card */
const keyOf = (card) => BigInt(card.dataset.key ?? 0);

/** The first clips, which were there before: cards have a month above them, and rows are all in order. */
/** @param {Element} list @param {HTMLElement[]} all */
function settledAmong(list, all) {
  const heading = list.querySelector(":scope > .month");
  if (heading) return all.filter((clip) => heading.compareDocumentPosition(clip) & Node.DOCUMENT_POSITION_FOLLOWING);
  if (!list.matches("tbody")) return all;
  let first = all.length - 1;
  while (first > 0 && keyOf(all[first - 1]) > keyOf(all[first])) first -= 1;
  return all.slice(first);
}

document.addEventListener("htmx:oobAfterSwap", (event) => {
  const list = clips();
  if (!list || event.detail.target !== list || !list.hasAttribute("data-newest-first")) return;
  /** @type {HTMLElement[]} */
  const all = [...list.querySelectorAll(/** @type {"article"} */ (":scope > [data-key]"))];
  const settled = settledAmong(list, all);
  // They come on top.
  for (const clip of all.slice(0, all.length - settled.length)) {
    const older = settled.find((other) => keyOf(other) < keyOf(clip));
    if (older) older.before(clip);
    else if (list.querySelector(":scope > :is(.more, .row-more)")) clip.remove();
    else list.append(clip);
    settled.splice(older ? settled.indexOf(older) : settled.length, 0, clip);
  }
});

// --- Bars of a stack switch its takes ---

document.addEventListener("pointerover", (event) => {
  const bar = /** @type {Element} */ (event.target).closest("[data-take]");
  const media = bar?.closest("[data-video]");
  if (!(bar instanceof HTMLAnchorElement) || !(media instanceof HTMLElement)) return;
  for (const other of media.querySelectorAll("[data-take]")) other.toggleAttribute("aria-current", other === bar);
  media.querySelector(".open img")?.setAttribute("src", bar.dataset.poster ?? "");
  media.querySelector(".open")?.setAttribute("href", bar.href);
  media.dataset.video = bar.dataset.video;
});

// --- / goes to the search ---

document.addEventListener("keydown", (event) => {
  if (!isShortcut(event, "search") || /** @type {Element} */ (event.target).closest("dialog")) return;
  const search = document.getElementById("search");
  if (!search) return;
  event.preventDefault();
  search.focus();
});
