// @ts-check
/* The Create page: starts every part of the composer, and looks after the page around it. */

import { startArrangement } from "./arrangement.js";
import { startChips } from "./chips.js";
import { startDraft } from "./draft.js";
import { startDragging } from "./drag.js";
import { startFiles } from "./files.js";
import { startPrompt } from "./prompt.js";
import { startSettings } from "./settings.js";
import { startSheet } from "./sheet.js";
import { startSubmission } from "./submission.js";

/** @type {WeakSet<HTMLFormElement>} */
const started = new WeakSet();

/** @param {HTMLFormElement} form */
function start(form) {
  if (started.has(form)) return;
  started.add(form);
  startPrompt(form);
  startSettings(form);
  const arrangement = startArrangement(form);
  startChips(form, arrangement);
  startDragging(form, arrangement);
  startFiles(form, arrangement);
  const sheet = startSheet(form);
  startSubmission(form, arrangement, startDraft(form), sheet.close);
}

function startAll() {
  for (const form of document.querySelectorAll("form.composer")) start(/** @type {HTMLFormElement} */ (form));
}
startAll();
document.addEventListener("htmx:load", startAll);

// A submission sent twice is answered with the same cards: they must not stand in the feed twice.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = /** @type {CustomEvent} */ (event).detail;
  if (target.id !== "clips") return;
  for (const card of fragment.querySelectorAll("[id]")) document.getElementById(card.id)?.remove();
});

// The banner above the page takes from the composer's height, until it is scrolled away.
const banner = document.querySelector(".banner");
if (banner instanceof HTMLElement) {
  const measure = () => {
    const left = Math.max(0, banner.offsetHeight - scrollY);
    document.documentElement.style.setProperty("--banner-height", `${left}px`);
  };
  new ResizeObserver(measure).observe(banner);
  addEventListener("scroll", measure, { passive: true });
}
