"use strict";
/* "Try it" in the API reference: sends what the form says with the key that was put in, and shows what came back. */

(() => {
  const page = document.querySelector("[data-try-base]");
  const key = document.getElementById("try-key");
  const words = document.getElementById("try-words").dataset;

  const SHOWN_HEADERS = /^(x-|retry-after|idempotent-|preference-|allow)/;

  class CannotSend extends Error {}

  /** The request that a form describes. Throws CannotSend with what is missing. */
  function requestOf(form) {
    let path = form.dataset.path;
    const query = new URLSearchParams();
    const headers = new Headers({ Authorization: `Bearer ${key.value.trim()}` });
    let body;
    if (!key.value.trim()) {
      key.focus();
      throw new CannotSend(words.noKey);
    }
    for (const input of form.querySelectorAll("[data-place]")) {
      const value = input.value.trim();
      switch (input.dataset.place) {
        case "path":
          if (!value) throw new CannotSend(words.missing);
          path = path.replace(`{${input.name}}`, encodeURIComponent(value));
          break;
        case "query":
          if (value) query.set(input.name, value);
          break;
        case "header":
          if (value) headers.set(input.name, value);
          break;
        case "body":
          try { JSON.parse(value); } catch { throw new CannotSend(words.badJson); }
          headers.set("Content-Type", "application/json");
          body = value;
          break;
        case "file":
          body = new FormData();
          if (input.files.length) body.append("file", input.files[0]);
      }
    }
    const search = query.size ? `?${query}` : "";
    // Without cookies: what is tried is the key, not the session.
    return new Request(page.dataset.tryBase + path + search, { method: form.dataset.method, headers, body, credentials: "omit" });
  }

  function show(form, { status, time = "", headers = "", body = "", isError }) {
    const outcome = form.querySelector("output");
    outcome.hidden = false;
    outcome.classList.toggle("error", isError);
    outcome.querySelector("[data-status]").textContent = status;
    outcome.querySelector("[data-time]").textContent = time;
    for (const [name, text] of [["headers", headers], ["body", body]]) {
      const code = outcome.querySelector(`[data-${name}]`);
      code.textContent = text;
      code.parentElement.hidden = !text;
    }
  }

  async function send(form) {
    const request = requestOf(form);
    const began = performance.now();
    const response = await fetch(request);
    const text = await response.text();
    let body = text;
    try { body = JSON.stringify(JSON.parse(text), null, 2); } catch { /* shown as it is */ }
    show(form, {
      status: `${response.status} ${response.statusText}`,
      time: `${Math.round(performance.now() - began)} ms`,
      headers: [...response.headers].filter(([name]) => SHOWN_HEADERS.test(name)).filter(([name]) => !/^x-(frame|content)/.test(name))
        .map(([name, value]) => `${name}: ${value}`).join("\n"),
      body,
      isError: !response.ok,
    });
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("[data-try]");
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      await send(form);
    } catch (error) {
      show(form, { status: error instanceof CannotSend ? error.message : words.noAnswer, isError: true });
    } finally {
      button.disabled = false;
    }
  });
})();
