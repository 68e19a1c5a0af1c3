// @ts-check
/* F marks the card that has the focus, or is under the pointer, as a favourite. */

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.key !== "f" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (target.isContentEditable || target.closest("input:not([type='checkbox']), textarea, select, dialog, .menu"))
    return;
  const card = target.closest(".card") ?? document.querySelector(".card:hover");
  card?.querySelector(/** @type {"button"} */ ("[data-favourite]"))?.click();
});
