// @ts-check
/* The months beside the gallery: which one is in view, and on phones a bubble that says so while the page scrolls. It can
   be dragged to another month. Without scripts, and for keys, there are the rail's links. */

const BUBBLE_SECONDS = 1.2;
/** Below the page's head, in pixels: what is there is read. */
const READ_FROM = 140;
/** What the bubble keeps away from, in pixels: the page's head, and the bars at the thumb. */
const [ABOVE, BELOW] = [72, 150];

/** @returns {HTMLAnchorElement[]} */
const months = () => [...document.querySelectorAll(/** @type {"a"} */ (".rail [data-month]"))];
const bubble = () => /** @type {HTMLElement | null} */ (document.querySelector(".rail-bubble"));

const isBelow = matchMedia("(max-width: 760px)");

let timer = 0;
let isDragged = false;

/** @param {HTMLAnchorElement} month */
function showBubble(month) {
  const shown = bubble();
  const all = months();
  if (!shown) return;
  const track = innerHeight - ABOVE - BELOW;
  const top = ABOVE + (track * all.indexOf(month)) / Math.max(all.length - 1, 1);
  shown.style.setProperty("--bubble-top", `${Math.round(top)}px`);
  /** @type {HTMLElement} */ (shown.firstElementChild).textContent = month.dataset.label ?? "";
  shown.classList.add("is-shown");
  hideLater();
}

function hideLater() {
  clearTimeout(timer);
  if (isDragged) return;
  timer = setTimeout(() => bubble()?.classList.remove("is-shown"), BUBBLE_SECONDS * 1000);
}

// --- The month in view ---

let isWaiting = false;

function showMonth() {
  isWaiting = false;
  const headings = [...document.querySelectorAll("#clips > .month")];
  const inView = headings.findLast((heading) => heading.getBoundingClientRect().top <= READ_FROM) ?? headings[0];
  if (!inView || isDragged) return;
  for (const month of months()) {
    const isInView = `month-${month.dataset.month}` === inView.id;
    // The rail beside the clips scrolls along; below them, that would scroll the page.
    if (isInView && !isBelow.matches && !month.hasAttribute("aria-current")) month.scrollIntoView({ block: "nearest" });
    month.toggleAttribute("aria-current", isInView);
    if (isInView && isBelow.matches) showBubble(month);
  }
}

document.addEventListener(
  "scroll",
  () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(showMonth);
  },
  { passive: true },
);

// --- Dragging the bubble ---

/** @param {PointerEvent} event */
function monthUnder({ clientY }) {
  const all = months();
  const share = (clientY - ABOVE) / (innerHeight - ABOVE - BELOW);
  return all[Math.round(Math.min(Math.max(share, 0), 1) * (all.length - 1))];
}

document.addEventListener("pointerdown", (event) => {
  const held = /** @type {Element} */ (event.target).closest(".rail-bubble");
  if (!held) return;
  event.preventDefault();
  isDragged = true;
  held.setPointerCapture(event.pointerId);
});
document.addEventListener("pointermove", (event) => {
  if (isDragged) showBubble(monthUnder(event));
});
for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
  document.addEventListener(name, (event) => {
    if (!isDragged) return;
    isDragged = false;
    hideLater();
    const month = monthUnder(event);
    if (name === "pointercancel" || month.hasAttribute("aria-current")) return;
    const heading = document.getElementById(`month-${month.dataset.month}`);
    // What the page has already is near.
    if (heading) heading.scrollIntoView();
    else month.click();
  });
}
