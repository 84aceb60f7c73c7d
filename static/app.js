// What htmx does not do: dialogs, menus, the toast and the switches' waiting look. Everything here improves
// pages that work without it.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const besides = (event) => event.button || event.ctrlKey || event.metaKey || event.shiftKey; // a click that opens another tab
  document.documentElement.classList.add("js");

  // Texts are in the language of the page: see words.js, which an English page does not have.
  const {
    t = (id, text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]), tn = (id, n, one, other) => t(id, n === 1 ? one : other, { n }), times,
  } = window.latchkeyWords ?? {};

  // Whose page this is: another tab may have signed in somebody else since. Forms say it in a field of their own.
  const owner = $("meta[name=owner]")?.content ?? "";
  document.addEventListener("htmx:config:request", ({ detail }) => { detail.ctx.request.headers["Latchkey-Owner"] = owner; });

  // A page in the back-forward cache keeps its content, "no-store" or not: the value must not wait there for the next person.
  addEventListener("pagehide", () => {
    $("#value")?.replaceChildren();
    if ($("#adopt-value")) $("#adopt-value").value = "";
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  // The clipboard is there on https and on this machine alone. Elsewhere an old command may do it; whether it did is seen
  // by the copy event, not by what the command answers.
  async function toClipboard(text) {
    if (window.isSecureContext && navigator.clipboard) {
      try {
        await navigator.clipboard.writeText(text);
        return true;
      } catch { /* not permitted: try the other way */ }
    }
    let copied = false;
    const onCopy = (event) => {
      event.clipboardData.setData("text/plain", text);
      event.preventDefault();
      copied = true;
    };
    const carrier = document.createElement("textarea");
    carrier.className = "offscreen";
    carrier.value = "x";
    const before = document.activeElement;
    document.addEventListener("copy", onCopy, { once: true });
    document.body.append(carrier);
    carrier.select();
    const accepted = document.execCommand("copy");
    carrier.remove();
    document.removeEventListener("copy", onCopy);
    before?.focus();
    return accepted && copied;
  }

  // What goes with creating a key is a script of its own. It is there before a form can be sent, and so before there is a value. So is what
  // goes with passkeys.
  function fetchScripts() {
    for (const { dataset: { script: src } } of document.querySelectorAll("[data-script]")) {
      if (!$("head [src='" + src + "']")) document.head.append(Object.assign(document.createElement("script"), { src }));
    }
  }

  document.addEventListener("keydown", (event) => { // a box is no place to send a form from
    if (event.key === "Enter" && event.target.type === "checkbox") event.preventDefault();
  });

  // --- Dialogs -------------------------------------------------------------------------------------------------------

  const dialog = $("#dialog");
  let row = -1; // where in the list the dialog was opened, to put the focus back nearby

  // A link's dialog opens at once, with its title, and fills when the answer is there. Whoever closes it first will not see it again.
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("a[hx-target='#dialog']");
    if (!opener || besides(event)) return;
    const key = opener.closest(".key");
    row = [...document.querySelectorAll("#keys .key")].indexOf(key);
    const menu = opener.closest("details.menu");
    if (menu) {
      menu.open = false;
      $("summary", menu).focus(); // the link is hidden now: the dialog gives the focus back to what can be seen
    }
    const act = opener.textContent.trim().replace("…", "");
    const title = opener.dataset.title ?? (key ? t("script.about-key", "{act} {key}?", { act, key: $(".name", key).textContent }) : act);
    dialog.replaceChildren(
      Object.assign(document.createElement("h2"), { id: "dialog-title", textContent: title }),
      Object.assign(document.createElement("p"), { className: "hint", textContent: t("script.moment", "One moment…") }),
    );
    dialog.ariaBusy = "true";
    dialog.showModal();
  }, true);
  document.addEventListener("htmx:after:swap", (event) => {
    if (!dialog) return;
    const { target, sourceElement: source } = event.detail.ctx;
    if (target === dialog || target === "#dialog") { // a link's target, or the answer's own
      dialog.ariaBusy = null;
      if (source.matches("form") && !dialog.open) {
        dialog.showModal();
        // A form's button could not be used when the dialog opened, so the dialog does not know it had the focus.
        dialog.addEventListener("close", () => {
          $("button", source).focus();
          if (placeOf(source) && document.activeElement === document.body) focusNear(placeOf(source)); // the toast has gone
        }, { once: true });
      }
      $("[autofocus]", dialog)?.focus();
    } else if (dialog.open && dialog.contains(source) && !target.closest?.("dialog")) {
      dialog.close();
      const names = document.querySelectorAll("#keys .key a.name");
      ((target === "#compose" && $("#once-title")) || names[Math.min(row, names.length - 1)] || $("#heading")).focus();
    }
  });
  document.addEventListener("htmx:finally:request", ({ target }) => {
    if (dialog?.ariaBusy && target.matches?.("[hx-target='#dialog']")) dialog.close(); // the answer went elsewhere
  });
  dialog?.addEventListener("close", () => { dialog.ariaBusy = null; });
  document.addEventListener("click", (event) => event.target.closest("[data-close]")?.closest("dialog").close());

  // The name of what is in use has to be typed.
  document.addEventListener("input", ({ target }) => {
    if (target.dataset.typed) $(".danger", target.form).ariaDisabled = String(target.value.trim() !== target.dataset.typed);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".danger[aria-disabled=true]");
    if (!button) return;
    event.preventDefault();
    $("[data-typed]", button.form)?.focus();
  }, true);

  // The password in the dialog was right, or the passkey: now the browser sends the form itself, and without it.
  document.addEventListener("htmx:after:request", ({ target, detail }) => {
    if (!target.matches?.("[data-proof]") || detail.ctx.response?.status !== 204) return;
    for (const proof of target.querySelectorAll("[data-answer], [name=challenge], [name=password]")) proof.disabled = true;
    target.inert = true;
    target.submit();
  });

  // A password can be looked at while it is typed, and is none to see when it is sent.
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-peek]");
    if (button) peek(button, button.previousElementSibling.type === "password");
  });
  function peek(button, shown) {
    button.previousElementSibling.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  }

  // What a link carries in an address would stay in the browser's history.
  if (/^\/(reset|confirm|login\/with\/.+)$/.test(location.pathname)) history.replaceState(null, "", location.pathname);

  // --- Menus ---------------------------------------------------------------------------------------------------------

  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("focusin", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("toggle", ({ target: menu }) => {
    if (!menu.matches("details.menu")) return;
    menu.classList.toggle("up", menu.open && $("div", menu).getBoundingClientRect().bottom > innerHeight);
  }, true);
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.menu[open]");
    if (event.key === "Escape") {
      closeMenus();
      if (menu) $("summary", menu).focus();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!menu || !step) return;
    const all = [...menu.querySelectorAll("a, button, input:not([type=hidden])")];
    all.at((all.indexOf(event.target) + (step < 0 && event.target.matches("summary") ? 0 : step)) % all.length).focus();
    event.preventDefault();
  });

  // --- The toast -----------------------------------------------------------------------------------------------------

  const toast = $(".toast");
  let fading;
  function tell(text) { $("#status").textContent = text; }
  function showToast() {
    clearTimeout(fading);
    toast.classList.toggle("shown", $("#status").textContent !== "");
    fading = setTimeout(() => (toast.matches(":hover, :focus-within") ? showToast() : toast.classList.remove("shown")), 8000);
  }
  new MutationObserver(showToast).observe($("#status"), { childList: true, characterData: true, subtree: true });
  showToast();

  // --- Copying -------------------------------------------------------------------------------------------------------

  // A button says what it copies, or where that stands. It shows a check for as long as that is news.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-text]");
    if (!button) return;
    const from = button.dataset.copy && $(button.dataset.copy, button.closest(".key") ?? document);
    if (await toClipboard(button.dataset.copyText ?? from.textContent)) {
      tell(t("script.copied", "Copied."));
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 2000);
    } else {
      if (from) getSelection().selectAllChildren(from);
      tell(t("script.no-copy", "This browser doesn’t let a page copy."));
    }
    closeMenus();
  });

  // --- Shortcuts -----------------------------------------------------------------------------------------------------

  const shortcutsKey = "latchkey-shortcuts";
  let shortcuts = true;
  try { shortcuts = localStorage.getItem(shortcutsKey) !== "off"; } catch { /* not kept */ }
  const choice = $("[data-shortcuts]");
  if (choice) choice.checked = shortcuts;
  choice?.addEventListener("change", () => {
    shortcuts = choice.checked;
    try { localStorage.setItem(shortcutsKey, shortcuts ? "on" : "off"); } catch { /* not kept */ }
  });
  document.addEventListener("keydown", (event) => {
    if (!shortcuts || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    const to = event.key === "?" ? $(".bottom [href='/help']") : $("[data-shortcut=\"" + CSS.escape(event.key) + "\"]");
    if (!to) return;
    event.preventDefault();
    if (to.matches("input")) to.focus();
    else to.click();
  });

  // --- The list ------------------------------------------------------------------------------------------------------

  // What the list is narrowed down to stands in the address, and links back to the list carry it.
  const listKey = "latchkey-list";
  function keepList() {
    const q = $("#q");
    if (q) {
      const asked = new URLSearchParams([...new FormData(q.form)].filter(([, value]) => value)).toString();
      history.replaceState(history.state, "", "/keys" + (asked && "?" + asked));
    }
    try {
      if (location.search) sessionStorage.setItem(listKey, location.search);
      else sessionStorage.removeItem(listKey);
    } catch { /* not kept */ }
  }
  document.addEventListener("htmx:after:swap", () => {
    if ($("#q")) keepList();
    count();
  });

  // A row that was turned, or is gone, changes the counts beside the filters, which are drawn again only with the whole list.
  function count() {
    ["", ":not(.off)", ".off"].forEach((which, i) => {
      const n = document.querySelectorAll("#keys .key:not(.gone)" + which).length;
      const chip = $("#filters")?.children[i];
      if (!chip) return;
      chip.textContent = chip.textContent.replace(/\d+$/, (all) => +all + n - (chip.seen ?? n));
      chip.seen = n;
    });
  }
  count();
  if (location.pathname === "/keys") keepList();
  else {
    try {
      if (!owner) sessionStorage.removeItem(listKey); // the next person's list is another one
      for (const back of document.querySelectorAll(".back [href='/keys']")) back.href += sessionStorage.getItem(listKey) ?? "";
    } catch { /* not kept */ }
  }

  // --- Requests on their way -----------------------------------------------------------------------------------------

  document.addEventListener("htmx:before:request", ({ target, detail }) => waiting(target, true, detail.ctx.request.submitter));
  document.addEventListener("htmx:finally:request", ({ target, detail }) => waiting(target, false, detail.ctx.request.submitter));
  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx?.response) return; // the answer came; what went wrong is ours and is in the console
    tell(t("script.no-answer", "No answer from this server. Check the connection, then try again."));
  });

  // Where the whole page goes, what was asked shows it for as long as the page is there. A file comes and leaves the page as it is.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || besides(event) || event.defaultPrevented || link.origin !== location.origin || link.matches("[download], [target], [href^='#']")) return;
    if (!/\.\w+$/.test(link.pathname)) link.ariaBusy = "true";
  });
  // A form that was sent is not sent again: the browser would drop the first answer, which may be the one with a value.
  document.addEventListener("submit", (event) => {
    const { target, submitter } = event;
    for (const button of target.querySelectorAll("[data-peek]")) peek(button, false);
    if (event.defaultPrevented || target.method === "dialog" || target.matches("[hx-post]")) return;
    if (submitter?.ariaBusy) event.preventDefault();
    else if (submitter) submitter.ariaBusy = "true";
    waiting(target, true, submitter);
  });

  // A form says what it waits for. A switch keeps showing what the server last said meanwhile; a search marks the list busy.
  function waiting(source, on, submitter) {
    if (source.id === "q") $("#keys").ariaBusy = String(on);
    if (source.matches?.("a")) source.ariaBusy = on ? "true" : null;
    const told = source.matches?.("form") && ((submitter && $("[data-doing]", submitter)) ?? $("[data-doing]", source));
    if (!told) return;
    const button = told.closest("button") ?? $("button", source);
    if (on) {
      told.dataset.was = told.textContent;
      told.textContent = told.dataset.doing;
      button.ariaDisabled = "true";
    } else if (told.dataset.was) {
      told.textContent = told.dataset.was;
      button.ariaDisabled = null;
      const row = source.closest("[data-missed]");
      if (!row?.isConnected) return;
      delete row.dataset.missed;
      htmx.trigger(row, "arrived");
    }
  }

  // What the page asks by itself must not take a row away from under an act on it, whose answer would have no place any more.
  // The answer draws the row as it is then; without one the page asks again.
  document.addEventListener("htmx:before:swap", (event) => {
    const row = event.detail.ctx.sourceElement;
    if (!row.matches("[hx-trigger=arrived]") || !$("[aria-disabled=true]", row)) return;
    event.preventDefault();
    row.dataset.missed = "";
  });

  // --- Times ---------------------------------------------------------------------------------------------------------

  // The words are those of the server, views/when.go and package times, which learns from a cookie by which clock the person lives. Until it knows, and
  // as time goes on, they are written here.
  const [clockCookie, drawnBy, serverTime] = ($("meta[name=clock]")?.content ?? "").split(" ");
  const ahead = serverTime * 1000 - Date.now(); // of this machine's clock, which may be wrong
  const { timeZone, hour12 } = new Intl.DateTimeFormat([], { hour: "numeric" }).resolvedOptions();
  const ownClock = timeZone + (hour12 ? ".12" : "");

  const words = {
    now: "just now",
    ago: (n, unit) => `${n} ${unit}${n > 1 ? "s" : ""} ago`,
    date: (at, year) => at.getDate() + at.toDateString().slice(3, 7) + (year ? " " + year : ""),
    comma: ", ",
    twelve: (hours, pm) => hours + (pm ? " PM" : " AM"),
    ...times,
  };
  const hours = (at, length) => {
    const text = at.toTimeString().slice(0, length);
    return hour12 ? words.twelve((at.getHours() % 12 || 12) + text.slice(2), at.getHours() > 11) : text;
  };
  const dateOf = (at, now) => words.date(at, at.getFullYear() !== now?.getFullYear() && at.getFullYear());
  function wordsFor(rule, at, now, age) {
    if (rule === "countdown") return new Date(Math.max(-age, 0) * 1000).toISOString().slice(14, 19).replace(/^0/, "");
    if (rule === "hour" || (rule === "clock" && at.toDateString() === now.toDateString())) return hours(at, 5);
    if (rule === "clock") return dateOf(at, now) + words.comma + hours(at, 5);
    if (rule === "date" || age >= 604800 || age < -3600) return dateOf(at, now);
    for (const [unit, seconds] of [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]]) {
      const n = Math.floor(age / seconds);
      if (n > (seconds > 1 ? 0 : rule ? 4 : n)) return words.ago(n, unit);
    }
    return words.now;
  }

  // Headings of days are left alone, because more than words depends on them, and countdowns that have ended.
  function writeTimes(which = "time:not(.day)") {
    const now = new Date(Date.now() + ahead);
    for (const time of document.querySelectorAll(which)) {
      const rule = time.className;
      const at = new Date(time.dateTime);
      const age = Math.floor((now - at) / 1000);
      const text = wordsFor(rule, at, now, age);
      if (time.textContent !== text) time.textContent = text;
      time.title = dateOf(at) + words.comma + hours(at, 8);
      if (rule !== "countdown" || age < 0) continue;
      time.className = "day"; // for good
      htmx.trigger(time.closest("[hx-trigger~=arrived]") ?? time, "arrived");
    }
  }
  if (clockCookie) {
    const foreign = () => { if (drawnBy !== ownClock) writeTimes(); };
    const pair = clockCookie + "=" + ownClock + ";";
    const kept = () => (document.cookie + ";").includes(pair);
    if (!kept()) {
      document.cookie = pair + "path=/;max-age=31536000;samesite=lax" + (clockCookie.startsWith("__Host-") ? ";secure" : "");
      if ($("time.day") && kept()) location.reload(); // the server told days apart by another clock
    }
    foreign();
    document.addEventListener("htmx:after:swap", foreign);
    let seconds = 0;
    setInterval(() => writeTimes(++seconds % 30 ? ".countdown, .recent" : undefined), 1000);
  }

  window.latchkey = { $, besides, owner, toClipboard, hours, t, tn };
  fetchScripts();
  document.addEventListener("htmx:after:swap", fetchScripts);

  // On paper each key says when it was created, which its id begins with.
  addEventListener("beforeprint", () => {
    for (const row of document.querySelectorAll("#keys .key")) {
      $(".text", row).dataset.paper = t("script.created", "Created {date}", { date: dateOf(new Date(parseInt(row.id.slice(4, 12), 16) * 1000)) });
    }
  });

  // --- Arrival -------------------------------------------------------------------------------------------------------

  // What may change without the person names the stream that tells: itself, or a list of rows that wait, each for itself.
  // Nobody looks at a hidden tab, and a page in the back-forward cache must not hold a connection.
  const streams = new Map(); // element → its stream
  function listen(on = !document.hidden) {
    for (const [element, stream] of streams) {
      if (on && element.isConnected && element.dataset.arrival === stream.path) continue;
      stream.close();
      streams.delete(element);
    }
    if (!on) return;
    for (const element of document.querySelectorAll("[data-arrival]")) {
      if (!streams.has(element)) streams.set(element, follow(element));
    }
  }

  function follow(element) {
    const stream = new EventSource(element.dataset.arrival + "&owner=" + owner.split(":")[0]);
    stream.path = element.dataset.arrival;
    stream.addEventListener("changed", ({ data }) => setTimeout(() => { // the answer to an act here tells it first
      if (streams.get(element) !== stream) return;
      if (!element.matches("ul")) {
        htmx.trigger(element, "arrived");
        return;
      }
      const states = new Map(data.split(",").map((one) => one.split("=")));
      for (const row of element.querySelectorAll("[data-wait]")) {
        if (states.get(row.id.slice(4)) !== row.dataset.wait) htmx.trigger(row, "arrived");
      }
    }, 300));
    stream.addEventListener("end", () => stream.close());
    stream.addEventListener("error", () => { // it comes back by itself, unless it was refused: there may be a place later
      if (stream.readyState !== EventSource.CLOSED) return;
      setTimeout(() => {
        if (streams.get(element) === stream && streams.delete(element)) listen();
      }, 60_000);
    });
    return stream;
  }

  // What had the focus may be gone from a row that has arrived, and the way back is gone when it was taken: then the key's name takes it.
  let held = "";
  const placeOf = (undo) => undo.closest("#undo") && undo.getAttribute("hx-target").slice(1);
  const focusNear = (id) => ($("#" + id + " .name") ?? $("#heading")).focus();
  document.addEventListener("htmx:before:swap", (event) => {
    held = document.activeElement.closest("[hx-trigger~=arrived]")?.id ?? placeOf(event.detail.ctx.sourceElement);
  });
  document.addEventListener("htmx:after:swap", () => {
    if (held && document.activeElement === document.body) focusNear(held);
  });

  document.addEventListener("visibilitychange", () => listen());
  addEventListener("beforeunload", () => { // which may be for a download, or be thought better of
    listen(false);
    setTimeout(listen, 3000);
  });
  addEventListener("pagehide", () => listen(false));
  addEventListener("pageshow", () => listen());
  document.addEventListener("htmx:after:swap", () => listen());

  listen();
})();
