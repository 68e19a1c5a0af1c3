// @ts-check
/* A clip over the grid: Esc closes it, the arrow keys move through the list, and the URL is the clip's. The clip brings
   its place in the list along; pages without such a list move between their cards. */

import { isShortcut } from "./shortcuts.js";

/**
 * Where a clip is, opened from the list that the page shows.
 * @param {string} href
 */
function addressOf(href) {
  const url = new URL(href, location.href);
  const list = document.getElementById("feed")?.dataset.openedFrom;
  if (list) url.searchParams.set("in", list);
  return url.pathname + url.search;
}

/** Which way an arrow key leads, 0 if it is meant for something else. @param {KeyboardEvent} event */
function stepOf(event) {
  const target = /** @type {Element} */ (event.target);
  if (event.shiftKey || target.closest("input, video, [role='slider']")) return 0;
  if (isShortcut(event, "previous_clip")) return -1;
  return isShortcut(event, "next_clip") ? 1 : 0;
}

/** @param {string} address */
const pathOf = (address) => new URL(address, location.href).pathname;

/** @param {HTMLDialogElement} dialog */
function start(dialog) {
  const inside = /** @type {HTMLElement} */ (document.getElementById("clip-dialog-inside"));
  const homeTitle = document.title;
  let shown = "";
  /** A step that was asked for before the clip said what is beside it. */
  let wanted = 0;

  /** @returns {HTMLAnchorElement[]} */
  const links = () => [...document.querySelectorAll(/** @type {"a"} */ (".card .meta [data-clip]"))];
  const isSame = (/** @type {HTMLAnchorElement} */ link) => pathOf(link.href) === pathOf(shown);
  const place = () => /** @type {HTMLElement} */ (document.getElementById("clip-place"));
  const stepper = (/** @type {number} */ by) =>
    /** @type {HTMLButtonElement} */ (dialog.querySelector(`[data-step='${by}']`));

  /**
   * The card's picture, shown until the rest has loaded.
   * @param {Element | null | undefined} card
   */
  function outline(card) {
    const poster = card?.querySelector(".open img");
    if (!card || !poster) return [];
    const detail = document.createElement("div");
    const stage = document.createElement("div");
    detail.className = `detail ${[...card.classList].filter((name) => /^(r|at)-/.test(name)).join(" ")}`;
    stage.className = "stage";
    stage.append(poster.cloneNode());
    detail.append(stage);
    return [detail];
  }

  /** The address of the clip beside the one that is shown; "" if there is none, null before that is known. */
  function beside(/** @type {number} */ by) {
    const { known, previous = "", next = "" } = place().dataset;
    const path = by < 0 ? previous : next;
    if (known !== undefined) return path && addressOf(path);
    if (document.getElementById("feed")?.dataset.openedFrom) return null;
    const all = links();
    const at = all.findIndex(isSame);
    const link = at < 0 ? undefined : all[at + by];
    return link ? addressOf(link.href) : "";
  }

  function showPlace() {
    for (const by of [-1, 1]) stepper(by).disabled = beside(by) === "";
    // A disabled button loses focus to the page, and the arrow keys would then act outside the dialog.
    const focused = document.activeElement;
    if (!dialog.contains(focused) || focused?.matches(":disabled")) inside.focus();
  }

  /** @param {string} path */
  function show(path) {
    shown = path;
    const there = place();
    there.textContent = "";
    for (const name of ["known", "previous", "next"]) delete there.dataset[name];
    inside.replaceChildren(...outline(links().find(isSame)?.closest(".card")));
    if (!dialog.open) dialog.showModal();
    load();
    showPlace();
  }

  function load() {
    // What went wrong is said by the event below, however it went wrong.
    htmx.ajax("GET", shown, { target: inside, swap: "innerHTML", source: inside }).catch(() => {});
  }

  function hide() {
    const lastShown = links().find(isSame);
    shown = "";
    wanted = 0;
    inside.replaceChildren();
    document.title = homeTitle;
    if (dialog.open) dialog.close();
    // The browser returns focus to the card that was opened first.
    lastShown?.focus();
  }

  function close() {
    // Go back as the back button would, so that history has no dead entries.
    if (history.state?.clip) history.back();
    else hide();
  }

  /** @param {number} by */
  function step(by) {
    const path = beside(by);
    wanted = path === null ? by : 0;
    if (!path) return;
    history.replaceState({ clip: path }, "", path);
    show(path);
    links().find(isSame)?.closest(".card")?.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("click", (event) => {
    /** @type {HTMLAnchorElement | null} */
    const link = /** @type {Element} */ (event.target).closest("[data-clip]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const path = addressOf(link.href);
    history.pushState({ clip: path }, "", path);
    show(path);
  });
  window.addEventListener("popstate", (event) => {
    if (event.state?.clip) show(event.state.clip);
    else if (dialog.open) hide();
  });

  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (!dialog.querySelector("details.menu[open]")) close();
  });
  dialog.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target === dialog || target.closest("[data-close]")) close();
    /** @type {HTMLElement | null} */
    const pressed = target.closest("[data-step]");
    if (target.closest("[data-retry]")) load();
    if (pressed) step(Number(pressed.dataset.step));
  });
  dialog.addEventListener("keydown", (event) => {
    const by = stepOf(event);
    if (by) step(by);
  });
  inside.addEventListener("htmx:afterRequest", (event) => {
    if (event.target !== inside || event.detail.successful || !shown) return;
    const failed = /** @type {HTMLTemplateElement} */ (document.getElementById("clip-dialog-failed"));
    inside.replaceChildren(failed.content.cloneNode(true));
  });
  dialog.addEventListener("htmx:afterSwap", () => {
    const heading = inside.querySelector("h1");
    if (heading) document.title = heading.textContent;
  });
  dialog.addEventListener("htmx:afterSettle", () => {
    showPlace();
    if (wanted && beside(wanted) !== null) step(wanted);
  });
  // Close the dialog before the clip is removed; its card in the grid shows the result.
  dialog.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches("[data-closes-dialog]")) return;
    event.preventDefault();
    const url = form.action;
    close();
    htmx.ajax("POST", url, { swap: "none", source: document.getElementById("clips") ?? undefined });
  });
}

const dialog = document.getElementById("clip-dialog");
if (dialog instanceof HTMLDialogElement) start(dialog);

// On a clip's own page, the arrow keys follow its links.
document.addEventListener("keydown", (event) => {
  const by = document.querySelector(".clip-head") ? stepOf(event) : 0;
  if (!by || document.querySelector("dialog[open]")) return;
  /** @type {HTMLAnchorElement | null} */
  const link = document.querySelector(`.clip-head [rel='${by < 0 ? "prev" : "next"}']`);
  link?.click();
});
