"use strict";

/* The composer's media: files picked, dropped, pasted or linked go up at once, each with its own bar; chips are put in
   order by hand or by keys, and the prompt's tokens follow. What a file is and whether it is taken the server says. */

(() => {
  const PRESS_MS = 220;
  const DRAG_PIXELS = 6;
  const EXTENSIONS = { image: /\.(hei[cf]|jpe?g|png|webp|bmp|tiff?|gif)$/i, video: /\.(mp4|mov|m4v)$/i, audio: /\.(wav|mp3)$/i };
  const started = new WeakSet();

  function start(form) {
    if (started.has(form)) return;
    started.add(form);

    const words = form.querySelector(".words").dataset;
    const media = form.querySelector(".references");
    const pendingChip = form.querySelector(".upload-chip");
    const failedIcon = form.querySelector(".failed-icon");
    const noteLine = form.querySelector(".note-line");
    const said = form.querySelector(".composer-said");

    const fill = (text, values) => text.replace(/%(\w+)%/g, (_whole, name) => values[name]);
    const say = (text) => {
      said.textContent = text;
    };
    const note = (text, action) => {
      noteLine.hidden = false;
      noteLine.replaceChildren(text);
      if (action) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = action.label;
        button.addEventListener("click", () => {
          noteLine.hidden = true;
          action.run();
        });
        noteLine.append(button);
      }
    };

    const tellChange = () => {
      form.dispatchEvent(new Event("composer:chips"));
      form.dispatchEvent(new Event("composer:changed"));
    };

    // --- Where things go ----------------------------------------------------------------------------------------------

    const mode = () => form.elements.mode.value;
    const setMode = (value) => {
      const radio = form.querySelector(`[name=mode][value=${value}]`);
      if (radio.checked) return;
      radio.checked = true;
      radio.dispatchEvent(new Event("input", { bubbles: true }));
      radio.dispatchEvent(new Event("change", { bubbles: true }));
    };

    const holder = (field) => media.querySelector(`[data-field="${field}"]:not(.chip)`);
    const listOf = (field) => (holder(field).matches("ul") ? holder(field) : holder(field).querySelector("ul"));
    const chipsOf = (field) => [...listOf(field).children];
    const listFor = (kind) => media.querySelector(`ul.group[data-kind="${kind}"]`).dataset.field;
    const isFull = (field) => chipsOf(field).filter((chip) => !chip.matches(".chip-failed")).length >= Number(holder(field).dataset.most);

    const kindOf = (file) => {
      const kind = file.type.split("/")[0];
      if (kind in EXTENSIONS) return kind;
      return Object.keys(EXTENSIONS).find((known) => EXTENSIONS[known].test(file.name)) ?? "image";
    };

    /** The field that a file of this kind goes to in the mode in force; null, and said why, if there is no room. */
    const roomFor = (kind, wanted) => {
      if (wanted && holder(wanted).dataset.kind === kind) return wanted;
      if (mode() === "frames" && kind === "image") {
        const free = ["image_url", "last_frame_image_url"].find((field) => !isFull(field));
        if (!free) note(words.framesFull);
        return free ?? null;
      }
      if (mode() === "text") setMode("references");
      const field = listFor(kind);
      if (!isFull(field)) return field;
      note(fill(words.full, { most: holder(field).dataset.most }));
      return null;
    };

    // --- Numbers and tokens -------------------------------------------------------------------------------------------

    const order = (field) => chipsOf(field).filter((chip) => chip.dataset.asset);

    const renumber = (field) => {
      const { word } = holder(field).dataset;
      if (!word) return;
      order(field).forEach((chip, index) => {
        for (const name of chip.querySelectorAll("[data-token]")) name.textContent = `${word}${index + 1}`;
        chip.dataset.token = `${word}${index + 1}`;
      });
    };

    /** Do something to a field's chips, then let names and the prompt's tokens follow. */
    const rearrange = (field, act) => {
      const before = order(field);
      act();
      const after = order(field);
      renumber(field);
      const { word } = holder(field).dataset;
      if (word) {
        const positions = new Map();
        before.forEach((chip, index) => positions.set(index + 1, after.includes(chip) ? after.indexOf(chip) + 1 : null));
        form.dispatchEvent(new CustomEvent("composer:rename", { detail: { word, positions } }));
      }
      tellChange();
    };

    // --- Uploads ------------------------------------------------------------------------------------------------------

    const request = (url, body, { onProgress, onDone, onFailed }) => {
      const xhr = new XMLHttpRequest();
      xhr.open("POST", url);
      // As htmx does, so that an expired session answers with the way to the sign-in page.
      xhr.setRequestHeader("HX-Request", "true");
      xhr.setRequestHeader("HX-Current-URL", location.href);
      xhr.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
      xhr.upload.addEventListener("progress", (event) => onProgress?.(event));
      xhr.addEventListener("load", () => {
        const address = xhr.getResponseHeader("HX-Redirect");
        if (address) location.assign(address);
        else if (xhr.status === 200) onDone(parsed(xhr.responseText));
        else if (xhr.status === 422) onFailed(parsed(xhr.responseText).textContent.trim());
        else onFailed(words.interrupted);
      });
      xhr.addEventListener("error", () => onFailed(words.interrupted));
      xhr.send(body);
      return xhr;
    };
    const parsed = (html) => {
      const template = document.createElement("template");
      template.innerHTML = html;
      return template.content.firstElementChild;
    };

    const settle = (placeholder, chip) => {
      const { field } = chip.dataset;
      const same = order(field).find((other) => other.dataset.asset === chip.dataset.asset);
      if (same) {
        placeholder.remove();
        note(words.already);
        same.classList.add("is-known");
        setTimeout(() => same.classList.remove("is-known"), 1200);
        tellChange();
        return;
      }
      chip.classList.add("is-new");
      if (placeholder.dataset.field === field) placeholder.replaceWith(chip);
      else {
        placeholder.remove();
        if (isFull(field)) {
          note(fill(words.full, { most: holder(field).dataset.most }));
          return;
        }
        listOf(field).append(chip);
      }
      renumber(field);
      say(fill(words.added, { name: chip.querySelector(".chip-name").textContent }));
      tellChange();
    };

    const send = ({ field, name, file, url }) => {
      const chip = pendingChip.content.firstElementChild.cloneNode(true);
      const bar = chip.querySelector("progress");
      chip.dataset.field = field;
      chip.querySelector(".chip-name").textContent = name;
      let preview = null;
      if (file?.type.startsWith("image/")) {
        preview = URL.createObjectURL(file);
        const picture = document.createElement("img");
        picture.alt = "";
        picture.addEventListener("error", () => picture.remove());
        picture.src = preview;
        chip.querySelector(".chip-face").append(picture);
      }
      listOf(field).append(chip);

      const body = new FormData();
      body.set("field", field);
      if (file) body.set("file", file, file.name);
      else body.set("url", url);
      if (url) bar.removeAttribute("value");

      const forget = () => {
        if (preview) URL.revokeObjectURL(preview);
      };
      const xhr = request(form.dataset.uploadUrl, body, {
        onProgress: ({ loaded, total }) => {
          if (loaded < total) bar.value = (100 * loaded) / total;
          // All bytes are there: now the studio looks into the file, and how long that takes nobody knows.
          else bar.removeAttribute("value");
        },
        onDone: (made) => {
          forget();
          settle(chip, made);
        },
        onFailed: (message) => {
          chip.classList.replace("chip-pending", "chip-failed");
          chip.removeAttribute("aria-busy");
          const reason = document.createElement("p");
          reason.className = "chip-refusal";
          reason.role = "alert";
          reason.textContent = message;
          chip.append(reason);
          chip.querySelector(".chip-face").replaceChildren(failedIcon.content.cloneNode(true));
          if (message === words.interrupted) {
            const again = document.createElement("button");
            again.type = "button";
            again.className = "quiet";
            again.textContent = words.retry;
            again.addEventListener("click", () => {
              chip.remove();
              send({ field, name, file, url });
            });
            chip.append(again);
          }
        },
      });
      chip.querySelector("[data-cancel]").addEventListener("click", () => {
        xhr.abort();
        forget();
        chip.remove();
        tellChange();
      });
    };

    const take = (files, wanted) => {
      noteLine.hidden = true;
      for (const file of files) {
        const field = roomFor(kindOf(file), wanted);
        if (field) send({ field, name: file.name, file });
      }
    };
    const takeUrl = (url) => {
      noteLine.hidden = true;
      const field = roomFor("image");
      if (field) send({ field, name: url.split("/").pop() || url, url });
    };

    form.addEventListener("change", (event) => {
      const input = event.target;
      // What was said of the other mode is over.
      if (input.name === "mode") noteLine.hidden = true;
      if (input.type !== "file") return;
      const files = [...input.files];
      // Else they would be sent once more with the form.
      input.value = "";
      take(files, holder(input.name.replace("new-", "")) ? input.name.replace("new-", "") : null);
    });

    const linked = form.elements["new-url"];
    const addLinked = () => {
      const url = linked.value.trim();
      if (!url) return linked.focus();
      linked.value = "";
      linked.closest("details").open = false;
      return takeUrl(url);
    };
    form.querySelector("[data-add-url]").addEventListener("click", (event) => {
      event.preventDefault();
      addLinked();
    });
    linked.addEventListener("keydown", (event) => {
      if (event.key === "Enter") addLinked();
    });
    form.querySelector(".from-link").addEventListener("toggle", (event) => {
      if (event.target.open) linked.focus();
    });

    form.addEventListener("paste", (event) => {
      const files = [...event.clipboardData.files];
      if (files.length) {
        event.preventDefault();
        take(files);
        return;
      }
      const text = event.clipboardData.getData("text/plain").trim();
      if (event.target === form.elements.prompt && /^https?:\/\/\S+\.(jpe?g|png|webp|gif|bmp|tiff?|heic|mp4|mov|wav|mp3)(\?\S*)?$/i.test(text)) {
        event.preventDefault();
        takeUrl(text);
      }
    });

    // --- Dropping -----------------------------------------------------------------------------------------------------

    let depth = 0;
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const showReceiving = (isOn) => {
      form.classList.toggle("is-receiving", isOn);
      if (isOn) return;
      depth = 0;
      for (const slot of media.querySelectorAll(".is-over")) slot.classList.remove("is-over");
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
      const over = event.target.closest(".frame-slot");
      for (const slot of media.querySelectorAll(".frame-slot")) slot.classList.toggle("is-over", slot === over);
    });
    form.addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      showReceiving(false);
      take([...event.dataTransfer.files], event.target.closest(".frame-slot")?.dataset.field);
    });

    // --- Chips: insert, remove, move, swap, trim ----------------------------------------------------------------------

    const move = (chip, step) => {
      const { field } = chip.dataset;
      const chips = order(field);
      const target = chips[chips.indexOf(chip) + step];
      if (!target) return;
      rearrange(field, () => (step < 0 ? target.before(chip) : target.after(chip)));
      say(
        fill(words.moved, {
          name: chip.querySelector(".chip-face").title,
          position: order(field).indexOf(chip) + 1,
          count: chips.length,
        }),
      );
    };

    const remove = (chip) => {
      const { field } = chip.dataset;
      const index = chipsOf(field).indexOf(chip);
      const text = form.elements.prompt.value;
      const name = chip.querySelector(".chip-name").textContent;
      const neighbour = chip.nextElementSibling ?? chip.previousElementSibling;
      rearrange(field, () => chip.remove());
      (neighbour?.querySelector(".chip-face") ?? form.elements.prompt).focus({ preventScroll: true });
      note(fill(words.removed, { name }), {
        label: words.undo,
        run: () => {
          const list = listOf(field);
          list.insertBefore(chip, list.children[index] ?? null);
          renumber(field);
          form.dispatchEvent(new CustomEvent("composer:prompt", { detail: text }));
          tellChange();
        },
      });
    };

    const swap = () => {
      const [first, last] = ["image_url", "last_frame_image_url"].map(listOf);
      const labels = [first, last].map((list) => list.closest(".frame-slot").querySelector(".add input").ariaLabel);
      const [firstChips, lastChips] = [[...first.children], [...last.children]];
      first.replaceChildren(...lastChips);
      last.replaceChildren(...firstChips);
      [first, last].forEach((list, index) => {
        const { field } = list.closest(".frame-slot").dataset;
        for (const chip of list.children) {
          chip.dataset.field = field;
          chip.querySelector(".chip-name").textContent = labels[index];
          chip.querySelector("input[type=hidden]")?.setAttribute("name", field);
        }
      });
      tellChange();
    };

    const trim = (chip, button) => {
      const body = new FormData(form);
      for (const name of [...body.keys()]) if (name.startsWith("new-")) body.delete(name);
      body.set("trim", button.value);
      button.disabled = true;
      chip.setAttribute("aria-busy", "true");
      chip.querySelector(".chip-refusal")?.remove();
      request(form.dataset.trimUrl, body, {
        onDone: (made) => {
          made.classList.add("is-new");
          chip.replaceWith(made);
          renumber(made.dataset.field);
          tellChange();
        },
        onFailed: (message) => {
          button.disabled = false;
          chip.removeAttribute("aria-busy");
          const reason = document.createElement("p");
          reason.className = "chip-refusal";
          reason.role = "alert";
          reason.textContent = message;
          chip.querySelector(".trim").append(reason);
        },
      });
    };

    const clock = (seconds) => {
      const whole = Math.round(seconds);
      return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
    };
    media.addEventListener("input", (event) => {
      const panel = event.target.closest(".trim");
      if (!panel) return;
      const from = Number(event.target.value);
      panel.querySelector(".trim-shown").value = `${clock(from)} – ${clock(from + Number(panel.dataset.seconds))}`;
      const video = panel.querySelector("video");
      if (video) {
        video.preload = "metadata";
        video.currentTime = from;
      }
    });

    let wasDragged = false;
    media.addEventListener("click", (event) => {
      const chip = event.target.closest(".chip");
      const button = event.target.closest("button");
      if (!button || button.type !== "submit") {
        if (chip && button?.matches(".chip-face") && chip.dataset.token && !wasDragged) {
          form.dispatchEvent(new CustomEvent("composer:insert", { detail: chip.dataset.token }));
        }
        return;
      }
      event.preventDefault();
      if (button.name === "remove") remove(chip);
      else if (button.name === "swap") swap();
      else if (button.name === "trim") trim(chip, button);
      else if (button.dataset.move) {
        move(chip, Number(button.dataset.move));
        button.focus();
      }
    });

    media.addEventListener("keydown", (event) => {
      const chip = event.target.closest(".chip[data-asset]");
      if (!chip || !event.target.matches(".chip-face")) return;
      if (event.altKey && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
        event.preventDefault();
        move(chip, event.key === "ArrowLeft" ? -1 : 1);
        event.target.focus();
      } else if (["Delete", "Backspace"].includes(event.key)) {
        event.preventDefault();
        remove(chip);
      }
    });

    // --- Order by hand: at once with a mouse, after a short press with a finger (which else scrolls) ---------------------

    media.addEventListener("pointerdown", (event) => {
      const chip = event.target.closest(".chip-face")?.closest(".chip[data-asset]");
      if (!chip || event.button !== 0 || order(chip.dataset.field).length < 2) return;
      const { field } = chip.dataset;
      const from = { x: event.clientX, y: event.clientY };
      let isDragging = false;
      let home = null;
      const before = order(field);

      const begin = () => {
        isDragging = wasDragged = true;
        chip.classList.add("is-dragging");
        form.classList.add("is-sorting");
        home = chip.getBoundingClientRect();
        navigator.vibrate?.(8);
      };
      const timer = event.pointerType === "mouse" ? null : setTimeout(begin, PRESS_MS);

      const onMove = (moved) => {
        const [x, y] = [moved.clientX - from.x, moved.clientY - from.y];
        if (!isDragging) {
          if (Math.hypot(x, y) < DRAG_PIXELS) return;
          if (timer !== null) return stop();
          begin();
        }
        const over = document.elementFromPoint(moved.clientX, moved.clientY)?.closest(".chip[data-asset]");
        if (over && over !== chip && over.dataset.field === field) {
          const chips = order(field);
          if (chips.indexOf(chip) < chips.indexOf(over)) over.after(chip);
          else over.before(chip);
          renumber(field);
        }
        chip.style.setProperty("--drag-x", "0px");
        chip.style.setProperty("--drag-y", "0px");
        const rest = chip.getBoundingClientRect();
        chip.style.setProperty("--drag-x", `${home.x + x - rest.x}px`);
        chip.style.setProperty("--drag-y", `${home.y + y - rest.y}px`);
      };
      const hold = (touched) => {
        if (isDragging) touched.preventDefault();
      };
      const stop = () => {
        clearTimeout(timer);
        document.removeEventListener("pointermove", onMove);
        document.removeEventListener("pointerup", stop);
        document.removeEventListener("pointercancel", stop);
        media.removeEventListener("touchmove", hold);
        if (!isDragging) return;
        chip.classList.remove("is-dragging");
        form.classList.remove("is-sorting");
        const after = order(field);
        // The click that follows a drag is none.
        setTimeout(() => (wasDragged = false));
        if (after.every((other, index) => other === before[index])) return;
        // The chips moved while the hand did; the tokens follow in one step, from the order at its start.
        const list = listOf(field);
        list.append(...before);
        rearrange(field, () => list.append(...after));
      };
      document.addEventListener("pointermove", onMove);
      document.addEventListener("pointerup", stop);
      document.addEventListener("pointercancel", stop);
      media.addEventListener("touchmove", hold, { passive: false });
    });

    for (const list of media.querySelectorAll("ul.group")) renumber(list.dataset.field);
    tokensReady(form);
  }

  const tokensReady = (form) => form.dispatchEvent(new Event("composer:chips"));

  const startAll = () => document.querySelectorAll("form.composer").forEach(start);
  startAll();
  document.addEventListener("htmx:load", startAll);
})();
