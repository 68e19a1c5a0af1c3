// @ts-check
/* The chips of the files: put into the prompt, removed, moved, swapped and trimmed, by mouse and by keys. */

import { find, post, promptOf, showNote, valuesOf, wordsOf } from "./form.js";

/** @param {HTMLFormElement} form @param {import("./arrangement.js").Arrangement} arrangement */
export function startChips(form, arrangement) {
  const media = find(form, ".references", HTMLElement);
  const words = wordsOf(form);

  /** @param {HTMLElement} chip @param {HTMLButtonElement} button */
  const remove = async (chip, button) => {
    const neighbour = chip.nextElementSibling ?? chip.previousElementSibling;
    const key = neighbour instanceof HTMLElement ? neighbour.dataset.asset : undefined;
    const arranged = await arrangement.arrange({ fields: { [button.name]: button.value } });
    if (!arranged) return;
    const face = key && media.querySelector(`.chip[data-asset="${key}"] .chip-face`);
    (face instanceof HTMLElement ? face : promptOf(form)).focus({ preventScroll: true });
    showNote(form, arranged.answer.announcement, { label: words.undo, run: arranged.undo });
  };

  /** @param {HTMLElement} chip @param {HTMLButtonElement} button */
  const trim = async (chip, button) => {
    const body = valuesOf(form);
    body.set(button.name, button.value);
    button.disabled = true;
    chip.setAttribute("aria-busy", "true");
    chip.querySelector(".chip-refusal")?.remove();
    const refusal = await trimmed(body, chip.dataset.key ?? "");
    button.disabled = false;
    chip.removeAttribute("aria-busy");
    if (refusal) find(chip, ".trim", HTMLElement).append(refusalOf(refusal));
  };

  /** Put the extract where the long file was; why not, if it is refused. @param {FormData} body @param {string} key */
  const trimmed = async (body, key) => {
    try {
      const { answer } = /** @type {{ answer: Promise<import("./form.js").Stored> }} */ (
        post(form, form.dataset.trimUrl, body)
      );
      const made = await answer;
      if (!made.asset) return made.refusal;
      await arrangement.arrange({ fields: { add: made.asset, to: key } });
      return null;
    } catch {
      return words.interrupted;
    }
  };

  let wasDragged = false;
  media.addEventListener("composer:dragged", () => {
    wasDragged = true;
    // The click that ends a drag doesn't count.
    setTimeout(() => {
      wasDragged = false;
    });
  });

  media.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const chip = target.closest(".chip");
    const button = target.closest("button");
    if (!button) return;
    if (button.type === "submit") event.preventDefault();
    if (!(chip instanceof HTMLElement)) {
      if (button.type === "submit") arrangement.arrange({ fields: { [button.name]: button.value } });
    } else if (button.matches(".chip-face")) {
      const { token } = chip.dataset;
      if (token && !wasDragged) form.dispatchEvent(new CustomEvent("composer:insert", { detail: token }));
    } else if (button.matches(".chip-remove") && button.type === "submit") {
      remove(chip, button);
    } else if (button.closest(".trim")) {
      trim(chip, button);
    } else if (button.matches(".chip-move")) {
      arrangement.arrange({ fields: { [button.name]: button.value } });
    }
  });

  media.addEventListener("keydown", (event) => {
    const face = /** @type {Element} */ (event.target);
    if (!face.matches(".chip[data-asset] > .chip-face")) return;
    const move = { ArrowLeft: "[data-move='-1']", ArrowRight: "[data-move='1']" }[event.key];
    const button = event.altKey && move ? move : ["Delete", "Backspace"].includes(event.key) ? ".chip-remove" : null;
    if (!button) return;
    event.preventDefault();
    find(/** @type {Element} */ (face.parentElement), button, HTMLButtonElement).click();
  });

  media.addEventListener("input", (event) => {
    const slider = /** @type {HTMLInputElement} */ (event.target);
    const panel = slider.closest(".trim");
    const chip = slider.closest(".chip");
    if (!panel || !(chip instanceof HTMLElement)) return;
    const from = Number(slider.value);
    const until = from + Number(chip.dataset.trimSeconds);
    find(panel, ".trim-shown", HTMLOutputElement).value = `${clock(from)} – ${clock(until)}`;
    const video = panel.querySelector("video");
    if (video) {
      video.preload = "metadata";
      video.currentTime = from;
    }
  });
}

/** A reason, shown in the chip that it is about. @param {string} reason */
export function refusalOf(reason) {
  const refusal = document.createElement("p");
  refusal.className = "chip-refusal";
  refusal.role = "alert";
  refusal.textContent = reason;
  return refusal;
}

/** @param {number} seconds */
function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
