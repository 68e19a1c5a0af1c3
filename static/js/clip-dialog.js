// @ts-check
/* A clip over the grid: Esc closes it, the arrow keys move between cards, and the URL is the clip's. */

/** @param {HTMLDialogElement} dialog */
function start(dialog) {
  const inside = /** @type {HTMLElement} */ (document.getElementById("clip-dialog-inside"));
  const homeTitle = document.title;
  let shown = "";

  /** @returns {HTMLAnchorElement[]} */
  const links = () => [...document.querySelectorAll(/** @type {"a"} */ (".card .meta [data-clip]"))];
  const isSame = (/** @type {HTMLAnchorElement} */ link) => new URL(link.href).pathname === shown;
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

  /** @param {string} path */
  function show(path) {
    shown = path;
    inside.replaceChildren(...outline(links().find(isSame)?.closest(".card")));
    if (!dialog.open) dialog.showModal();
    load();
    const all = links();
    const at = all.findIndex(isSame);
    stepper(-1).disabled = at <= 0;
    stepper(1).disabled = at < 0 || at === all.length - 1;
    // A disabled button loses focus to the page, and the arrow keys would then act outside the dialog.
    const focused = document.activeElement;
    if (!dialog.contains(focused) || focused?.matches(":disabled")) inside.focus();
  }

  function load() {
    // What went wrong is said by the event below, however it went wrong.
    htmx.ajax("GET", shown, { target: inside, swap: "innerHTML", source: inside }).catch(() => {});
  }

  function hide() {
    const lastShown = links().find(isSame);
    shown = "";
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
    const all = links();
    const next = all[all.findIndex(isSame) + by];
    if (!next) return;
    const path = new URL(next.href).pathname;
    history.replaceState({ clip: path }, "", path);
    next.closest(".card")?.scrollIntoView({ block: "nearest" });
    show(path);
  }

  document.addEventListener("click", (event) => {
    /** @type {HTMLAnchorElement | null} */
    const link = /** @type {Element} */ (event.target).closest("[data-clip]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const path = new URL(link.href).pathname;
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
    if (/** @type {Element} */ (event.target).closest("input, textarea, video")) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
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
