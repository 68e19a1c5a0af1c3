// @ts-check
/* For every page: menus, toasts, an error toast when a request fails, copy buttons, local times,
   and Back after a reload. */

const TOAST_SECONDS = 8;
const COPIED_SECONDS = 1.6;

const toasts = /** @type {HTMLElement} */ (document.getElementById("toasts"));
const announcer = /** @type {HTMLElement} */ (document.getElementById("announcer"));

// --- Menus: <details class="menu">; one open at a time, closed by Esc or a click elsewhere ---

/** What stays free beside a menu, in pixels. */
const EDGE = 8;

/** @returns {NodeListOf<HTMLDetailsElement>} */
const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    event.preventDefault();
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

// One that would reach beyond the page's edge, such as that of a narrow card at the left, is moved in.
document.addEventListener(
  "toggle",
  (event) => {
    const menu = /** @type {HTMLDetailsElement} */ (event.target);
    if (!menu.matches("details.menu[open]")) return;
    const box = /** @type {HTMLElement} */ (menu.lastElementChild);
    box.style.translate = "";
    const { left, right } = box.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const beyond = Math.max(EDGE - left, 0) || Math.min(width - EDGE - right, 0);
    if (beyond) box.style.translate = `${beyond}px`;
  },
  true,
);

// --- Toasts ---

/** @param {Element} toast */
function dismissLater(toast) {
  let timer = 0;
  const start = () => {
    timer = setTimeout(() => toast.remove(), TOAST_SECONDS * 1000);
  };
  const stop = () => clearTimeout(timer);
  // The toast stays while someone may be about to press Undo.
  toast.addEventListener("pointerenter", stop);
  toast.addEventListener("pointerleave", start);
  toast.addEventListener("focusin", stop);
  toast.addEventListener("focusout", start);
  start();
}

/** @param {Node} node */
function announce(node) {
  if (!(node instanceof Element) || !node.matches("[data-toast]")) return;
  if (!node.matches("[role=alert]")) announcer.textContent = node.querySelector("p")?.textContent ?? "";
  dismissLater(node);
}

for (const toast of toasts.children) announce(toast);
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) announce(node);
}).observe(toasts, { childList: true });
document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  target.closest("[data-closes-toast]")?.closest("[data-toast]")?.remove();
});
// A toast with a form leaves when its answer is there: htmx looks for what to swap around the form that asked.
document.addEventListener("htmx:afterRequest", (event) => {
  event.detail.requestConfig.elt.closest("[data-toast]")?.remove();
});

// Outside an open dialog everything is inert: what is said must be heard, seen and pressed inside it.
new MutationObserver(() => {
  const host = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  if (toasts.parentElement === host) return;
  host.append(announcer, toasts);
}).observe(document.body, { subtree: true, attributeFilter: ["open"] });

// --- Failed requests: one toast, however many fail; the poller fails quietly and asks again ---

/** @param {Event} event */
function failed(event) {
  const { id } = /** @type {Element} */ (event.target);
  // The dialog says it where the clip would be.
  if (id === "updates" || id === "clip-dialog-inside" || document.querySelector("[data-toast].error")) return;
  const { content } = /** @type {HTMLTemplateElement} */ (document.getElementById("error-toast"));
  toasts.append(content.cloneNode(true));
}
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, failed);

// --- Times, in the viewer's own zone ---

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const TIME_PARTS = { date: { dateStyle: "medium" }, datetime: { dateStyle: "medium", timeStyle: "short" } };

/** @param {ParentNode} part */
function showLocalTimes(part) {
  const { lang } = document.documentElement;
  /** @type {NodeListOf<HTMLTimeElement>} */
  const times = part.querySelectorAll("time[data-local]");
  for (const time of times) {
    const moment = new Date(time.dateTime);
    time.textContent = new Intl.DateTimeFormat(lang, TIME_PARTS[time.dataset.local ?? ""]).format(moment);
    time.title = new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "long" }).format(moment);
    delete time.dataset.local;
  }
}
showLocalTimes(document);
document.addEventListener("htmx:load", (event) => showLocalTimes(event.detail.elt.parentElement ?? document));

// --- Copy ---

document.addEventListener("click", async (event) => {
  /** @type {HTMLElement | null} */
  const button = /** @type {Element} */ (event.target).closest("[data-copy]");
  if (!button) return;
  const { copy = "", copied = "" } = button.dataset;
  await navigator.clipboard.writeText(copy);
  announcer.textContent = copied;
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), COPIED_SECONDS * 1000);
});

// --- Back: a reload at a dialog's URL leaves entries in history whose page isn't the one in the window ---

const home = location.pathname;
window.addEventListener("popstate", (event) => {
  const hasDialog = document.getElementById("clip-dialog") !== null;
  if (location.pathname !== home && !(hasDialog && event.state?.clip)) location.reload();
});
