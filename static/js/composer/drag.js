// @ts-check
/* Dragging chips into order: at once with a mouse, after a short press with a finger, which otherwise scrolls. */

import { chipsIn } from "./arrangement.js";
import { find, valuesOf } from "./form.js";

const PRESS_MS = 220;
const DRAG_PIXELS = 6;

/** @param {HTMLFormElement} form @param {import("./arrangement.js").Arrangement} arrangement */
export function startDragging(form, arrangement) {
  const media = find(form, ".references", HTMLElement);

  media.addEventListener("pointerdown", (event) => {
    const chip = /** @type {Element} */ (event.target).closest(".chip-face")?.closest(".chip[data-asset]");
    const slot = chip?.parentElement;
    // The answer to a change under way might replace the chip in hand.
    if (!(chip instanceof HTMLElement) || !slot || event.button !== 0 || !arrangement.isSettled) return;
    if (chipsIn(slot).length > 1) new Drag(form, arrangement, media, slot, chip, event);
  });
}

class Drag {
  /**
   * @param {HTMLFormElement} form
   * @param {import("./arrangement.js").Arrangement} arrangement
   * @param {HTMLElement} media
   * @param {HTMLElement} slot
   * @param {HTMLElement} chip
   * @param {PointerEvent} pressed
   */
  constructor(form, arrangement, media, slot, chip, pressed) {
    this.form = form;
    this.arrangement = arrangement;
    this.media = media;
    this.slot = slot;
    this.chip = chip;
    this.from = { x: pressed.clientX, y: pressed.clientY };
    this.home = new DOMRect();
    this.isDragging = false;
    this.before = chipsIn(slot);
    // Names belong to places: they stay where they are while the chips move.
    this.names = this.before.map((each) => find(each, ".chip-name", HTMLElement).textContent);
    /** @type {(change: import("./arrangement.js").Change | null) => void} */
    this.drop = () => {};
    this.timer = pressed.pointerType === "mouse" ? 0 : setTimeout(() => this.begin(), PRESS_MS);
    this.watching = new AbortController();
    const { signal } = this.watching;
    document.addEventListener("pointermove", (moved) => this.follow(moved), { signal });
    document.addEventListener("pointerup", () => this.end(), { signal });
    document.addEventListener("pointercancel", () => this.end(), { signal });
    media.addEventListener("touchmove", (touched) => this.isDragging && touched.preventDefault(), {
      signal,
      passive: false,
    });
  }

  begin() {
    this.isDragging = true;
    this.chip.classList.add("is-dragging");
    this.form.classList.add("is-sorting");
    this.home = this.chip.getBoundingClientRect();
    navigator.vibrate?.(8);
    // Other changes wait until this one is known.
    const dropped = new Promise((resolve) => {
      this.drop = resolve;
    });
    this.arrangement.arrange(dropped).then((arranged) => {
      if (!arranged) this.order(this.before);
    });
  }

  /** @param {PointerEvent} moved */
  follow(moved) {
    const [x, y] = [moved.clientX - this.from.x, moved.clientY - this.from.y];
    if (!this.isDragging) {
      if (Math.hypot(x, y) < DRAG_PIXELS) return;
      if (this.timer) {
        this.end();
        return;
      }
      this.begin();
    }
    const { chip, slot, home } = this;
    const over = document.elementFromPoint(moved.clientX, moved.clientY)?.closest(".chip[data-asset]");
    if (over instanceof HTMLElement && over !== chip && over.parentElement === slot) {
      const chips = chipsIn(slot).filter((other) => other !== chip);
      const isBehind = chipsIn(slot).indexOf(over) > chipsIn(slot).indexOf(chip);
      chips.splice(chips.indexOf(over) + (isBehind ? 1 : 0), 0, chip);
      this.order(chips);
    }
    chip.style.setProperty("--drag-x", "0px");
    chip.style.setProperty("--drag-y", "0px");
    const rest = chip.getBoundingClientRect();
    chip.style.setProperty("--drag-x", `${home.x + x - rest.x}px`);
    chip.style.setProperty("--drag-y", `${home.y + y - rest.y}px`);
  }

  end() {
    clearTimeout(this.timer);
    this.watching.abort();
    if (!this.isDragging) return;
    this.chip.classList.remove("is-dragging");
    this.form.classList.remove("is-sorting");
    this.media.dispatchEvent(new Event("composer:dragged"));
    const places = chipsIn(this.slot).indexOf(this.chip) - this.before.indexOf(this.chip);
    this.drop(places ? { fields: { move: `${this.chip.dataset.key}:${places}` }, values: () => this.values() } : null);
  }

  /** What the composer held before the drag. */
  values() {
    const values = valuesOf(this.form);
    const field = this.slot.dataset.field ?? "";
    values.delete(field);
    for (const chip of this.before) values.append(field, chip.dataset.asset ?? "");
    return values;
  }

  /** @param {HTMLElement[]} chips */
  order(chips) {
    // The dragged chip itself is not moved in the document, so it keeps the pointer.
    const index = chips.indexOf(this.chip);
    this.chip.before(...chips.slice(0, index));
    this.chip.after(...chips.slice(index + 1));
    chips.forEach((chip, place) => {
      find(chip, ".chip-name", HTMLElement).textContent = this.names[place];
    });
  }
}
