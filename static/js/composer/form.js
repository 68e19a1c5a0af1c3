// @ts-check
/* What every part of the composer needs: typed elements, the values to send, messages, and requests. */

/**
 * The element that the templates promise.
 *
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T}
 */
export function find(root, selector, type) {
  const element = root.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`The page has no ${type.name} ${selector}.`);
  return element;
}

/** @param {HTMLFormElement} form */
export function promptOf(form) {
  return find(form, "[name=prompt]", HTMLTextAreaElement);
}

/** What the scripts say, in the reader's language. @param {HTMLFormElement} form */
export function wordsOf(form) {
  return /** @type {Record<string, string>} */ (find(form, ".words", HTMLTemplateElement).dataset);
}

/** @param {HTMLFormElement} form */
export function modeOf(form) {
  return find(form, "[name=mode]:checked", HTMLInputElement).value;
}

/** @param {HTMLFormElement} form @param {string} mode */
export function setMode(form, mode) {
  find(form, `[name=mode][value="${mode}"]`, HTMLInputElement).checked = true;
}

/** Tell the other parts, and through them the studio, that the composer holds something else. @param {HTMLFormElement} form */
export function tellChange(form) {
  form.dispatchEvent(new Event("composer:changed"));
}

/** What the form holds, without the inputs whose content goes up on its own. @param {HTMLFormElement} form */
export function valuesOf(form) {
  const values = new FormData(form);
  for (const input of form.querySelectorAll("[data-transient]")) {
    values.delete(/** @type {HTMLInputElement} */ (input).name);
  }
  return values;
}

/**
 * Say beside Generate what became of it; without a message, clear what is there.
 *
 * @param {HTMLFormElement} form
 * @param {string} [message]
 */
export function showSummary(form, message) {
  const title = document.createElement("b");
  title.textContent = message ?? "";
  find(form, ".summary", HTMLElement).replaceChildren(...(message ? [title] : []));
}

/**
 * Say something under the files, with a button for what can be done about it.
 *
 * @param {HTMLFormElement} form
 * @param {string} text
 * @param {{ label: string, run: () => void }} [action]
 */
export function showNote(form, text, action) {
  const line = find(form, ".note-line", HTMLElement);
  line.hidden = false;
  line.replaceChildren(text);
  if (!action) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = action.label;
  button.addEventListener("click", () => {
    line.hidden = true;
    action.run();
  });
  line.append(button);
}

/** @param {HTMLFormElement} form */
export function hideNote(form) {
  find(form, ".note-line", HTMLElement).hidden = true;
}

/** What an upload or a trim is answered: the stored file's id, or why it is refused.
 * @typedef {{ asset?: string, refusal?: string, may_retry?: boolean }} Stored */

/**
 * Post to one of the composer's own URLs. The answer is the JSON of a 200, 422 or 429; anything else rejects. Whoever is
 * signed out is taken to the sign-in page, and gets no answer.
 *
 * @template Answer
 * @param {HTMLFormElement} form
 * @param {string | undefined} url
 * @param {FormData} body
 * @param {(event: ProgressEvent) => void} [onProgress]
 * @returns {{ answer: Promise<Answer>, abort: () => void }}
 */
export function post(form, url, body, onProgress = () => {}) {
  const xhr = new XMLHttpRequest();
  const answer = new Promise((resolve, reject) => {
    xhr.open("POST", url ?? "");
    xhr.responseType = "json";
    // As htmx does, so that an expired session is answered with the way to the sign-in page.
    xhr.setRequestHeader("HX-Request", "true");
    xhr.setRequestHeader("HX-Current-URL", location.href);
    xhr.setRequestHeader("X-CSRFToken", find(form, "[name=csrfmiddlewaretoken]", HTMLInputElement).value);
    xhr.upload.addEventListener("progress", onProgress);
    xhr.addEventListener("error", () => reject(new Error("no answer")));
    xhr.addEventListener("abort", () => reject(new Error("aborted")));
    xhr.addEventListener("load", () => {
      const signIn = xhr.getResponseHeader("HX-Redirect");
      if (signIn) location.assign(signIn);
      else if ([200, 422, 429].includes(xhr.status) && xhr.response) resolve(xhr.response);
      // The web server doesn't read what is far too large or has no room, and so answers with a page.
      else if (xhr.status === 413) resolve({ refusal: wordsOf(form).tooLarge });
      else if (xhr.status === 503) resolve({ refusal: wordsOf(form).unavailable, may_retry: true });
      else reject(new Error(`status ${xhr.status}`));
    });
    xhr.send(body);
  });
  return { answer, abort: () => xhr.abort() };
}
