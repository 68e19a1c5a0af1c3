"use strict";
/* What every page does: menus that close, toasts that leave, and one word when a request fails. */

(() => {
  const toasts = document.getElementById("toasts");
  const announcer = document.getElementById("announcer");
  const TOAST_SECONDS = 8;

  // --- Menus: <details class="menu">; one open at a time, closed by Esc or a click elsewhere ---

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      event.preventDefault();
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // --- Toasts ---

  function leaveLater(toast) {
    let timer = 0;
    const start = () => { timer = setTimeout(() => toast.remove(), TOAST_SECONDS * 1000); };
    const stop = () => clearTimeout(timer);
    // Whoever is about to press Undo is not raced.
    toast.addEventListener("pointerenter", stop);
    toast.addEventListener("pointerleave", start);
    toast.addEventListener("focusin", stop);
    toast.addEventListener("focusout", start);
    start();
  }

  function received(node) {
    if (!(node instanceof Element) || !node.matches("[data-toast]")) return;
    if (!node.matches("[role=alert]")) announcer.textContent = node.querySelector("p").textContent;
    leaveLater(node);
  }

  for (const toast of toasts.children) received(toast);
  new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(received)))
    .observe(toasts, { childList: true });
  document.addEventListener("click", (event) => {
    event.target.closest("[data-closes-toast]")?.closest("[data-toast]").remove();
  });
  // A toast with a form leaves when its answer is there: htmx looks for what to swap around the form that asked.
  document.addEventListener("htmx:afterRequest", (event) => {
    event.detail.requestConfig.elt.closest("[data-toast]")?.remove();
  });

  // --- Failed requests: one toast, however many fail; the poller fails quietly and asks again ---

  function failed(event) {
    if (event.target.id === "updates" || document.querySelector("[data-toast].error")) return;
    toasts.append(document.getElementById("error-toast").content.cloneNode(true));
  }
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, failed);

  // --- Copy ---

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    announcer.textContent = button.dataset.copied;
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1600);
  });
})();
