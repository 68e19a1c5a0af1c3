// @ts-check
/* Generate: by mouse or keys, sent once, with a word on how it went. */

import { markInvalid } from "./draft.js";
import { find, showSummary, wordsOf } from "./form.js";

const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * @param {HTMLFormElement} form
 * @param {import("./arrangement.js").Arrangement} arrangement
 * @param {ReturnType<typeof import("./draft.js").startDraft>} draft
 * @param {() => void} onStarted
 */
export function startSubmission(form, arrangement, draft, onStarted) {
  const generate = find(form, ".generate", HTMLButtonElement);
  const preview = form.querySelector(".preview-free");
  const words = wordsOf(form);

  form.addEventListener("composer:changed", () => showSummary(form));
  startKeys(form, generate);

  // The second half of a double click doesn't count, even when the first half has been answered already and the form
  // holds the next submission.
  for (const button of [generate, preview]) {
    button?.addEventListener("click", (event) => {
      if (/** @type {MouseEvent} */ (event).detail > 1) event.preventDefault();
    });
  }

  // What is sent includes a change to the files that is still under way.
  form.addEventListener("htmx:confirm", (event) => {
    if (event.target !== form || arrangement.isSettled) return;
    event.preventDefault();
    arrangement.settled().then(() => /** @type {CustomEvent} */ (event).detail.issueRequest());
  });

  // htmx sends the button that was clicked or has the focus, even when Ctrl+Enter was pressed instead.
  form.addEventListener("htmx:configRequest", (event) => {
    if (event.target !== form) return;
    const { detail } = /** @type {CustomEvent} */ (event);
    const submitter = detail.triggeringEvent?.submitter;
    const isPreview = preview !== null && submitter === preview;
    if (!isPreview) delete detail.parameters.engine;
    if (submitter?.name !== "ask") delete detail.parameters.ask;
    form.classList.toggle("is-previewing", isPreview);
  });

  form.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target !== form) return;
    if (form.querySelector(".chip-pending")) {
      // Without them it would be a different clip.
      event.preventDefault();
      showSummary(form, words.pending);
      return;
    }
    draft.submit();
    showSummary(form);
  });
  // Said beside Generate, and not in the page's toast as well. A quote that fails says nothing: the price stays dim, and
  // the next change asks again.
  form.addEventListener("htmx:sendError", (event) => {
    event.stopPropagation();
    if (event.target !== form) return;
    draft.markUnsaved();
    showSummary(form, words.noAnswer);
  });
  form.addEventListener("htmx:responseError", (event) => {
    event.stopPropagation();
    if (event.target === form) showSummary(form, words.failed);
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (event.target !== form) return;
    markInvalid(form);
    const { status } = /** @type {CustomEvent} */ (event).detail.xhr;
    if (status === 200) {
      onStarted();
      scrollTo({ top: 0, behavior: STILL.matches ? "auto" : "smooth" });
    } else if (status === 422) {
      const invalid = form.querySelector("[aria-invalid=true]");
      if (invalid instanceof HTMLElement) invalid.focus();
      form.querySelector(".note-error")?.scrollIntoView({ block: "nearest" });
    }
  });
}

/** @param {HTMLFormElement} form @param {HTMLButtonElement} generate */
function startKeys(form, generate) {
  if (/Mac|iP(hone|ad)/.test(navigator.platform)) find(form, "[data-modifier]", HTMLElement).textContent = "⌘";
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      if (!event.repeat) form.requestSubmit(generate);
    } else if (event.target instanceof HTMLInputElement) {
      // Enter in a small field must never spend credits.
      event.preventDefault();
    }
  });
}
