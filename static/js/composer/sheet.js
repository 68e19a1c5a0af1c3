// @ts-check
/* On phones the form moves into a modal dialog, a sheet from the bottom, while it is used. */

import { find, promptOf } from "./form.js";

const NARROW = matchMedia("(max-width: 760px)");
const CLOSING_PULL_PIXELS = 90;

/** @param {HTMLFormElement} form */
export function startSheet(form) {
  const home = find(document, ".composer-home", HTMLElement);
  const dialog = find(document, ".composer-sheet", HTMLDialogElement);
  const opener = find(document, ".composer-fab", HTMLButtonElement);
  const handle = find(form, ".sheet-handle", HTMLButtonElement);
  const prompt = promptOf(form);

  // The sheet is a step in history while it is open: Back closes it and leaves the page where it was.
  let hasStep = false;
  const open = () => {
    if (dialog.open) return;
    dialog.append(form);
    dialog.showModal();
    prompt.focus();
    history.pushState(null, "");
    hasStep = true;
  };
  const close = () => {
    if (!dialog.open) return;
    if (hasStep) history.back();
    else dialog.close();
  };
  addEventListener("popstate", () => {
    hasStep = false;
    if (dialog.open) dialog.close();
  });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });

  const showDraft = () => {
    const text = prompt.value.trim();
    const shown = find(opener, "span", HTMLElement);
    shown.dataset.empty ??= shown.textContent ?? "";
    shown.textContent = text || shown.dataset.empty;
    opener.classList.toggle("has-draft", text !== "");
  };
  showDraft();

  opener.addEventListener("click", open);
  dialog.addEventListener("close", () => {
    home.append(form);
    showDraft();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) close();
  });
  NARROW.addEventListener("change", close);
  startPulling(dialog, handle, close);

  if ("unsaved" in form.dataset && NARROW.matches) open();
  return { close };
}

/** @param {HTMLDialogElement} dialog @param {HTMLButtonElement} handle @param {() => void} close */
function startPulling(dialog, handle, close) {
  /** @type {number | null} */
  let from = null;
  handle.addEventListener("click", close);
  handle.addEventListener("pointerdown", (event) => {
    from = event.clientY;
    handle.setPointerCapture(event.pointerId);
    dialog.classList.add("is-pulled");
  });
  handle.addEventListener("pointermove", (event) => {
    if (from !== null) dialog.style.setProperty("--pull", `${Math.max(0, event.clientY - from)}px`);
  });
  /** @param {PointerEvent} event */
  const release = (event) => {
    if (from === null) return;
    const pulled = event.clientY - from;
    from = null;
    dialog.classList.remove("is-pulled");
    dialog.style.setProperty("--pull", "0px");
    if (pulled > CLOSING_PULL_PIXELS) close();
  };
  handle.addEventListener("pointerup", release);
  handle.addEventListener("pointercancel", release);
}
