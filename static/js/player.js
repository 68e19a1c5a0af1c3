// @ts-check
/* The player of an opened clip: it starts by itself where that is welcome, with sound if this person last had it on.
   Its keys stand in for the browser's own controls, which know neither frames nor the shape of the sound. */

import { isShortcut } from "./shortcuts.js";

const SOUND = "player-sound";
const VOLUME = "player-volume";
const PLACES = "player-places";
const MAX_PLACES = 20;
/** In frames: the clock may stand a hair before the frame that is shown. */
const ROUNDING = 0.01;
const moves = matchMedia("(prefers-reduced-motion: no-preference)");

// --- The player's keys ---

/** @param {HTMLElement} player */
function start(player) {
  const video = /** @type {HTMLVideoElement} */ (player.querySelector("video"));
  const transport = /** @type {HTMLElement} */ (player.querySelector(".transport"));
  const scrub = /** @type {HTMLInputElement} */ (player.querySelector("[data-scrub]"));
  const now = /** @type {HTMLElement} */ (player.querySelector("[data-now]"));
  const end = /** @type {HTMLElement} */ (player.querySelector("[data-end]"));
  const speed = /** @type {HTMLSelectElement} */ (player.querySelector("[data-speed]"));
  const volume = /** @type {HTMLInputElement | null} */ (player.querySelector("[data-volume]"));
  const rate = Number(player.dataset.frameRate);
  const count = Number(player.dataset.frameCount);
  const perSecond = Math.max(Math.round(rate), 1);
  const press = (/** @type {string} */ name, /** @type {boolean} */ isOn) =>
    player.querySelector(`[data-do="${name}"]`)?.setAttribute("aria-pressed", String(isOn));

  /** Seconds and frames: "0:03.08". @param {number} frame */
  function timecode(frame) {
    const seconds = Math.floor(frame / perSecond);
    const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
    return `${Math.floor(seconds / 60)}:${two(seconds % 60)}.${two(frame % perSecond)}`;
  }

  const shownFrame = () => Math.max(0, Math.min(Math.floor(video.currentTime * rate + ROUNDING), count - 1));

  function show() {
    const frame = shownFrame();
    const text = timecode(frame);
    if (now.textContent !== text) now.textContent = text;
    scrub.value = String(frame);
    scrub.setAttribute("aria-valuetext", text);
    transport.style.setProperty("--at", String(Math.min((video.currentTime * rate) / count, 1)));
    /** @type {NodeListOf<HTMLInputElement>} */
    const moments = player.querySelectorAll("[data-moment]");
    for (const moment of moments) moment.value = ((frame + 0.5) / rate).toFixed(3);
  }

  /** @param {number} frame */
  function seek(frame) {
    video.pause();
    // The middle of a frame: its edges belong to its neighbours too, once they are rounded.
    video.currentTime = (Math.max(0, Math.min(frame, count - 1)) + 0.5) / rate;
    show();
  }

  function follow() {
    show();
    if (!video.paused && video.isConnected) requestAnimationFrame(follow);
  }

  function showSound() {
    press("mute", video.muted || video.volume === 0);
    if (volume) volume.value = String(video.muted ? 0 : Math.round(video.volume * 100));
  }

  /** @param {boolean} isOn */
  function loop(isOn) {
    video.loop = isOn;
    press("loop", isOn);
  }

  /** @type {Record<string, () => void>} */
  const actions = {
    play: () => (video.paused ? video.play().catch(() => {}) : video.pause()),
    back: () => seek(shownFrame() - 1),
    forward: () => seek(shownFrame() + 1),
    loop: () => loop(!video.loop),
    mute: () => {
      video.muted = !video.muted;
      if (!video.muted && video.volume === 0) video.volume = 1;
    },
    fill: () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else if (document.fullscreenEnabled) player.requestFullscreen();
      else video.webkitEnterFullscreen?.();
    },
  };
  player.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    /** @type {HTMLElement | null} */
    const pressed = target.closest("[data-do]");
    if (pressed) actions[pressed.dataset.do ?? ""]?.();
    else if (target === video) actions.play();
    // The menu of the frame has done its work.
    if (target.closest("button.item")) setTimeout(() => player.querySelector("details[open]")?.removeAttribute("open"));
  });
  scrub.addEventListener("input", () => seek(Number(scrub.value)));
  speed.addEventListener("change", () => {
    video.playbackRate = Number(speed.value);
  });
  volume?.addEventListener("input", () => {
    video.volume = Number(volume.value) / 100;
    video.muted = video.volume === 0;
    localStorage.setItem(VOLUME, volume.value);
  });
  for (const name of ["play", "pause"]) {
    video.addEventListener(name, () => {
      press("play", !video.paused);
      follow();
    });
  }
  for (const name of ["seeked", "timeupdate", "loadedmetadata"]) video.addEventListener(name, show);

  video.controls = false;
  transport.hidden = false;
  end.textContent = timecode(count);
  const kept = Number(localStorage.getItem(VOLUME) ?? 100);
  if (kept > 0 && kept <= 100) video.volume = kept / 100;
  video.muted = localStorage.getItem(SOUND) !== "on";
  video.addEventListener("volumechange", () => {
    showSound();
    // Without a word from the person, it was the browser that muted the clip.
    if (navigator.userActivation.hasBeenActive) localStorage.setItem(SOUND, video.muted ? "off" : "on");
  });
  showSound();

  const place = takePlace(player);
  if (place) {
    speed.value = String(place.speed);
    video.playbackRate = place.speed;
    loop(place.loops);
    video.currentTime = place.seconds;
  }
  show();
  if (place ? place.plays : moves.matches && !navigator.connection?.saveData) begin(video);
}

/** @param {HTMLVideoElement} video */
function begin(video) {
  video.play().catch(() => {
    // A browser may refuse sound until the page was used; a muted clip may always play.
    video.muted = true;
    video.play().catch(() => {});
  });
}

// --- Space plays, comma and full stop go by frames ---

/** What each shortcut presses. */
const PRESSES = { play_clip: "play", frame_back: "back", frame_on: "forward" };

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const action = Object.entries(PRESSES).find(([shortcut]) => isShortcut(event, shortcut))?.[1];
  if (!action) return;
  // Space presses what has the focus.
  if (event.key === " " && target.closest("a, button, summary")) return;
  // Nothing but what is on top is meant.
  const top = document.querySelector("dialog:modal") ?? document;
  /** @type {HTMLElement | null} */
  const key = top.querySelector(`.player [data-do="${action}"]`);
  if (!key) return;
  event.preventDefault();
  if (!(event.key === " " && event.repeat)) key.click();
});

// --- Where each clip was when its page was left or refreshed: its player goes on from there ---

/** @typedef {{ seconds: number, plays: boolean, speed: number, loops: boolean }} Place */

/** @returns {[string, Place][]} */
function places() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACES) ?? "[]");
  } catch {
    return [];
  }
}

/** @param {Element} player */
const idOf = (player) => player.closest(".detail")?.id ?? "";

/** @param {Element} player */
function keepPlace(player) {
  const video = player.querySelector("video");
  if (!video) return;
  const { currentTime, paused, playbackRate, loop } = video;
  const others = places().filter(([id]) => id !== idOf(player));
  const place = { seconds: currentTime, plays: !paused, speed: playbackRate, loops: loop };
  sessionStorage.setItem(PLACES, JSON.stringify([...others, [idOf(player), place]].slice(-MAX_PLACES)));
}

/**
 * @param {Element} player
 * @returns {Place | undefined}
 */
function takePlace(player) {
  const kept = places();
  const found = kept.find(([id]) => id === idOf(player));
  if (found) sessionStorage.setItem(PLACES, JSON.stringify(kept.filter((other) => other !== found)));
  return found?.[1];
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const detail = /** @type {Element} */ (event.target);
  const player = detail.matches(".detail") ? detail.querySelector(".player") : null;
  if (player) keepPlace(player);
});
window.addEventListener("pagehide", () => {
  for (const player of document.querySelectorAll(".player")) keepPlace(player);
});
window.addEventListener("pageshow", (event) => {
  // The page came back as it was.
  if (event.persisted) for (const player of document.querySelectorAll(".player")) takePlace(player);
});

/** @param {ParentNode} part */
function startAll(part) {
  /** @type {NodeListOf<HTMLElement>} */
  const players = part.querySelectorAll(".player");
  for (const player of players) start(player);
}

startAll(document);
document.addEventListener("htmx:load", (event) => {
  if (event.detail.elt !== document.body) startAll(event.detail.elt);
});
