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
const ORGANISE_SECONDS = 2;

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
// where others may change what is shown: such a page asks now and then while it is seen ---

let timer = 0;
let failures = 0;

/** Clips that were marked in other tabs, of which this one hasn't asked yet. @type {Set<string>} */
const marked = new Set();

const poller = () => document.getElementById("updates");
const hasOpenCards = () => document.querySelector(".card.is-open") !== null;
const isNeeded = () => marked.size > 0 || (poller()?.dataset.poll ?? "off") !== "off" || hasOpenCards();

// Nobody sees what others do meanwhile; seen again, the page asks at once.
const canWait = () => document.hidden && marked.size === 0 && poller()?.dataset.poll === "slow" && !hasOpenCards();

// Nothing on the page is about to change: every clip has others ahead of it, or waits for the provider account.
const isFarInLine = () =>
  document.querySelector(".phase") !== null &&
  document.querySelector(".phase:is([data-wait=''], [data-wait='1'])") === null;

function usualSeconds() {
  // The last answer was full: somebody changed many clips at once.
  if (marked.size || poller()?.dataset.poll === "now") return NEXT_POLL_SECONDS;
  if (document.hidden) return HIDDEN_POLL_SECONDS;
  // A clip that is being saved is almost done.
  if (document.querySelector(".card.is-saving") !== null) return SOON_POLL_SECONDS;
  if (poller()?.dataset.poll === "slow" && !hasOpenCards()) return SHARED_POLL_SECONDS;
  // Nothing is being made: only requests wait, for people.
  if (!hasOpenCards() && document.querySelector(".card.is-parked")) return PARKED_POLL_SECONDS;
  return isFarInLine() ? LINE_POLL_SECONDS : POLL_SECONDS;
}

function pollLater() {
  clearTimeout(timer);
  if (!isNeeded() || canWait()) return;
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

// --- What somebody marks in one tab, their other tabs ask for. Nobody else's do: favourites are one's own ---

const tabs = new BroadcastChannel("marked-clips");

tabs.addEventListener("message", (event) => {
  marked.add(event.data);
  pollNow();
});
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, parameters } = event.detail;
  if (elt.id !== "updates" || !marked.size) return;
  parameters.marked = [...marked].join(".");
  marked.clear();
});
document.addEventListener("htmx:afterRequest", (event) => {
  const { successful, requestConfig } = event.detail;
  const marks = requestConfig.elt.closest(".favourite, .organise");
  if (successful && requestConfig.verb === "post" && marks) tabs.postMessage(marks.id.replace(/^\w+-/, ""));
});

// --- Incoming parts: only those this page has, only if newer, and never replacing a playing clip ---

/**
 * @param {HTMLElement} part
 * @param {HTMLElement} current
 */
function isStale(part, current) {
  const ahead = Number(part.dataset.version) - Number(current.dataset.version);
  // A place in line can change without the clip, and so can what the viewer made of it.
  const isUnchanged = ahead === 0 && ["wait", "marks"].every((name) => part.dataset[name] === current.dataset[name]);
  return (
    ahead < 0 || isUnchanged || (part.matches(".is-completed") && current.querySelector(".media.playing") !== null)
  );
}

/**
 * Let the clip's page, or the dialog, show a clip as its card does.
 * @param {HTMLElement} card
 */
function refreshDetail(card) {
  const detail = document.getElementById(card.id.replace("clip-", "detail-"));
  if (detail?.hasAttribute("data-open")) htmx.trigger(detail, "changed");
  const organise = document.getElementById(card.id.replace("clip-", "organise-"));
  if (organise && organise.dataset.seen !== `${card.dataset.version}.${card.dataset.marks}`) refreshOrganise(organise);
}

/** Later, while somebody types or chooses there. @param {HTMLElement} organise */
function refreshOrganise(organise) {
  if (!organise.isConnected) return;
  if (organise.matches(":has(input:focus, [open])"))
    setTimeout(() => refreshOrganise(organise), ORGANISE_SECONDS * 1000);
  else htmx.trigger(organise, "outdated");
}

/**
 * What the page knows of a card beyond the clip: that it is selected, and the other takes on its stack.
 * @param {HTMLElement} card
 * @param {HTMLElement} current
 */
function keepWhatThePageKnows(card, current) {
  const [tick, shown] = [card, current].map((one) => one.querySelector(/** @type {"input"} */ (".tick > input")));
  if (!tick || !shown) return;
  tick.toggleAttribute("checked", shown.checked);
  const [count, takes] = [".take-count", ".takes"].map((part) => current.querySelector(part));
  if (!count || !takes || !card.matches(".is-completed")) return;
  card.classList.add("is-stack");
  tick.value = shown.value;
  tick.setAttribute("value", shown.value);
  card.querySelector(".tags")?.append(count.cloneNode(true));
  card.querySelector(".media")?.append(takes.cloneNode(true));
}

/** @param {string} text */
function dropUnwantedParts(text) {
  const answer = document.createElement("template");
  answer.innerHTML = text;
  // Rows of a table come in templates.
  const places = [answer, ...answer.content.querySelectorAll("template")].map((template) => template.content);
  const find = (/** @type {string} */ selector) =>
    places.flatMap((place) => [...place.querySelectorAll(/** @type {"article"} */ (selector))]);
  for (const part of find("[hx-swap-oob='true']")) {
    const current = document.getElementById(part.id);
    const isClip = part.matches(".card, .clip-row");
    // A table has no room for a card.
    const isMisplaced = current?.matches(".clip-row") && part.matches(".card");
    if (isClip) refreshDetail(part);
    if (!current || isMisplaced || (part.dataset.version && isStale(part, current))) part.remove();
    else if (isClip) keepWhatThePageKnows(part, current);
  }
  for (const list of find("[hx-swap-oob^='afterbegin:']")) {
    const selector = list.getAttribute("hx-swap-oob")?.split(":")[1] ?? "";
    for (const card of [...list.children]) if (document.getElementById(card.id)) card.remove();
    if (!list.children.length || !document.querySelector(selector)) list.remove();
  }
  for (const template of answer.content.querySelectorAll("template"))
    if (!template.content.children.length) template.remove();
  return answer.innerHTML;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.serverResponse.includes("hx-swap-oob")) {
    event.detail.serverResponse = dropUnwantedParts(event.detail.serverResponse);
  }
});
document.addEventListener("htmx:afterSettle", tick);
