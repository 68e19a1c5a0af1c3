"use strict";

/* The prompt: its tokens coloured behind the letters, tokens put in and renamed, and the way back to earlier prompts. */

(() => {
  const TOKEN = /\[(Image|Video|Audio)(\d{1,2})\]/g;
  const SPACED_TOKEN = /( ?)\[(Image|Video|Audio)(\d{1,2})\]/g;
  const started = new WeakSet();

  function start(form) {
    if (started.has(form)) return;
    started.add(form);

    const prompt = form.elements.prompt;
    const box = form.querySelector(".prompt");
    const mirror = form.querySelector(".prompt-mirror");
    const count = form.querySelector(".prompt-count");
    const numbers = new Intl.NumberFormat(document.documentElement.lang);

    // --- The mirror ---------------------------------------------------------------------------------------------------

    const isNamed = (word, number) => {
      const list = form.querySelector(`.group[data-word="${word}"]`);
      const mode = form.elements.mode.value;
      const isUsed = mode === "references" || (mode === "frames" && word !== "Image");
      return isUsed && number >= 1 && number <= list.querySelectorAll("[data-asset]").length;
    };

    const show = () => {
      const text = prompt.value;
      const parts = [];
      let end = 0;
      for (const token of text.matchAll(TOKEN)) {
        const mark = document.createElement("mark");
        mark.textContent = token[0];
        mark.classList.toggle("is-unknown", !isNamed(token[1], Number(token[2])));
        parts.push(text.slice(end, token.index), mark);
        end = token.index + token[0].length;
      }
      // A last line without letters has a height only if something stands in it.
      parts.push(text.slice(end), "\u200b");
      mirror.replaceChildren(...parts);
      const length = [...text].length;
      count.textContent = length ? numbers.format(length) : "";
      count.classList.toggle("is-over", length > Number(count.dataset.most));
    };
    box.classList.add("is-mirrored");
    prompt.addEventListener("input", show);
    form.addEventListener("change", show);
    form.addEventListener("composer:chips", show);

    const tellChange = () => prompt.dispatchEvent(new InputEvent("input", { bubbles: true }));

    // --- Tokens -------------------------------------------------------------------------------------------------------

    form.addEventListener("composer:insert", (event) => {
      const { selectionStart, selectionEnd, value } = prompt;
      const before = value[selectionStart - 1];
      const after = value[selectionEnd];
      const text = `${before && !/\s/.test(before) ? " " : ""}[${event.detail}]${after && /[\p{L}\p{N}[]/u.test(after) ? " " : ""}`;
      prompt.focus();
      // The one way that the browser's own undo knows of.
      if (!document.execCommand("insertText", false, text)) {
        prompt.setRangeText(text, selectionStart, selectionEnd, "end");
        tellChange();
      }
    });

    form.addEventListener("composer:rename", (event) => {
      const { word, positions } = event.detail;
      const renamed = (text) =>
        text.replace(SPACED_TOKEN, (whole, space, found, number) => {
          if (found !== word || !positions.has(Number(number))) return whole;
          const position = positions.get(Number(number));
          return position === null ? "" : `${space}[${word}${position}]`;
        });
      const text = renamed(prompt.value);
      if (text !== prompt.value) {
        const caret = renamed(prompt.value.slice(0, prompt.selectionStart)).length;
        prompt.value = text;
        prompt.setSelectionRange(caret, caret);
      }
      tellChange();
    });

    form.addEventListener("composer:prompt", (event) => {
      prompt.value = event.detail;
      tellChange();
    });

    // --- Earlier prompts: 0 is what is being written, 1 the last one sent --------------------------------------------------

    const earlier = [...form.querySelector(".earlier-prompts").content.children].map((item) => item.textContent);
    const buttons = [...form.querySelectorAll("[data-history]")];
    let place = 0;
    let written = "";

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
      tellChange();
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
      if (event.detail.elt === form) sent = prompt.value;
    });
    form.addEventListener("htmx:afterRequest", (event) => {
      if (event.detail.elt !== form || event.detail.xhr.status !== 200) return;
      earlier.splice(0, earlier.length, sent, ...earlier.filter((text) => text !== sent));
      place = 0;
    });

    show();
  }

  const startAll = () => document.querySelectorAll("form.composer").forEach(start);
  startAll();
  document.addEventListener("htmx:load", startAll);
})();
