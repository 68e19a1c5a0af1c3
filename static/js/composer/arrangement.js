// @ts-check
/* Changes to the files. The server makes them from what the composer holds, and answers with the new chips and prompt:
   which token names what, and what fits where, is decided there alone. This module puts the answer in place. */

import { find, hideNote, post, promptOf, setMode, showNote, tellChange, valuesOf, wordsOf } from "./form.js";

/**
 * What the server answers: the chips of each field as HTML, and what else may have changed.
 *
 * @typedef {{ chips: Record<string, string>, mode: string, prompt: string, announcement: string, refusals: string[] }} Answer
 */

/**
 * A change as the buttons of the form would send it. `values` is what the composer holds before it, if not the form.
 *
 * @typedef {{ fields: Record<string, string>, values?: () => FormData }} Change
 */

/**
 * What became of a change, and how to take it back.
 *
 * @typedef {{ answer: Answer, undo: () => void }} Arranged
 */

/** The slots, each a list of chips. @param {HTMLFormElement} form @returns {HTMLElement[]} */
export function slotsOf(form) {
  return [...form.querySelectorAll(".references ul[data-field]")].map((list) => /** @type {HTMLElement} */ (list));
}

/** The chips of stored files, without those still uploading or refused. @param {ParentNode} slot @returns {HTMLElement[]} */
export function chipsIn(slot) {
  return [...slot.querySelectorAll(".chip[data-asset]")].map((chip) => /** @type {HTMLElement} */ (chip));
}

/** Everything that tells one chip from another. @param {HTMLElement} chip */
const identity = (chip) => JSON.stringify({ ...chip.dataset });

/**
 * Make these the stored files' chips of a slot. Those that stay are not touched: a slider may be half-way.
 *
 * @param {HTMLElement} slot
 * @param {HTMLElement[]} chips
 */
function putChips(slot, chips) {
  const there = new Map(chipsIn(slot).map((chip) => [identity(chip), chip]));
  const wanted = chips.map((chip) => there.get(identity(chip)) ?? chip);
  for (const chip of there.values()) if (!wanted.includes(chip)) chip.remove();
  wanted.forEach((chip, index) => {
    if (slot.children[index] !== chip) slot.insertBefore(chip, slot.children[index] ?? null);
  });
}

/** @param {string} html @returns {HTMLElement[]} */
function parsedChips(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return chipsIn(template.content);
}

/** Remember what has the focus. Call the result to give it back if its chip has been replaced. */
function keptFocus() {
  const focused = /** @type {HTMLButtonElement | null} */ (document.activeElement);
  const chip = focused?.closest(".chip");
  if (!(chip instanceof HTMLElement) || !focused) return () => {};
  const part = focused.name ? `[name="${focused.name}"][value="${focused.value}"]` : ".chip-face";
  return () => {
    if (focused.isConnected) return;
    const again = document.querySelector(`.chip[data-key="${chip.dataset.key}"] ${part}`);
    if (again instanceof HTMLElement) again.focus({ preventScroll: true });
  };
}

/** @param {HTMLTextAreaElement} prompt @param {string} text */
function replaceText(prompt, text) {
  const { selectionStart, value } = prompt;
  const behind = value.slice(selectionStart);
  // The cursor stays in front of the same words.
  const caret = text.endsWith(behind) ? text.length - behind.length : Math.min(selectionStart, text.length);
  prompt.value = text;
  prompt.setSelectionRange(caret, caret);
}

/** @param {HTMLFormElement} form */
export function startArrangement(form) {
  const prompt = promptOf(form);
  const announcer = find(form, ".composer-said", HTMLElement);
  const slots = slotsOf(form);
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  let waitingCount = 0;

  /** @param {Answer} answer @param {boolean} isRenamed @returns {Arranged} */
  const show = (answer, isRenamed) => {
    const text = prompt.value;
    const before = slots.map((slot) => chipsIn(slot));
    const refocus = keptFocus();
    for (const slot of slots) putChips(slot, parsedChips(answer.chips[slot.dataset.field ?? ""]));
    if (isRenamed) replaceText(prompt, answer.prompt);
    refocus();
    announcer.textContent = answer.announcement;
    if (answer.refusals.length) showNote(form, answer.refusals.join(" "));
    tellChange(form);
    const undo = () => {
      for (const [index, slot] of slots.entries()) putChips(slot, before[index]);
      prompt.value = text;
      tellChange(form);
    };
    return { answer, undo };
  };

  /** @param {Change} change @returns {Promise<Arranged>} */
  const ask = async ({ fields, values = () => valuesOf(form) }) => {
    for (;;) {
      const text = prompt.value;
      const body = values();
      const mode = body.get("mode");
      for (const [name, value] of Object.entries(fields)) body.set(name, value);
      const answer = await /** @type {Promise<Answer>} */ (post(form, form.dataset.arrangeUrl, body).answer);
      const isRenamed = answer.prompt !== text;
      // Words typed meanwhile must not be lost. Nothing has been changed here yet, so simply ask again.
      if (isRenamed && prompt.value !== text) continue;
      if (answer.mode !== mode) setMode(form, answer.mode);
      return show(answer, isRenamed);
    }
  };

  return {
    /**
     * Make a change once the earlier ones are made. A change may be a promise, of null if there is none after all.
     * Returns null for that, and when the studio can't be reached, which people are told.
     *
     * @param {Change | Promise<Change | null>} change
     * @returns {Promise<Arranged | null>}
     */
    async arrange(change) {
      hideNote(form);
      waitingCount += 1;
      const mine = last.then(async () => {
        try {
          const wanted = await change;
          return wanted && (await ask(wanted));
        } catch {
          showNote(form, wordsOf(form).notArranged);
          return null;
        } finally {
          waitingCount -= 1;
        }
      });
      last = mine;
      return mine;
    },
    get isSettled() {
      return waitingCount === 0;
    },
    /** When all changes asked for so far are made. */
    settled: () => last,
  };
}

/** @typedef {ReturnType<typeof startArrangement>} Arrangement */
