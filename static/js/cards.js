// @ts-check
/* Cards of clips: elapsed time, playing on hover, and the page's only poller. */

const POLL_SECONDS = 1.5;
const NEXT_POLL_SECONDS = 0.1;
const SOON_POLL_SECONDS = 0.7;
const LINE_POLL_SECONDS = 4;
const PARKED_POLL_SECONDS = 8;
const SHARED_POLL_SECONDS = 20;
const HIDDEN_POLL_SECONDS = 15;
const MAX_POLL_SECONDS = 30;
const HOVER_SECONDS = 0.15;

// --- Elapsed time. The server sends the start value and the browser only adds to it, so its clock may be wrong ---

/** When each time element arrived. @type {WeakMap<Element, number>} */
const received = new WeakMap();

/** @param {number} seconds */
function clock(seconds) {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

function tick() {
  const now = performance.now();
  /** @type {NodeListOf<HTMLTimeElement>} */
  const times = document.querySelectorAll("time[data-elapsed]");
  for (const time of times) {
    const since = received.get(time) ?? now;
    received.set(time, since);
    const text = clock(Number(time.dataset.elapsed) + Math.floor((now - since) / 1000));
    if (time.textContent !== text) time.textContent = text;
  }
}
setInterval(tick, 1000);
tick();

// --- Muted playback: on hover where the device hovers and motion is welcome, and by the button everywhere ---

const hovers = matchMedia("(hover: hover) and (prefers-reduced-motion: no-preference)");
const savesData = () => navigator.connection?.saveData === true;

/** @param {HTMLElement} media */
function play(media) {
  let video = media.querySelector("video");
  if (!video) {
    const added = document.createElement("video");
    Object.assign(added, { muted: true, loop: true, playsInline: true, src: media.dataset.video });
    added.addEventListener("playing", () => media.classList.toggle("playing", !added.paused));
    media.querySelector(".open")?.append(added);
    video = added;
  }
  video.play().catch(() => rewind(media));
  media.querySelector("[data-play]")?.setAttribute("aria-pressed", "true");
}

/** @param {Element} media */
function rewind(media) {
  const video = media.querySelector("video");
  media.classList.remove("playing");
  media.querySelector("[data-play]")?.setAttribute("aria-pressed", "false");
  if (video) {
    // Without its source, it stops loading too.
    video.removeAttribute("src");
    video.load();
    video.remove();
  }
}

/** @param {Event} event */
function hovered(event) {
  return event.target instanceof HTMLElement && event.target.matches(".media[data-video]") ? event.target : null;
}
let hover = 0;
document.addEventListener(
  "pointerenter",
  (event) => {
    const media = hovered(event);
    if (!media || event.pointerType !== "mouse" || !hovers.matches || savesData()) return;
    // A pointer on its way across the page loads nothing.
    clearTimeout(hover);
    hover = setTimeout(() => play(media), HOVER_SECONDS * 1000);
  },
  true,
);
document.addEventListener(
  "pointerleave",
  (event) => {
    const media = hovered(event);
    if (!media || event.pointerType !== "mouse") return;
    clearTimeout(hover);
    rewind(media);
  },
  true,
);
document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-play]");
  /** @type {HTMLElement | null | undefined} */
  const media = button?.closest(".media");
  if (!button || !media) return;
  const wasPlaying = button.getAttribute("aria-pressed") === "true";
  for (const other of document.querySelectorAll(".media.playing")) rewind(other);
  if (wasPlaying) rewind(media);
  else play(media);
});

// --- The poller: runs while clips are open, slows down in a hidden tab, and stops once everything is done, except
// where others may share clips ---

let timer = 0;
let failures = 0;

const poller = () => document.getElementById("updates");
const isNeeded = () => (poller()?.dataset.poll ?? "off") !== "off" || document.querySelector(".card.is-open") !== null;

// Nothing on the page is about to change: every clip has others ahead of it, or waits for the provider account.
const isFarInLine = () =>
  document.querySelector(".phase") !== null &&
  document.querySelector(".phase:is([data-wait=''], [data-wait='1'])") === null;

function usualSeconds() {
  // The last answer was full: somebody changed many clips at once.
  if (poller()?.dataset.poll === "now") return NEXT_POLL_SECONDS;
  if (document.hidden) return HIDDEN_POLL_SECONDS;
  // A clip that is being saved is almost done.
  if (document.querySelector(".card.is-saving") !== null) return SOON_POLL_SECONDS;
  if (poller()?.dataset.poll === "slow" && !document.querySelector(".card.is-open")) return SHARED_POLL_SECONDS;
  // Nothing is being made: only requests wait, for people.
  if (!document.querySelector(".card.is-open") && document.querySelector(".card.is-parked")) return PARKED_POLL_SECONDS;
  return isFarInLine() ? LINE_POLL_SECONDS : POLL_SECONDS;
}

function pollLater() {
  clearTimeout(timer);
  if (!isNeeded()) return;
  timer = setTimeout(pollNow, Math.min(usualSeconds() * 2 ** failures, MAX_POLL_SECONDS) * 1000);
}

function pollNow() {
  clearTimeout(timer);
  const element = poller();
  if (element) htmx.trigger(element, "poll");
}

// Back on this tab: clips may have been started in another tab or by a program.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) pollNow();
});
document.addEventListener("htmx:afterRequest", (event) => {
  const { successful, requestConfig } = event.detail;
  // Not event.detail.elt: after the poller replaces itself, that is its parent.
  if (requestConfig.elt.id === "updates") {
    failures = successful ? 0 : failures + 1;
    pollLater();
  } else if (successful && requestConfig.verb === "post" && poller()) {
    // The action may have changed counts, credits or cards, so poll now.
    setTimeout(pollNow, 50);
    // What people make of a clip is answered with its part of the page, so that the player goes on.
    const detail = requestConfig.elt.closest(".organise, .player") ? null : requestConfig.elt.closest(".detail");
    if (detail) htmx.trigger(detail, "changed");
  }
});
pollLater();

// --- Incoming parts: only those this page has, only if newer, and never replacing a playing clip ---

/**
 * @param {HTMLElement} part
 * @param {HTMLElement} current
 */
function isStale(part, current) {
  const ahead = Number(part.dataset.version) - Number(current.dataset.version);
  // A place in line can change without the clip.
  const isUnchanged = ahead === 0 && part.dataset.wait === current.dataset.wait;
  return (
    ahead < 0 || isUnchanged || (part.matches(".is-completed") && current.querySelector(".media.playing") !== null)
  );
}

/** @param {string} text */
function dropUnwantedParts(text) {
  const answer = document.createElement("template");
  answer.innerHTML = text;
  /** @type {NodeListOf<HTMLElement>} */
  const parts = answer.content.querySelectorAll("[hx-swap-oob='true']");
  for (const part of parts) {
    const current = document.getElementById(part.id);
    // A table has no room for a card: of what changes there, only what goes is shown.
    const isInTable = current?.closest("tbody") && !part.hidden;
    const stays = !current || isInTable || (part.dataset.version && isStale(part, current));
    const detail = document.getElementById(part.id.replace("clip-", "detail-"));
    if (part.matches("article.card") && detail?.hasAttribute("data-open")) htmx.trigger(detail, "changed");
    if (stays) part.remove();
  }
  for (const list of answer.content.querySelectorAll("[hx-swap-oob^='afterbegin:']")) {
    const selector = list.getAttribute("hx-swap-oob")?.split(":")[1] ?? "";
    for (const card of [...list.children]) if (document.getElementById(card.id)) card.remove();
    if (!list.children.length || !document.querySelector(selector)) list.remove();
  }
  return answer.innerHTML;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.serverResponse.includes("hx-swap-oob")) {
    event.detail.serverResponse = dropUnwantedParts(event.detail.serverResponse);
  }
});
document.addEventListener("htmx:afterSettle", tick);
