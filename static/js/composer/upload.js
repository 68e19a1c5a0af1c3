// @ts-check
/* One file on its way into the composer: a chip with a bar while it goes up, a reason in its place if it is refused. */

import { chipsIn } from "./arrangement.js";
import { refusalOf } from "./chips.js";
import { find, post, tellChange, wordsOf } from "./form.js";

const HIGHLIGHT_MS = 1200;

/** The studio examines a few files at a time; the others wait here, without holding a connection. */
const MAX_AT_ONCE = 2;

let underWay = 0;
/** @type {(() => void)[]} */
const waiting = [];

/** A file that was picked, dropped or pasted, or the URL of one. @typedef {{ file: File } | { url: string }} Source */

/**
 * @param {HTMLFormElement} form
 * @param {import("./arrangement.js").Arrangement} arrangement
 * @param {HTMLElement} slot
 * @param {Source} source
 */
export async function upload(form, arrangement, slot, source) {
  const words = wordsOf(form);
  const chip = pendingChip(form, source);
  slot.append(chip);
  const bar = find(chip, "progress", HTMLProgressElement);
  let abort = () => {};
  find(chip, "[data-cancel]", HTMLButtonElement).addEventListener("click", () => {
    chip.remove();
    abort();
    tellChange(form);
  });
  const retry = () => upload(form, arrangement, slot, source);
  await turn();
  try {
    if (!chip.isConnected) return;
    const sent = send(form, source, bar);
    abort = sent.abort;
    const { asset, refusal, may_retry: mayRetry } = await sent.answer;
    if (asset) await place(form, arrangement, slot, chip, asset);
    else fail(form, chip, refusal ?? words.interrupted, mayRetry ? retry : undefined);
  } catch {
    if (chip.isConnected) fail(form, chip, words.interrupted, retry);
  } finally {
    endTurn();
  }
}

async function turn() {
  if (underWay < MAX_AT_ONCE) underWay += 1;
  else await new Promise((resolve) => waiting.push(() => resolve(undefined)));
}

function endTurn() {
  const next = waiting.shift();
  if (next) next();
  else underWay -= 1;
}

/** @param {HTMLFormElement} form @param {Source} source @param {HTMLProgressElement} bar
 * @returns {{ answer: Promise<import("./form.js").Stored>, abort: () => void }} */
function send(form, source, bar) {
  const { answer, abort } = /** @type {{ answer: Promise<import("./form.js").Stored>, abort: () => void }} */ (
    post(form, form.dataset.uploadUrl, bodyFor(form, source), ({ loaded, total }) => {
      if (loaded < total) bar.value = (100 * loaded) / total;
      // All bytes have arrived: now the studio examines the file, which takes as long as it takes.
      else bar.removeAttribute("value");
    })
  );
  return { answer, abort };
}

/**
 * @param {HTMLFormElement} form
 * @param {import("./arrangement.js").Arrangement} arrangement
 * @param {HTMLElement} slot
 * @param {HTMLElement} chip
 * @param {string} asset
 */
async function place(form, arrangement, slot, chip, asset) {
  const arranged = await arrangement.arrange({ fields: { add: asset, to: slot.dataset.field ?? "" } });
  if (!arranged) throw new Error("not placed");
  chip.remove();
  const mark = arranged.answer.refusals.length ? "is-known" : "is-new";
  for (const made of chipsIn(find(form, ".references", HTMLElement))) {
    if (made.dataset.asset !== asset) continue;
    made.classList.add(mark);
    setTimeout(() => made.classList.remove(mark), HIGHLIGHT_MS);
  }
}

/** @param {HTMLFormElement} form @param {Source} source */
function bodyFor(form, source) {
  const body = new FormData();
  if ("file" in source) {
    body.set(find(form, "[type=file][multiple]", HTMLInputElement).name, source.file, source.file.name);
  } else {
    body.set(find(form, "[type=url]", HTMLInputElement).name, source.url);
  }
  return body;
}

/** @param {HTMLFormElement} form @param {Source} source */
function pendingChip(form, source) {
  const template = find(form, ".upload-chip", HTMLTemplateElement).content;
  const chip = /** @type {HTMLElement} */ (find(template, ".chip", HTMLElement).cloneNode(true));
  const name = "file" in source ? source.file.name : source.url.split("/").pop() || source.url;
  find(chip, ".chip-name", HTMLElement).textContent = name;
  if ("url" in source) find(chip, "progress", HTMLProgressElement).removeAttribute("value");
  else if (source.file.type.startsWith("image/")) {
    const preview = URL.createObjectURL(source.file);
    const picture = document.createElement("img");
    picture.alt = "";
    picture.addEventListener("load", () => URL.revokeObjectURL(preview));
    picture.addEventListener("error", () => {
      URL.revokeObjectURL(preview);
      picture.remove();
    });
    picture.src = preview;
    find(chip, ".chip-face", HTMLElement).append(picture);
  }
  return chip;
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement} chip
 * @param {string} reason
 * @param {() => void} [retry]
 */
function fail(form, chip, reason, retry) {
  chip.classList.replace("chip-pending", "chip-failed");
  chip.removeAttribute("aria-busy");
  chip.append(refusalOf(reason));
  const icon = find(form, ".failed-icon", HTMLTemplateElement).content.cloneNode(true);
  find(chip, ".chip-face", HTMLElement).replaceChildren(icon);
  if (!retry) return;
  const again = document.createElement("button");
  again.type = "button";
  again.className = "quiet";
  again.textContent = wordsOf(form).retry;
  again.addEventListener("click", () => {
    chip.remove();
    retry();
  });
  chip.append(again);
}
