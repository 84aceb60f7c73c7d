// Passkeys: what the browser asks for goes into the form that asked, which is then sent as any other. A page or a part with such a form names
// this script, and app.js fetches it then. A button is shown where it does something.
(() => {
  "use strict";
  const { $, t } = window.latchkey;
  const fresh = 4 * 60_000; // a challenge is good for a minute longer
  const can = window.isSecureContext && "PublicKeyCredential" in window;

  // What the server and the browser say to each other is JSON on the wire and bytes here. Newer browsers would turn one into the other.
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const listed = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) })) ?? [];
  function given(options) {
    const given = { ...options.publicKey, challenge: bytes(options.publicKey.challenge) };
    if (given.user) return { ...given, user: { ...given.user, id: bytes(given.user.id) }, excludeCredentials: listed(given.excludeCredentials) };
    return { ...given, allowCredentials: listed(given.allowCredentials) };
  }
  function answered(credential) {
    const response = { transports: credential.response.getTransports?.() };
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[part]) response[part] = text(credential.response[part]);
    }
    const { id, rawId, type, authenticatorAttachment } = credential;
    return JSON.stringify({ id, rawId: text(rawId), type, authenticatorAttachment, clientExtensionResults: credential.getClientExtensionResults(), response });
  }

  const tell = (form, what) => { $("[data-told]", form).textContent = what; };

  // Options come with the form, or are asked for where nobody is signed in yet: they cost the server a row that few visitors need.
  async function optionsFor(form) {
    const { options, from } = form.dataset;
    if (options) return JSON.parse(options);
    if (!form.asked || Date.now() - form.askedAt > fresh) {
      const answer = await fetch(from, { method: "POST" });
      if (!answer.ok) throw new Error("no options");
      form.asked = await answer.json();
      form.askedAt = Date.now();
    }
    form.elements.challenge.value = form.asked.challenge;
    return form.asked.options;
  }

  const send = (form, credential, button) => {
    form.querySelector("[data-answer]").value = answered(credential);
    form.answered = true;
    form.asked = null;
    form.requestSubmit(button);
  };

  async function ask(form, button) {
    form.asking = true;
    suggesting?.abort();
    tell(form, "");
    $(".error", form)?.remove();
    button.ariaDisabled = "true";
    let options;
    try {
      options = await optionsFor(form);
      const publicKey = given(options);
      send(form, await navigator.credentials[form.dataset.passkey]({ publicKey }), button);
    } catch (error) {
      const told = { InvalidStateError: form.dataset.known, NotAllowedError: form.dataset.cancelled };
      const { rp, rpId } = options?.publicKey ?? {};
      if (error.name === "SecurityError") tell(form, t("script.passkey-elsewhere", "Passkeys work at {address} only: open this page there.", { address: rpId ?? rp?.id }));
      else tell(form, options ? told[error.name] ?? t("script.no-passkey", "This browser couldn’t use a passkey.") : t("script.not-answered", "This server didn’t answer. Try again in a moment."));
      button.ariaDisabled = null;
      button.focus();
      suggest();
    }
    form.asking = false;
  }

  // The window hears of it before anything on the page sends the form, or says that it is being sent.
  addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.passkey) return;
    if (form.answered) {
      form.answered = false;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!form.asking) ask(form, event.submitter ?? $("button:not([type])", form));
  }, true);

  // Where the browser can, passkeys are among what it suggests for the email field, for as long as the page is looked at.
  let suggesting;
  async function suggest() {
    const form = $("form[data-from]");
    if (!form || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    suggesting?.abort();
    const { signal } = suggesting = new AbortController();
    const again = setTimeout(() => { if (!document.hidden && !form.asking && !signal.aborted) suggest(); }, fresh);
    try {
      const publicKey = given(await optionsFor(form));
      if (signal.aborted) return;
      send(form, await navigator.credentials.get({ publicKey, mediation: "conditional", signal }));
    } catch { /* nobody has chosen one: the button is there */ }
    clearTimeout(again);
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden && suggesting && !$("form[data-from]").asking) suggest(); });

  function show() {
    for (const form of document.querySelectorAll("form[data-passkey]:not([data-shown])")) {
      form.dataset.shown = "";
      if (!can) {
        tell(form, form.dataset.cannot ?? "");
        continue;
      }
      for (const hidden of form.querySelectorAll("[hidden]:not(input)")) hidden.hidden = false;
      $("[autofocus]", form)?.focus();
    }
  }
  document.addEventListener("htmx:after:swap", show);
  show();
  if (can) suggest();
})();
