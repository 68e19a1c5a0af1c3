// @ts-check
/* The prompt: coloured tokens behind the letters, tokens and words inserted at the cursor, and a walk through earlier prompts. */

import { chipsIn, slotsOf } from "./arrangement.js";
import { find, modeOf, promptOf } from "./form.js";

/** @param {HTMLFormElement} form */
export function startPrompt(form) {
  startMirror(form);
  startInserting(form);
  startHistory(form);
}

/** @param {HTMLTextAreaElement} prompt */
const tellInput = (prompt) => prompt.dispatchEvent(new InputEvent("input", { bubbles: true }));

/** @param {HTMLFormElement} form */
function startMirror(form) {
  const prompt = promptOf(form);
  const mirror = find(form, ".prompt-mirror", HTMLElement);
  const count = find(form, ".prompt-count", HTMLElement);
  const numbers = new Intl.NumberFormat(document.documentElement.lang);
  const pattern = new RegExp(prompt.dataset.tokenPattern ?? "", "g");

  const knownTokens = () => {
    const used = slotsOf(form).filter((slot) => slot.dataset.modes?.split(" ").includes(modeOf(form)));
    return new Set(used.flatMap((slot) => chipsIn(slot).map((chip) => chip.dataset.token)));
  };
  const show = () => {
    const text = prompt.value;
    const known = knownTokens();
    const parts = [];
    let end = 0;
    for (const found of text.matchAll(pattern)) {
      const mark = document.createElement("mark");
      mark.textContent = found[0];
      // [Image01] is [Image1].
      mark.classList.toggle("is-unknown", !known.has(found[0].replace(/0(?=[1-9]\])/, "")));
      parts.push(text.slice(end, found.index), mark);
      end = found.index + found[0].length;
    }
    // A last line without letters has a height only if something stands in it.
    parts.push(text.slice(end), "\u200b");
    mirror.replaceChildren(...parts);
    const length = [...text].length;
    count.textContent = length ? numbers.format(length) : "";
    count.classList.toggle("is-over", length > Number(count.dataset.max));
  };
  find(form, ".prompt", HTMLElement).classList.add("is-mirrored");
  form.addEventListener("composer:changed", show);
  show();
}

/** @param {HTMLFormElement} form */
function startInserting(form) {
  const prompt = promptOf(form);
  form.addEventListener("composer:insert", (event) => {
    insert(/** @type {CustomEvent<string>} */ (event).detail);
  });
  find(form, ".prompt-words", HTMLElement).addEventListener("click", (event) => {
    /** @type {HTMLElement | null} */
    const pressed = /** @type {Element} */ (event.target).closest("[data-insert]");
    if (pressed) insert(pressed.dataset.insert ?? "");
  });

  /** @param {string} token */
  function insert(token) {
    const { selectionStart, selectionEnd, value } = prompt;
    const before = value[selectionStart - 1];
    const after = value[selectionEnd];
    const text = `${before && !/\s/.test(before) ? " " : ""}${token}${after && /[\p{L}\p{N}[]/u.test(after) ? " " : ""}`;
    prompt.focus();
    // The only way that the browser's own undo covers.
    if (!document.execCommand("insertText", false, text)) {
      prompt.setRangeText(text, selectionStart, selectionEnd, "end");
      tellInput(prompt);
    }
  }
}

/** Earlier prompts: 0 is what is being written, 1 the last one sent. @param {HTMLFormElement} form */
function startHistory(form) {
  const prompt = promptOf(form);
  const earlier = [...find(form, ".earlier-prompts", HTMLTemplateElement).content.children].map(
    (item) => item.textContent ?? "",
  );
  const buttons = [...form.querySelectorAll("[data-history]")].map((each) => /** @type {HTMLButtonElement} */ (each));
  let place = 0;
  let written = "";

  /** @param {number} step */
  const walk = (step) => {
    const next = place + step;
    if (next < 0 || next > earlier.length) return;
    if (place === 0) written = prompt.value;
    place = next;
    prompt.value = place === 0 ? written : earlier[place - 1];
    prompt.setSelectionRange(prompt.value.length, prompt.value.length);
    for (const button of buttons) {
      const following = place + Number(button.dataset.history);
      button.disabled = following < 0 || following > earlier.length;
    }
    tellInput(prompt);
  };
  for (const button of buttons) button.addEventListener("click", () => walk(Number(button.dataset.history)));
  prompt.addEventListener("keydown", (event) => {
    if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    walk(event.key === "ArrowUp" ? 1 : -1);
  });

  let sent = "";
  form.addEventListener("htmx:beforeRequest", (event) => {
    // By the time of the answer there may be other words in the field.
    if (event.target === form) sent = prompt.value;
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (event.target !== form || /** @type {CustomEvent} */ (event).detail.xhr.status !== 200) return;
    earlier.splice(0, earlier.length, sent, ...earlier.filter((text) => text !== sent));
    place = 0;
  });
}
