// What goes with creating a key: its name, the panel with its value, and code to put it into. A page or a part that has one of these names
// this script, and app.js fetches it then: a look at the list need not.
(() => {
  "use strict";
  const { $, besides, owner, toClipboard, hours, t } = window.latchkey;

  // --- The once-only panel -------------------------------------------------------------------------------------------

  const panel = () => $("#once");
  let leaving = false; // the person has decided
  const unsaved = () => !leaving && panel() && !panel().dataset.saved;

  // The page has the sentences.
  function say(what) { $("#saved").textContent = $("#saved").dataset[what].replace("{time}", hours(new Date(), 5)); }

  // What was copied or downloaded is saved: from then on nothing asks. The server hears of it once, by a beacon, which
  // arrives also when the page is left at once: nobody waits for it.
  function saved(how) {
    if (!panel().dataset.saved && $(".done").method === "post") {
      navigator.sendBeacon($(".done").action, new URLSearchParams({ how, owner, script: 1 }));
    }
    panel().dataset.saved = how;
    say(how);
  }

  async function copyValue() {
    if (await toClipboard($("#value").textContent)) {
      saved("copied");
      return;
    }
    reveal(true);
    getSelection().selectAllChildren($("#value"));
    say("selected");
  }
  document.addEventListener("copy", () => {
    if (panel() && getSelection().toString().trim() === $("#value").textContent) saved("copied");
  });

  function reveal(show) {
    $("#value").classList.toggle("masked", !show);
    $("#value").ariaHidden = String(!show);
    const button = $("[data-once=show]");
    button.classList.toggle("on", show);
    $("span", button).textContent = show ? t("script.hide", "Hide") : t("script.show", "Show");
  }

  function download(button) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([button.dataset.env + $("#value").textContent + "\n"], { type: "text/plain" }));
    link.download = button.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser may still be reading it
    saved("downloaded");
  }

  addEventListener("beforeunload", (event) => {
    if (unsaved()) event.preventDefault();
  });

  let goOn = null; // what the person was about to do, told the id of a key that is gone
  function ask(event, then) {
    event.preventDefault();
    event.stopImmediatePropagation();
    goOn = then;
    $("#leaving").showModal();
  }

  // The window hears of a click before anything on the page does with it what it otherwise would.
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || !unsaved() || link.closest("#dialog") || link.matches("[hx-get]:not([data-shortcut]), [download], [target], [href^='#']")) return;
    if (besides(event)) return;
    ask(event, (gone) => { location.href = gone && link.href.includes(gone) ? "/keys" : link.href; });
  }, true);

  addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.once === "leave-delete") {
      event.preventDefault();
      deleteAndGoOn(form);
      return;
    }
    if (form.matches(".done")) { // it has been sent
      event.preventDefault();
      if (!unsaved()) location.assign(form.method === "post" ? "/keys" : form.action);
      else {
        say("unsaved");
        $("[data-once=copy]").focus();
      }
      return;
    }
    if (!unsaved() || form.method === "dialog" || form.closest("#once") || form.matches("[hx-post]")) return;
    const button = event.submitter;
    ask(event, () => form.requestSubmit(button));
  }, true);

  // Deletes the key whose value nobody has, then does what the person was about to do. When that fails the form is sent as
  // it would be without script, and the page that answers it says why.
  async function deleteAndGoOn(form) {
    leaving = true;
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { "HX-Request": "true", "Latchkey-Owner": owner } });
      await answer.text(); // to its end: going on would cut it off
      if (answer.headers.get("HX-Redirect") !== "/keys") throw new Error("not deleted");
    } catch {
      form.submit();
      return;
    }
    goOn(panel().dataset.key);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-once]");
    switch (button?.dataset.once) {
      case "copy": copyValue(); break;
      case "show": reveal($("#value").matches(".masked")); break;
      case "download": download(button); break;
      case "leave-keep":
        leaving = true;
        goOn?.();
        break;
    }
  });

  // --- Hand-off ------------------------------------------------------------------------------------------------------

  // The system a person chose last, in this browser, which may keep nothing: no reason to fail.
  const systemKey = "latchkey-system";
  const chosen = () => $("[name=system]:checked");
  function chooseSystem() {
    let system = "";
    try { system = localStorage.getItem(systemKey) ?? ""; } catch { /* not kept */ }
    for (const radio of document.querySelectorAll("[name=system]")) if (radio.value === system) radio.checked = true;
    fits();
  }

  // fits says which code can hold the value: a file may name another one, and some characters of a value mean something in code.
  function fits() {
    const button = $("[data-handoff=key]");
    if (button) button.hidden = !markOf(chosen()).dataset.literal || !/^[\w.~+/=-]+$/.test($("#value").textContent);
  }
  const markOf = (radio) => $("mark", radio.parentNode.nextElementSibling);

  // The value is put into what is copied, and never into the page, which has it once.
  async function copyCode(withKey) {
    const place = markOf(chosen());
    const code = place.parentNode.cloneNode(true);
    if (withKey) $("mark", code).textContent = place.dataset.literal.replace("%s", () => $("#value").textContent);
    const told = $("#copied");
    if (await toClipboard(code.textContent)) {
      told.textContent = t("script.code-copied", "✓ Copied");
      if (withKey) saved("copied");
      return;
    }
    getSelection().selectAllChildren(place.parentNode);
    told.textContent = t("script.code-selected", "This browser doesn’t let a page copy. The code is selected, without the key: press Ctrl+C, or ⌘C on a Mac.");
  }

  document.addEventListener("change", (event) => {
    if (event.target.name !== "system") return;
    $("#copied").textContent = "";
    fits();
    try { localStorage.setItem(systemKey, event.target.value); } catch { /* not kept */ }
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-handoff]");
    if (button) copyCode(button.dataset.handoff === "key");
  });
  document.addEventListener("htmx:after:swap", ({ detail }) => { if (detail.ctx.target === "#compose") chooseSystem(); });
  if ($("#value")) reveal(false);
  if (chosen()) chooseSystem();

  // --- Names ------------------------------------------------------------------------------------------------------

  // The name closest to what is typed that a key can have, as the server would suggest it; "" with letters of other alphabets.
  const whole = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ħ: "h", ı: "i", ŋ: "n", ŧ: "t", ĸ: "k" };
  const plain = (typed) => typed.normalize("NFKD").replace(/([aou])\u0308/gi, "$1e").replace(/\p{Mn}/gu, "").replace(/[^\0-~]/gu, (c) => {
    const letters = whole[c.toLowerCase()] ?? c;
    return c === c.toLowerCase() ? letters : letters.toUpperCase();
  });
  function allowed(typed) {
    typed = typed.trim();
    if (/^[\w-]{1,64}$/.test(typed)) return typed;
    typed = plain(typed);
    return /[^\0-~]/.test(typed.replace(/[^\p{L}\p{N}]/gu, "")) ? "" : typed.replace(/\W+/g, "-").replace(/^-/, "").slice(0, 64).replace(/-+$/, "");
  }
  // A value that is pasted into the wrong field is asked nothing about: it would be in an address. Nor is a form that has been sent.
  document.addEventListener("htmx:config:request", (event) => {
    const { id, sent, value } = event.target;
    if (id === "name" && (sent || /[^\W_]{64}/.test(value + " " + $("#label").value))) event.preventDefault();
  });
  // A name is suggested until the person types one. What has letters of other alphabets the server names: it says how, beside the empty field.
  document.addEventListener("input", ({ target, isTrusted }) => {
    const name = $(".create #name");
    if (target === name && isTrusted) name.typed = name.value;
    if (target.id !== "label" || !name || (name.typed ?? name.defaultValue)) return;
    name.value = allowed(target.value).toLowerCase();
    name.dispatchEvent(new Event("input", { bubbles: true }));
  });
  document.addEventListener("submit", ({ target: form }) => {
    const field = form.matches(".create") && $("#name", form);
    if (!field) return;
    field.value = allowed(field.value) || field.value;
    field.sent = field.dispatchEvent(new Event("htmx:abort"));
  }, true);
  document.addEventListener("click", ({ target }) => {
    const name = target.dataset.name;
    if (!name) return;
    $("#name").value = name;
    $("#name").focus();
  });

  // Who types fast was here before this script.
  if ($("#label")?.value) $("#label").dispatchEvent(new Event("input", { bubbles: true }));

  // A person who has just registered types a label next, where that opens no keyboard over half the page.
  if (document.readyState !== "complete" && matchMedia("(hover: hover)").matches) $(".first #label")?.focus();
})();
