// @ts-check
/* For every page of somebody who is signed in: the bell follows what is new, and where the person asked for it on this
   device, the browser shows it while the page is in the background. Nothing is pushed: a page has to be open. */

const ASK_SECONDS = 25;
const WANTED = "browser-notices";
const SHOWN = "browser-notices-shown";
const WORKER = "/service-worker.js";

const bell = () => document.getElementById("bell");
const isPossible = "Notification" in window && "serviceWorker" in navigator;
const isWanted = () => isPossible && Notification.permission === "granted" && localStorage.getItem(WANTED) === "on";

/**
 * Show something, unless the person is looking at this page anyhow.
 * @param {string} title
 * @param {string} body
 * @param {string} url
 * @param {string} tag the same for the same thing, so that no second tab shows it again
 */
async function show(title, body, url, tag) {
  if (!isWanted() || (!document.hidden && document.hasFocus())) return;
  const registration = await navigator.serviceWorker.ready;
  await registration.showNotification(title, {
    body,
    tag,
    lang: document.documentElement.lang,
    icon: /** @type {HTMLLinkElement | null} */ (document.querySelector("link[rel=icon]"))?.href,
    data: { url: new URL(url, location.href).href },
  });
}

/** Have the worker ready before it is needed. */
function prepare() {
  if (isWanted()) navigator.serviceWorker.register(WORKER).catch(() => {});
}
prepare();

// --- The bell ---

/** @typedef {{ bell: string, latest: number, news: { id: number, title: string, text: string, url: string }[] }} Answer */

async function ask() {
  const shown = bell();
  if (!shown?.dataset.newsUrl) return;
  const url = `${shown.dataset.newsUrl}?after=${shown.dataset.latest}&count=${encodeURIComponent(shown.dataset.count ?? "")}`;
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  if (response.status !== 200 || response.redirected) return;
  /** @type {Answer} */
  const answer = await response.json();
  const template = document.createElement("template");
  template.innerHTML = answer.bell;
  bell()?.replaceWith(template.content);
  // Whichever tab is first shows it.
  await navigator.locks?.request(SHOWN, async () => {
    const before = Number(localStorage.getItem(SHOWN) ?? 0);
    for (const each of answer.news) {
      if (each.id > before) await show(each.title, each.text, each.url, `notice-${each.id}`);
    }
    localStorage.setItem(SHOWN, String(Math.max(before, answer.latest)));
  });
}

if (bell()) {
  // A page that nobody sees asks too where its person wants to hear of it; else it waits until they are back.
  const due = () => {
    if (!document.hidden || isWanted()) ask().catch(() => {});
  };
  setInterval(due, ASK_SECONDS * 1000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) due();
  });
}

// --- Clips: what this page announces while nobody looks at it ---

const announcer = document.getElementById("announcer");
if (announcer && isPossible) {
  new MutationObserver(() => {
    const text = announcer.textContent?.trim();
    if (text && document.hidden) show("Tchavi Studio", text, location.href, `page-${text}`).catch(() => {});
  }).observe(announcer, { childList: true, characterData: true, subtree: true });
}

// --- The switch, in the account under Notices: absent where the browser can't ---

const line = document.getElementById("browser-notices");
const box = line?.querySelector("input");
if (line && box && isPossible && window.isSecureContext) {
  const blocked = /** @type {HTMLElement} */ (line.querySelector("[data-blocked]"));
  const draw = () => {
    box.checked = isWanted();
    blocked.hidden = Notification.permission !== "denied";
  };
  box.addEventListener("change", async () => {
    if (box.checked) {
      localStorage.setItem(WANTED, "on");
      await Notification.requestPermission();
      prepare();
    } else {
      localStorage.removeItem(WANTED);
    }
    draw();
  });
  line.hidden = false;
  draw();
}
