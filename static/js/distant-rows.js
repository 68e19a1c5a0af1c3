// @ts-check
/* Rows of the gallery that are far from view leave the page, and come back before they are seen: however long somebody
   scrolls, the page stays light. A gap of the same height keeps their place. */

const NEAR_SCREENS = 3;
const ROWS_PER_GAP = 8;

/** What each gap stands for. @type {WeakMap<Element, Element[]>} */
const kept = new WeakMap();

const list = () => document.querySelector(".library #clips");

/** @param {Element} element */
function isDistant(element) {
  const { top, bottom } = element.getBoundingClientRect();
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

/**
 * Replace whole rows by a gap: from the first of a row to the last of another.
 * @param {Element[]} leaving
 */
function leave(leaving) {
  const first = leaving[0];
  const last = leaving[leaving.length - 1];
  const next = last.nextElementSibling;
  if (!next) return;
  const height = next.getBoundingClientRect().top - first.getBoundingClientRect().top;
  const gap = document.createElement("div");
  gap.className = "gap";
  first.before(gap);
  const rowGap = Number.parseFloat(getComputedStyle(/** @type {Element} */ (list())).rowGap) || 0;
  gap.style.height = `${height - rowGap}px`;
  kept.set(gap, leaving);
  for (const element of leaving) element.remove();
}

/** @param {Element} before @param {Element} after */
const startsRow = (before, after) => after.getBoundingClientRect().top >= before.getBoundingClientRect().bottom - 1;

function tidy() {
  const clips = list();
  if (!clips) return;
  for (const gap of clips.querySelectorAll(".gap")) if (!isDistant(gap)) comeBack(gap);
  /** @type {Element[]} */
  let leaving = [];
  let rows = 0;
  let before = null;
  for (const element of [...clips.children]) {
    const isRow = before === null || startsRow(before, element);
    if (isRow && rows >= ROWS_PER_GAP) {
      leave(leaving);
      leaving = [];
      rows = 0;
    }
    if (mayLeave(element) && isDistant(element) && (isRow || leaving.length)) {
      leaving.push(element);
      rows += isRow ? 1 : 0;
    } else {
      leaving = [];
      rows = 0;
    }
    before = element.isConnected ? element : null;
  }
}

let timer = 0;
document.addEventListener(
  "scroll",
  () => {
    const clips = list();
    if (!clips) return;
    for (const gap of clips.querySelectorAll(".gap")) if (!isDistant(gap)) comeBack(gap);
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
