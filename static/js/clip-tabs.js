// @ts-check
/* The part of a clip that a phone shows stays the same when the clip is refreshed, and from clip to clip. */

const TAB = "clip-tab";

document.addEventListener("change", (event) => {
  const tab = /** @type {HTMLInputElement} */ (event.target);
  if (tab.matches("[data-clip-tab]")) sessionStorage.setItem(TAB, tab.value);
});

/** @param {ParentNode} part */
function choose(part) {
  const kept = sessionStorage.getItem(TAB);
  /** @type {NodeListOf<HTMLInputElement>} */
  const tabs = part.querySelectorAll("[data-clip-tab]");
  for (const tab of tabs) if (tab.value === kept) tab.checked = true;
}

choose(document);
document.addEventListener("htmx:load", (event) => choose(event.detail.elt));
