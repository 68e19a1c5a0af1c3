// @ts-check
/* Shortcuts: every script that handles a key asks here whether it is meant. The table is the list for people, in the
   page; single characters can be turned off in the account. */

const list = () => /** @type {HTMLDialogElement | null} */ (document.getElementById("shortcuts"));

/** Whether a key is typed into something, or belongs to an open menu. @param {EventTarget | null} target */
function isTaken(target) {
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable ||
    target.closest("input:not([type='checkbox'], [type='range']), textarea, select, .menu") !== null
  );
}

const isCharacter = (/** @type {string} */ key) => key.length === 1 && key !== " ";

/** Whether a key may mean anything but itself. @param {KeyboardEvent} event */
export function isFree(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTaken(event.target)) return false;
  return !isCharacter(event.key) || !list()?.hasAttribute("data-no-letters");
}

/**
 * Whether a key is meant as this shortcut of the table.
 * @param {KeyboardEvent} event
 * @param {string} name
 */
export function isShortcut(event, name) {
  if (!isFree(event)) return false;
  const keys = list()?.querySelector(`[data-shortcut="${name}"]`)?.getAttribute("data-keys")?.split(" ") ?? [];
  const key = event.key === " " ? "Space" : event.key;
  return keys.includes(isCharacter(key) ? key.toLowerCase() : key);
}

document.addEventListener("keydown", (event) => {
  if (!isShortcut(event, "shortcuts") || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  list()?.showModal();
});

// The account menu's link leads to the same list as a page of its own.
document.addEventListener("click", (event) => {
  const link = /** @type {Element} */ (event.target).closest("[data-shortcuts]");
  const dialog = list();
  if (event.target === dialog) dialog?.close();
  if (!link || !dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  link.closest("details")?.removeAttribute("open");
  dialog.showModal();
});
