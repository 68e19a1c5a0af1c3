// @ts-check
/* Every way that files come into the composer: picked, dropped, pasted, or by their URL. The slots' attributes say what
   goes where; the server says what a file really is, and whether it is accepted. */

import { slotsOf } from "./arrangement.js";
import { find, hideNote, modeOf, promptOf, setMode, showNote, tellChange } from "./form.js";
import { upload } from "./upload.js";

/** @param {HTMLFormElement} form @param {import("./arrangement.js").Arrangement} arrangement */
export function startFiles(form, arrangement) {
  const slots = slotsOf(form);

  /** Where a file waits until the server knows what it is; null, after saying why, if there is no room.
   * @param {string} name @param {string} type @param {HTMLElement | null} wanted */
  const slotFor = (name, type, wanted) => {
    const kind = slots.find((slot) => isOfKind(slot, name, type))?.dataset.kind ?? slots[0].dataset.kind;
    if (wanted?.dataset.kind === kind) return wanted;
    const open = slots.filter((slot) => slot.dataset.kind === kind && listed(slot, "acceptsIn").includes(modeOf(form)));
    const free = open.find((slot) => countIn(slot) < Number(slot.dataset.capacity));
    if (!free) showNote(form, open.at(-1)?.dataset.full ?? "");
    return free ?? null;
  };

  /** @param {import("./upload.js").Source} source @param {HTMLElement | null} wanted */
  const take = (source, wanted = null) => {
    const [name, type] = "file" in source ? [source.file.name, source.file.type] : [pathOf(source.url), ""];
    const slot = slotFor(name, type, wanted);
    if (!slot) return;
    const modes = listed(slot, "modes");
    if (!modes.includes(modeOf(form))) {
      setMode(form, modes[0]);
      tellChange(form);
    }
    upload(form, arrangement, slot, source);
  };
  /** @param {Iterable<File>} files @param {HTMLElement | null} [wanted] */
  const takeFiles = (files, wanted) => {
    hideNote(form);
    for (const file of files) take({ file }, wanted);
  };
  /** @param {string} url */
  const takeUrl = (url) => {
    hideNote(form);
    take({ url });
  };

  form.addEventListener("change", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    // What was said about the other mode is over.
    if (input.name === "mode") hideNote(form);
    if (input.type !== "file") return;
    const files = [...(input.files ?? [])];
    // Otherwise they would be sent once more with the form.
    input.value = "";
    takeFiles(files, slotAround(input));
  });

  startLink(form, takeUrl);
  startDropping(form, takeFiles);

  form.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files;
    if (files?.length) {
      event.preventDefault();
      takeFiles([...files]);
      return;
    }
    const text = event.clipboardData?.getData("text/plain").trim() ?? "";
    const isMediaUrl = /^https?:\/\/\S+$/i.test(text) && slots.some((slot) => isOfKind(slot, pathOf(text), ""));
    if (event.target === promptOf(form) && isMediaUrl) {
      event.preventDefault();
      takeUrl(text);
    }
  });
}

/** @param {HTMLFormElement} form @param {(url: string) => void} takeUrl */
function startLink(form, takeUrl) {
  const details = find(form, ".from-link", HTMLDetailsElement);
  const input = find(details, "[type=url]", HTMLInputElement);
  const add = () => {
    const url = input.value.trim();
    if (!url) {
      input.focus();
      return;
    }
    input.value = "";
    details.open = false;
    takeUrl(url);
  };
  find(details, "[data-add-url]", HTMLButtonElement).addEventListener("click", (event) => {
    event.preventDefault();
    add();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") add();
  });
  details.addEventListener("toggle", () => {
    if (details.open) input.focus();
  });
}

/** @param {HTMLFormElement} form @param {(files: Iterable<File>, wanted: HTMLElement | null) => void} takeFiles */
function startDropping(form, takeFiles) {
  const frames = [...form.querySelectorAll(".frame-slot")];
  let depth = 0;
  /** @param {DragEvent} event */
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  /** @param {boolean} isOn */
  const showReceiving = (isOn) => {
    form.classList.toggle("is-receiving", isOn);
    if (isOn) return;
    depth = 0;
    for (const frame of frames) frame.classList.remove("is-over");
  };
  form.addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    showReceiving(true);
  });
  form.addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth -= 1;
    if (depth <= 0) showReceiving(false);
  });
  form.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const over = /** @type {Element} */ (event.target).closest(".frame-slot");
    for (const frame of frames) frame.classList.toggle("is-over", frame === over);
  });
  form.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    showReceiving(false);
    takeFiles([...(event.dataTransfer?.files ?? [])], slotAround(/** @type {Element} */ (event.target)));
  });
}

/** The frame that an element belongs to. @param {Element} element */
function slotAround(element) {
  const frame = element.closest(".frame-slot");
  return frame && find(frame, "ul", HTMLElement);
}

/** @param {HTMLElement} slot @param {string} name */
function listed(slot, name) {
  return (slot.dataset[name] ?? "").split(" ");
}

/** Files in a slot and on their way there. @param {HTMLElement} slot */
function countIn(slot) {
  return slot.querySelectorAll(".chip:not(.chip-failed)").length;
}

/** @param {HTMLElement} slot @param {string} name @param {string} type */
function isOfKind(slot, name, type) {
  const extension = name.split(".").pop()?.toLowerCase() ?? "";
  return type.split("/")[0] === slot.dataset.kind || listed(slot, "extensions").includes(extension);
}

/** @param {string} url */
function pathOf(url) {
  return URL.canParse(url) ? new URL(url).pathname : url;
}
