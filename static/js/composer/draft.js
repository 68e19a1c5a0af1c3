// @ts-check
/* Quotes, each of which saves the draft: what somebody writes here is never lost. */

import { find, promptOf, showSummary, tellChange, valuesOf, wordsOf } from "./form.js";

/** @param {Event} event @returns {XMLHttpRequest} */
const requestOf = (event) => /** @type {CustomEvent} */ (event).detail.xhr;

/** @param {Event} event */
const isSignedOut = (event) => requestOf(event).getResponseHeader("HX-Redirect") !== null;

/** @param {HTMLFormElement} form */
export function startDraft(form) {
  const quote = find(form, ".quote", HTMLElement);
  // Changes are counted: the answer to a quote saves those that it was sent with, and none that came since.
  let changes = 0;
  let sent = 0;
  let saved = 0;
  const isUnsaved = () => saved !== changes;

  form.addEventListener("composer:changed", () => {
    changes += 1;
    form.classList.add("is-quoting");
  });
  quote.addEventListener("htmx:beforeRequest", (event) => {
    event.stopPropagation();
    // A submission has been answered meanwhile; a quote must not wipe that answer away.
    if (isUnsaved()) sent = changes;
    else event.preventDefault();
  });
  quote.addEventListener("htmx:afterRequest", (event) => {
    event.stopPropagation();
    if (requestOf(event).status !== 200 || isSignedOut(event)) return;
    saved = sent;
    form.classList.toggle("is-quoting", isUnsaved());
    markInvalid(form);
  });
  // An expired session takes nobody away in mid-sentence: Generate leads to the sign-in page.
  quote.addEventListener("htmx:beforeOnLoad", (event) => {
    if (!isSignedOut(event)) return;
    event.preventDefault();
    showSummary(form, wordsOf(form).signedOut);
  });
  form.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.target === form && isSignedOut(event)) changes += 1;
  });

  // A price that couldn't be asked for while offline.
  window.addEventListener("online", () => {
    if (isUnsaved() && form.isConnected) tellChange(form);
  });
  // The last words typed before a tab is closed are kept too.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden" || !isUnsaved() || !form.isConnected) return;
    if (navigator.sendBeacon(form.dataset.quoteUrl ?? "", valuesOf(form))) saved = changes;
  });
  keepInTab(form, isUnsaved);

  if ("unsaved" in form.dataset) {
    // A remix or an example came in the URL: from here on it is the draft, and a reload must not undo edits.
    history.replaceState(history.state, "", location.pathname);
    requestAnimationFrame(() => tellChange(form));
  }

  return {
    /** A submission includes the draft: it needs no quote any more. */
    submit() {
      saved = changes;
      form.classList.remove("is-quoting");
      quote.dispatchEvent(new Event("htmx:abort"));
    },
    /** The submission did not arrive, so neither did the draft. */
    markUnsaved() {
      changes += 1;
    },
  };
}

/** Mark the fields that have an error beside them. @param {HTMLFormElement} form */
export function markInvalid(form) {
  for (const notes of form.querySelectorAll(".notes")) {
    const isInvalid = notes.querySelector(".note-error") !== null;
    for (const input of form.querySelectorAll(`[aria-describedby="${notes.id}"]`)) {
      if (isInvalid) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  }
}

/**
 * Keep in this tab what the server could not save, until the person is back: the settings, not the files.
 *
 * @param {HTMLFormElement} form
 * @param {() => boolean} isUnsaved
 */
function keepInTab(form, isUnsaved) {
  const keptAs = `composer ${location.pathname}`;
  const settings = () =>
    [...form.elements]
      .map((element) => /** @type {HTMLInputElement} */ (element))
      .filter((input) => input.name && !["hidden", "file", "submit"].includes(input.type))
      .filter((input) => !input.matches("[data-transient], .trim *"));

  addEventListener("pagehide", () => {
    if (!isUnsaved() || !form.isConnected) return;
    const names = new Set(settings().map((input) => input.name));
    const values = [...new FormData(form)].filter(([name]) => names.has(name));
    sessionStorage.setItem(keptAs, JSON.stringify(values));
  });

  const kept = sessionStorage.getItem(keptAs);
  sessionStorage.removeItem(keptAs);
  // A remix or an example was asked for instead of what was left here.
  if (!kept || "unsaved" in form.dataset) return;
  // Once htmx listens too.
  requestAnimationFrame(() => {
    const values = new Map(JSON.parse(kept));
    for (const input of settings()) {
      if (input.type === "checkbox") input.checked = values.has(input.name);
      else if (input.type === "radio") input.checked = input.value === values.get(input.name);
      else input.value = values.get(input.name) ?? "";
    }
    promptOf(form).dispatchEvent(new Event("input", { bubbles: true }));
  });
}
