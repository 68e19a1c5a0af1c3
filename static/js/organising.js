// @ts-check
/* F marks the card that has the focus, or is under the pointer, as a favourite. */

import { isShortcut } from "./shortcuts.js";

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (!isShortcut(event, "favourite") || event.repeat || target.closest("dialog")) return;
  const card = target.closest(".card") ?? document.querySelector(".card:hover");
  card?.querySelector(/** @type {"button"} */ ("[data-favourite]"))?.click();
});
