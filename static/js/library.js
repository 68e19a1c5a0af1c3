// @ts-check
/* The gallery's lists: new clips in their place, the month in view, takes of a stack, and the key for the search. */

const clips = () => document.getElementById("clips");

// --- Clips that arrive while the page is open stand where they were made, like those that were there before ---

/** @param {HTMLElement} card */
const keyOf = (card) => BigInt(card.dataset.key ?? 0);

/** @returns {HTMLElement[]} */
const cards = () => [...document.querySelectorAll(/** @type {"article"} */ ("#clips > .card[data-key]"))];

function settleArrivals() {
  if (!clips()?.hasAttribute("data-newest-first")) return;
  const all = cards();
  for (let number = 0; number < all.length - 1; number++) {
    const card = all[number];
    // Those further down are in order already.
    const below = all.slice(number + 1).find((other) => keyOf(other) < keyOf(card));
    if (!card.dataset.settled && below !== card.nextElementSibling) {
      if (below) below.before(card);
      else if (document.querySelector("#clips > .more")) card.remove();
      else clips()?.append(card);
    }
    card.dataset.settled = "";
  }
}
document.addEventListener("htmx:oobAfterSwap", settleArrivals);

// --- The rail shows the month in view ---

let isWaiting = false;

function showMonth() {
  isWaiting = false;
  const top = 140;
  const months = [...document.querySelectorAll("#clips > .month")];
  const inView = months.findLast((month) => month.getBoundingClientRect().top <= top) ?? months[0];
  if (!inView) return;
  for (const link of document.querySelectorAll(".rail [data-month]")) {
    const isInView = `month-${link.getAttribute("data-month")}` === inView.id;
    if (isInView && !link.hasAttribute("aria-current")) link.scrollIntoView({ block: "nearest", inline: "nearest" });
    link.toggleAttribute("aria-current", isInView);
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

// --- Bars of a stack switch its takes ---

document.addEventListener("pointerover", (event) => {
  const bar = /** @type {Element} */ (event.target).closest("[data-take]");
  const media = bar?.closest("[data-video]");
  if (!(bar instanceof HTMLAnchorElement) || !(media instanceof HTMLElement)) return;
  for (const other of media.querySelectorAll("[data-take]")) other.toggleAttribute("aria-current", other === bar);
  media.querySelector(".open img")?.setAttribute("src", bar.dataset.poster ?? "");
  media.querySelector(".open")?.setAttribute("href", bar.href);
  media.dataset.video = bar.dataset.video;
});

// --- / goes to the search ---

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.isContentEditable || target.closest("input, textarea, select, dialog")) return;
  const search = document.getElementById("search");
  if (!search) return;
  event.preventDefault();
  search.focus();
});
