// @ts-check
/* Rows of the gallery that are far from view leave the page, and come back before they are seen: however long somebody
   scrolls, the page stays light. A gap of the same height keeps their place. */

const NEAR_SCREENS = 3;
const ROWS_PER_GAP = 8;

/** What each gap stands for. @type {WeakMap<Element, Element[]>} */
const kept = new WeakMap();

const list = () => document.querySelector(".library #clips");

/** @param {DOMRect} box */
function isDistant({ top, bottom }) {
  const near = NEAR_SCREENS * innerHeight;
  return bottom < -near || top > innerHeight + near;
}

/** What may leave: not what changes by itself, has the focus, is selected or plays. @param {Element} element */
function mayLeave(element) {
  return (
    element.matches(".card, .month, .rest") &&
    !element.matches(".is-open, :focus-within, :has(:checked, .playing, [open])")
  );
}

/** @param {Element} gap */
function comeBack(gap) {
  gap.replaceWith(...(kept.get(gap) ?? []));
}

/** @param {Element} clips */
function bringBackWhatIsNear(clips) {
  const near = [...clips.querySelectorAll(".gap")].filter((gap) => !isDistant(gap.getBoundingClientRect()));
  for (const gap of near) comeBack(gap);
}

/**
 * Replace whole rows by a gap.
 * @param {Element[]} leaving
 * @param {number} height
 */
function leave(leaving, height) {
  const gap = document.createElement("div");
  gap.className = "gap";
  gap.style.height = `${height}px`;
  leaving[0].before(gap);
  kept.set(gap, leaving);
  for (const element of leaving) element.remove();
}

function tidy() {
  const clips = list();
  if (!clips) return;
  bringBackWhatIsNear(clips);
  // Everything is measured before anything changes: to look after a change lays the page out again.
  const rowGap = Number.parseFloat(getComputedStyle(clips).rowGap) || 0;
  /** @type {[Element[], number][]} */
  const groups = [];
  /** @type {Element[]} */
  let leaving = [];
  let rows = 0;
  let top = 0;
  let bottomBefore = Number.NEGATIVE_INFINITY;
  for (const element of clips.children) {
    const box = element.getBoundingClientRect();
    const isRow = box.top >= bottomBefore - 1;
    if (isRow && rows >= ROWS_PER_GAP) {
      groups.push([leaving, box.top - top - rowGap]);
      leaving = [];
      rows = 0;
    }
    if (mayLeave(element) && isDistant(box) && (isRow || leaving.length)) {
      if (!leaving.length) top = box.top;
      leaving.push(element);
      rows += isRow ? 1 : 0;
    } else {
      leaving = [];
      rows = 0;
    }
    bottomBefore = box.bottom;
  }
  for (const [elements, height] of groups) leave(elements, height);
}

let timer = 0;
document.addEventListener(
  "scroll",
  () => {
    const clips = list();
    if (!clips) return;
    bringBackWhatIsNear(clips);
    clearTimeout(timer);
    timer = setTimeout(tidy, 200);
  },
  { passive: true },
);

// Of another width, gaps would have other heights.
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  for (const gap of document.querySelectorAll(".library .gap")) comeBack(gap);
});
