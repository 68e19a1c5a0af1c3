"use strict";

/* The composer's settings and keys, the sheet that it is on phones, and what happens around a submission.
   Prices and rules are the server's: a change asks for a quote, which htmx swaps in place. */

(() => {
  const NARROW = matchMedia("(max-width: 760px)");
  const STILL = matchMedia("(prefers-reduced-motion: reduce)");
  const started = new WeakSet();

  function start(form) {
    if (started.has(form)) return;
    started.add(form);

    const generate = form.querySelector(".generate");
    const preview = form.querySelector(".preview-free");
    const quote = form.querySelector(".quote");
    const summary = () => form.querySelector(".summary");
    const words = form.querySelector(".words").dataset;
    let isUnsaved = false;
    const isSignedOut = (xhr) => xhr.getResponseHeader("HX-Redirect") !== null;

    const changed = () => form.dispatchEvent(new Event("composer:changed"));
    form.addEventListener("composer:changed", () => {
      isUnsaved = true;
      summary().replaceChildren();
      form.classList.add("is-quoting");
    });

    // --- Settings -----------------------------------------------------------------------------------------------------

    const duration = form.elements.duration;
    const isAuto = form.elements.duration_auto;
    const durationShown = form.querySelector(".duration-shown");

    const showRange = (range) => {
      const share = (range.value - range.min) / (range.max - range.min || 1);
      range.style.setProperty("--fill", `${share * 100}%`);
    };
    const showDuration = () => {
      showRange(duration);
      durationShown.value = isAuto.checked
        ? durationShown.dataset.auto
        : `${duration.value} ${durationShown.dataset.unit}`;
    };

    form.addEventListener("input", (event) => {
      const { name, type } = event.target;
      if (type === "file" || name.startsWith("new-") || name.startsWith("trim_start")) {
        if (type === "range") showRange(event.target);
        return;
      }
      // Whoever moves the slider wants that many seconds.
      if (name === "duration") isAuto.checked = false;
      if (name === "duration" || name === "duration_auto") showDuration();
      changed();
    });
    showDuration();

    form.querySelector("[data-dice]").addEventListener("click", () => {
      form.elements.seed.value = crypto.getRandomValues(new Uint32Array(1))[0];
      changed();
    });

    form.addEventListener("click", (event) => {
      if (!event.target.closest("[name=detach]")) return;
      event.preventDefault();
      form.querySelector(".remix").replaceChildren();
      changed();
    });

    // --- Keys ---------------------------------------------------------------------------------------------------------

    const isApple = /Mac|iP(hone|ad)/.test(navigator.platform);
    if (isApple) form.querySelector("[data-modifier]").textContent = "⌘";

    form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        if (!event.repeat) form.requestSubmit(generate);
      } else if (event.target.matches("input")) {
        // Enter in a small field must never spend credits.
        event.preventDefault();
      }
    });

    // --- Quotes and drafts --------------------------------------------------------------------------------------------

    const markInvalid = () => {
      for (const notes of form.querySelectorAll(".notes")) {
        const isInvalid = notes.querySelector(".note-error") !== null;
        for (const input of form.querySelectorAll(`[aria-describedby="${notes.id}"]`)) {
          input.toggleAttribute("aria-invalid", false);
          if (isInvalid) input.setAttribute("aria-invalid", "true");
        }
      }
    };

    quote.addEventListener("htmx:beforeRequest", (event) => {
      event.stopPropagation();
      // What was submitted meanwhile has had its answer, which a quote must not wipe away.
      if (!isUnsaved) event.preventDefault();
    });
    quote.addEventListener("htmx:afterRequest", (event) => {
      event.stopPropagation();
      if (event.detail.xhr.status !== 200 || isSignedOut(event.detail.xhr)) return;
      isUnsaved = false;
      form.classList.remove("is-quoting");
      markInvalid();
    });

    // The last words typed before a tab is closed are kept too.
    const keepDraft = () => {
      if (document.visibilityState !== "hidden" || !isUnsaved || !form.isConnected) return;
      const values = new FormData(form);
      for (const name of [...values.keys()]) if (name.startsWith("new-")) values.delete(name);
      isUnsaved = !navigator.sendBeacon(form.dataset.quoteUrl, values);
    };
    document.addEventListener("visibilitychange", keepDraft);

    // A session that ended takes nobody away in mid-sentence: that is for Generate to do. What the server could not keep
    // is kept in this tab until the person is back.
    quote.addEventListener("htmx:beforeOnLoad", (event) => {
      if (!isSignedOut(event.detail.xhr)) return;
      event.preventDefault();
      tell(words.signedOut);
    });
    form.addEventListener("htmx:beforeOnLoad", (event) => {
      if (event.detail.elt === form && isSignedOut(event.detail.xhr)) isUnsaved = true;
    });
    const keptAs = `composer ${location.pathname}`;
    const SETTINGS = ["prompt", "mode", "model", "aspect_ratio", "duration", "duration_auto", "resolution",
      "generate_audio", "seed", "seed_locked", "variations"];
    addEventListener("pagehide", () => {
      if (!isUnsaved || !form.isConnected) return;
      const values = [...new FormData(form)].filter(([name]) => SETTINGS.includes(name));
      sessionStorage.setItem(keptAs, JSON.stringify(values));
    });
    const restore = (kept) => {
      const values = new Map(JSON.parse(kept));
      for (const input of form.elements) {
        if (!SETTINGS.includes(input.name)) continue;
        if (input.type === "checkbox") input.checked = values.has(input.name);
        else if (input.type === "radio") input.checked = input.value === values.get(input.name);
        else input.value = values.get(input.name) ?? "";
      }
      showDuration();
      form.elements.prompt.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const kept = sessionStorage.getItem(keptAs);
    sessionStorage.removeItem(keptAs);
    // Once the other scripts listen too. A remix or an example was asked for instead of what was left here.
    if (kept && !("unsaved" in form.dataset)) requestAnimationFrame(() => restore(kept));

    if ("unsaved" in form.dataset) {
      // A remix or an example came by the address: from here on it is the draft, and a reload must not undo edits.
      history.replaceState(history.state, "", location.pathname);
      requestAnimationFrame(changed);
    }

    // --- Generate -----------------------------------------------------------------------------------------------------

    const tell = (message) => {
      const title = document.createElement("b");
      title.textContent = message;
      summary().replaceChildren(title);
    };

    // The second half of a double click is none of its own, also when the first has had its answer already and the
    // form holds the next submission.
    for (const button of [generate, preview]) {
      button?.addEventListener("click", (event) => {
        if (event.detail > 1) event.preventDefault();
      });
    }

    // htmx sends the button that was clicked or has the focus, which Ctrl+Enter need not have pressed.
    form.addEventListener("htmx:configRequest", (event) => {
      if (event.detail.elt !== form) return;
      const isPreview = event.detail.triggeringEvent?.submitter === preview && preview !== null;
      if (!isPreview) delete event.detail.parameters.engine;
      form.classList.toggle("is-previewing", isPreview);
    });

    form.addEventListener("htmx:beforeRequest", (event) => {
      if (event.detail.elt !== form) return;
      if (form.querySelector(".chip-pending")) {
        // Without them it would be another clip than the one that is looked at.
        event.preventDefault();
        tell(words.pending);
        return;
      }
      isUnsaved = false;
      form.classList.remove("is-quoting");
      quote.dispatchEvent(new Event("htmx:abort"));
      summary().replaceChildren();
    });
    // Said here, where Generate was pressed, and not by the page's toast as well. A quote that fails says nothing: the
    // price stays dim, and the next change asks again.
    form.addEventListener("htmx:sendError", (event) => {
      event.stopPropagation();
      if (event.detail.elt !== form) return;
      isUnsaved = true;
      tell(words.noAnswer);
    });
    form.addEventListener("htmx:responseError", (event) => {
      event.stopPropagation();
      if (event.detail.elt === form) tell(words.failed);
    });
    form.addEventListener("htmx:afterRequest", (event) => {
      if (event.detail.elt !== form) return;
      markInvalid();
      if (event.detail.xhr.status === 200) {
        sheet.close();
        scrollTo({ top: 0, behavior: STILL.matches ? "auto" : "smooth" });
      } else if (event.detail.xhr.status === 422) {
        form.querySelector("[aria-invalid=true]")?.focus();
        form.querySelector(".note-error")?.scrollIntoView({ block: "nearest" });
      }
    });

    const sheet = sheetOf(form);
    if ("unsaved" in form.dataset && NARROW.matches) sheet.open();
  }

  // --- The bottom sheet: on phones the form moves into a modal dialog while it is used ---------------------------------

  function sheetOf(form) {
    const home = form.closest(".composer-home");
    const dialog = document.querySelector(".composer-sheet");
    const opener = document.querySelector(".composer-fab");
    const handle = form.querySelector(".sheet-handle");
    const prompt = form.elements.prompt;

    // The sheet is a step in history while it is open: Back closes it and leaves the page where it was.
    let hasStep = false;
    const open = () => {
      if (dialog.open) return;
      dialog.append(form);
      dialog.showModal();
      prompt.focus();
      history.pushState(null, "");
      hasStep = true;
    };
    const close = () => {
      if (!dialog.open) return;
      if (hasStep) history.back();
      else dialog.close();
    };
    addEventListener("popstate", () => {
      hasStep = false;
      if (dialog.open) dialog.close();
    });
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      close();
    });

    const showDraft = () => {
      const text = prompt.value.trim();
      const shown = opener.querySelector("span");
      shown.dataset.empty ??= shown.textContent;
      shown.textContent = text || shown.dataset.empty;
      opener.classList.toggle("has-draft", text !== "");
    };
    showDraft();

    opener.addEventListener("click", open);
    dialog.addEventListener("close", () => {
      home.append(form);
      showDraft();
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) close();
    });
    NARROW.addEventListener("change", close);

    let from = null;
    handle.addEventListener("click", close);
    handle.addEventListener("pointerdown", (event) => {
      from = event.clientY;
      handle.setPointerCapture(event.pointerId);
      dialog.classList.add("is-pulled");
    });
    handle.addEventListener("pointermove", (event) => {
      if (from !== null) dialog.style.setProperty("--pull", `${Math.max(0, event.clientY - from)}px`);
    });
    const release = (event) => {
      if (from === null) return;
      const pulled = event.clientY - from;
      from = null;
      dialog.classList.remove("is-pulled");
      dialog.style.setProperty("--pull", "0px");
      if (pulled > 90) close();
    };
    handle.addEventListener("pointerup", release);
    handle.addEventListener("pointercancel", release);

    return { open, close };
  }

  // --- The page around it ---------------------------------------------------------------------------------------------

  // A submission sent twice answers with the same cards: they must not stand in the feed twice.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.id !== "clips") return;
    for (const card of event.detail.fragment.querySelectorAll("[id]")) document.getElementById(card.id)?.remove();
  });

  // The banner above the page takes from the composer's height, until it is scrolled away.
  const banner = document.querySelector(".banner");
  if (banner) {
    const measure = () => {
      const left = Math.max(0, banner.offsetHeight - scrollY);
      document.documentElement.style.setProperty("--banner-height", `${left}px`);
    };
    new ResizeObserver(measure).observe(banner);
    addEventListener("scroll", measure, { passive: true });
  }

  const startAll = () => document.querySelectorAll("form.composer").forEach(start);
  startAll();
  document.addEventListener("htmx:load", startAll);
})();
