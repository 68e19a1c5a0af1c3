// @ts-check
/* The settings beside the prompt. Prices and rules are the server's: a change asks for a quote. */

import { find, tellChange } from "./form.js";

/** @param {HTMLFormElement} form */
export function startSettings(form) {
  const duration = find(form, "[name=duration]", HTMLInputElement);
  const isAuto = find(form, "[name=duration_auto]", HTMLInputElement);
  const shown = find(form, ".duration-shown", HTMLOutputElement);

  const showDuration = () => {
    showRange(duration);
    shown.value = isAuto.checked ? (shown.dataset.auto ?? "") : `${duration.value} ${shown.dataset.unit}`;
  };
  form.addEventListener("composer:changed", showDuration);
  showDuration();

  form.addEventListener("input", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    if (input.closest(".trim")) showRange(input);
    if (input.closest(".trim, [data-transient]")) return;
    // Moving the slider turns auto off.
    if (input === duration) isAuto.checked = false;
    tellChange(form);
  });

  find(form, "[data-dice]", HTMLButtonElement).addEventListener("click", () => {
    find(form, "[name=seed]", HTMLInputElement).value = String(crypto.getRandomValues(new Uint32Array(1))[0]);
    tellChange(form);
  });

  form.addEventListener("click", (event) => {
    if (!(/** @type {Element} */ (event.target).closest("[name=detach]"))) return;
    event.preventDefault();
    find(form, ".remix", HTMLElement).replaceChildren();
    tellChange(form);
  });
}

/** @param {HTMLInputElement} range */
function showRange(range) {
  const [value, min, max] = [Number(range.value), Number(range.min), Number(range.max)];
  range.style.setProperty("--fill", `${((value - min) / (max - min || 1)) * 100}%`);
}
