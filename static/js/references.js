// @ts-check
/* The page of references: files that are picked or dropped go up at once, by the composer's own way. */

import { find, post, wordsOf } from "./composer/form.js";

const page = find(document, "[data-drop]", HTMLElement);
const list = find(page, ".uploads", HTMLElement);
const form = page.querySelector(".ref-upload");

/** @param {HTMLFormElement} form @param {File} file @returns {Promise<boolean>} whether it is stored */
async function upload(form, file) {
  const row = document.createElement("li");
  const name = document.createElement("span");
  name.textContent = file.name;
  const bar = document.createElement("progress");
  bar.max = 100;
  row.append(name, bar);
  list.append(row);
  const body = new FormData();
  body.set(find(form, "[type=file]", HTMLInputElement).name, file, file.name);
  const sent = /** @type {{ answer: Promise<import("./composer/form.js").Stored> }} */ (
    post(form, form.action, body, ({ loaded, total }) => {
      if (loaded < total) bar.value = (100 * loaded) / total;
      // All bytes have arrived: now the studio examines the file, which takes as long as it takes.
      else bar.removeAttribute("value");
    })
  );
  const answer = await sent.answer.catch(() => ({ asset: undefined, refusal: wordsOf(form).interrupted }));
  if (answer.asset) {
    row.remove();
    return true;
  }
  const problem = document.createElement("p");
  problem.className = "problem";
  problem.textContent = answer.refusal ?? wordsOf(form).interrupted;
  bar.replaceWith();
  row.append(problem);
  return false;
}

/** @param {HTMLFormElement} form @param {File[]} files */
async function uploadAll(form, files) {
  list.replaceChildren();
  let isAnyStored = false;
  for (const file of files) {
    if (await upload(form, file)) isAnyStored = true;
  }
  if (!isAnyStored) return;
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = wordsOf(form).stored;
  const shown = find(form, "[name=next]", HTMLInputElement).value;
  // What was refused stays on the page, so that it can be read.
  if (list.childElementCount) await htmx.ajax("GET", shown, { target: found(), select: "#found", swap: "outerHTML" });
  else location.assign(shown);
}

function found() {
  return /** @type {HTMLElement} */ (document.getElementById("found"));
}

if (form instanceof HTMLFormElement) {
  const input = find(form, "[type=file]", HTMLInputElement);
  input.multiple = true;
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    // Otherwise they would be sent once more with the form.
    input.value = "";
    uploadAll(form, files);
  });

  let depth = 0;
  /** @param {DragEvent} event */
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  /** @param {number} by */
  const deepen = (by) => {
    depth += by;
    page.classList.toggle("is-over", depth > 0);
  };
  page.addEventListener("dragenter", (event) => {
    if (hasFiles(event)) deepen(1);
  });
  page.addEventListener("dragleave", (event) => {
    if (hasFiles(event)) deepen(-1);
  });
  page.addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  page.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    deepen(-depth);
    uploadAll(form, [...(event.dataTransfer?.files ?? [])]);
  });
}
