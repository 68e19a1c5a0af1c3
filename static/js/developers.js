// @ts-check
/* "Try it" in the API reference: sends the form's request with the given key and shows the response. */

const page = /** @type {HTMLElement} */ (document.querySelector("[data-try-base]"));
const key = /** @type {HTMLInputElement} */ (document.getElementById("try-key"));
const words = /** @type {HTMLElement} */ (document.getElementById("try-words")).dataset;

const SHOWN_HEADERS = /^(x-(?!frame|content)|retry-after|idempotent-|preference-|allow)/;

class InvalidRequest extends Error {}

/** @param {string} text */
function isJson(text) {
  try {
    JSON.parse(text);
  } catch {
    return false;
  }
  return true;
}

/**
 * Build the request from a form. Throws InvalidRequest, whose message says what is missing or wrong.
 * @param {HTMLFormElement} form
 */
function buildRequest(form) {
  let path = form.dataset.path ?? "";
  const query = new URLSearchParams();
  const headers = new Headers({ Authorization: `Bearer ${key.value.trim()}` });
  /** @type {string | FormData | undefined} */
  let body;
  if (!key.value.trim()) {
    key.focus();
    throw new InvalidRequest(words.noKey);
  }
  /** @type {NodeListOf<HTMLInputElement>} */
  const inputs = form.querySelectorAll("[data-place]");
  for (const input of inputs) {
    const value = input.value.trim();
    switch (input.dataset.place) {
      case "path":
        if (!value) throw new InvalidRequest(words.missing);
        path = path.replace(`{${input.name}}`, encodeURIComponent(value));
        break;
      case "query":
        if (value) query.set(input.name, value);
        break;
      case "header":
        if (value) headers.set(input.name, value);
        break;
      case "body":
        if (!isJson(value)) throw new InvalidRequest(words.badJson);
        headers.set("Content-Type", "application/json");
        body = value;
        break;
      case "file":
        body = new FormData();
        if (input.files?.length) body.append("file", input.files[0]);
    }
  }
  const search = query.size ? `?${query}` : "";
  // Without cookies: what is tried is the key, not the session.
  return new Request(page.dataset.tryBase + path + search, {
    method: form.dataset.method,
    headers,
    body,
    credentials: "omit",
  });
}

/**
 * Show what came back beneath its form.
 * @param {HTMLFormElement} form
 * @param {{ status?: string, time?: string, headers?: string, body?: string, isError: boolean }} answer
 */
function show(form, { status = "", time = "", headers = "", body = "", isError }) {
  const outcome = /** @type {HTMLOutputElement} */ (form.querySelector("output"));
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (outcome.querySelector(`[data-${name}]`));
  outcome.hidden = false;
  outcome.classList.toggle("error", isError);
  part("status").textContent = status;
  part("time").textContent = time;
  for (const [name, text] of Object.entries({ headers, body })) {
    const code = part(name);
    code.textContent = text;
    if (code.parentElement) code.parentElement.hidden = !text;
  }
}

/** @param {HTMLFormElement} form */
async function send(form) {
  const request = buildRequest(form);
  const began = performance.now();
  const response = await fetch(request);
  const text = await response.text();
  const shown = [...response.headers].filter(([name]) => SHOWN_HEADERS.test(name));
  show(form, {
    status: `${response.status} ${response.statusText}`,
    time: `${Math.round(performance.now() - began)} ms`,
    headers: shown.map(([name, value]) => `${name}: ${value}`).join("\n"),
    body: isJson(text) ? JSON.stringify(JSON.parse(text), null, 2) : text,
    isError: !response.ok,
  });
}

document.addEventListener("submit", async (event) => {
  /** @type {HTMLFormElement | null} */
  const form = /** @type {Element} */ (event.target).closest("[data-try]");
  const button = form?.querySelector("button");
  if (!form || !button) return;
  event.preventDefault();
  button.disabled = true;
  try {
    await send(form);
  } catch (error) {
    show(form, { status: error instanceof InvalidRequest ? error.message : words.noAnswer, isError: true });
  } finally {
    button.disabled = false;
  }
});
