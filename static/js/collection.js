// @ts-check
/* The order of a collection: cards are dragged, or moved by Alt and an arrow key. The buttons work without this. */

const grid = /** @type {HTMLElement | null} */ (document.querySelector("#clips[data-ordered]"));

/** @returns {HTMLElement[]} */
const cards = () => [...(grid?.querySelectorAll(/** @type {"article"} */ (":scope > .card:not([hidden])")) ?? [])];
const idOf = (/** @type {Element} */ card) => card.id.replace("clip-", "");

/** Where the moved card stood, to put it back if it is refused. @type {{ card: Element, next: Element | null } | null} */
let before = null;

/**
 * Put the card where its form says it goes, or away if this page doesn't reach that far.
 * @param {HTMLElement} card
 * @param {Record<string, unknown>} wanted
 */
function put(card, wanted) {
  const all = cards();
  const at = all.indexOf(card);
  const [first, last] = [all[0], all[all.length - 1]];
  const { place } = wanted;
  if (wanted.before) document.getElementById(`clip-${wanted.before}`)?.before(card);
  else if (wanted.after) document.getElementById(`clip-${wanted.after}`)?.after(card);
  else if (place === "earlier") all[at - 1]?.before(card);
  else if (place === "later") all[at + 1]?.after(card);
  else if (place === "first" && first !== card) first?.before(card);
  else if (place === "last" && grid?.querySelector(":scope > .more")) card.remove();
  else if (place === "last" && last !== card) last?.after(card);
}

/** @param {Element} form */
const isMove = (form) => form.matches("[data-move]");

document.addEventListener("htmx:configRequest", (event) => {
  const { elt: form, parameters } = event.detail;
  const card = /** @type {HTMLElement | null} */ (form.closest(".card"));
  if (!(form instanceof HTMLFormElement) || !isMove(form) || !card) return;
  before = { card, next: card.nextElementSibling };
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  put(card, parameters);
  // A card that is moved loses the focus.
  if (focused && card.contains(focused)) focused.focus();
  for (const menu of card.querySelectorAll("details[open]")) menu.removeAttribute("open");
});

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.requestConfig.elt;
  if (!isMove(form)) return;
  for (const side of form.querySelectorAll(/** @type {"input"} */ ("[name='before'], [name='after']"))) side.value = "";
  if (!event.detail.successful && before) grid?.insertBefore(before.card, before.next);
  before = null;
});

// --- Keys ---

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const place = { ArrowLeft: "earlier", ArrowRight: "later" }[event.key];
  if (!event.altKey || event.ctrlKey || event.metaKey || !place || target.closest("dialog, input, textarea")) return;
  const button = target.closest("[data-ordered] .card")?.querySelector(`[data-move] [value='${place}']`);
  if (!(button instanceof HTMLElement)) return;
  // The browser would go back or forward.
  event.preventDefault();
  button.click();
});

// --- Dragging ---

/** @type {HTMLElement | null} */
let dragged = null;

/** @param {DragEvent} event */
function aimedAt(event) {
  const card = /** @type {HTMLElement | null} */ (
    /** @type {Element} */ (event.target).closest("[data-ordered] > .card")
  );
  if (!card || !dragged || card === dragged) return null;
  const box = card.getBoundingClientRect();
  return { card, side: event.clientX < box.left + box.width / 2 ? "before" : "after" };
}

function unmark() {
  for (const card of cards()) card.classList.remove("goes-before", "goes-after");
}

grid?.addEventListener("pointerdown", (event) => {
  /** @type {HTMLElement | null} */
  const card = /** @type {Element} */ (event.target).closest(".card");
  if (card) card.draggable = event.pointerType === "mouse";
});
grid?.addEventListener("dragstart", (event) => {
  dragged = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".card"));
  if (!dragged || !event.dataTransfer) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", idOf(dragged));
  event.dataTransfer.setDragImage(dragged, 40, 40);
  dragged.classList.add("is-dragged");
});
grid?.addEventListener("dragover", (event) => {
  const aim = aimedAt(event);
  unmark();
  if (!aim) return;
  event.preventDefault();
  aim.card.classList.add(`goes-${aim.side}`);
});
grid?.addEventListener("drop", (event) => {
  const aim = aimedAt(event);
  const form = /** @type {HTMLFormElement | null | undefined} */ (dragged?.querySelector("[data-move]"));
  const field = form?.querySelector(`[name='${aim?.side}']`);
  if (!aim || !form || !(field instanceof HTMLInputElement)) return;
  event.preventDefault();
  field.value = idOf(aim.card);
  form.requestSubmit();
});
grid?.addEventListener("dragend", () => {
  dragged?.classList.remove("is-dragged");
  dragged = null;
  unmark();
});
