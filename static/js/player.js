// @ts-check
/* The player of an opened clip: it starts by itself where that is welcome, with sound if this person last had it on. */

const SOUND = "player-sound";
const moves = matchMedia("(prefers-reduced-motion: no-preference)");

/** @param {HTMLVideoElement} video */
function start(video) {
  video.muted = localStorage.getItem(SOUND) !== "on";
  video.addEventListener("volumechange", () => {
    // Without a word from the person, it was the browser that muted the clip.
    if (navigator.userActivation.hasBeenActive) localStorage.setItem(SOUND, video.muted ? "off" : "on");
  });
  if (!moves.matches || navigator.connection?.saveData) return;
  video.play().catch(() => {
    // A browser may refuse sound until the page was used; a muted clip may always play.
    video.muted = true;
    video.play().catch(() => {});
  });
}

/** @param {ParentNode} part */
const startAll = (part) => part.querySelectorAll(/** @type {"video"} */ (".stage video")).forEach(start);

startAll(document);
document.addEventListener("htmx:load", (event) => {
  if (event.detail.elt !== document.body) startAll(event.detail.elt);
});
