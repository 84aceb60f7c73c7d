// Identify a key: names the key that a value belongs to, without sending the value.
(() => {
  "use strict";
  const { $, t } = window.latchkey;

  // SHA-256 (FIPS 180-4) of text: browsers keep theirs to https. Constants are the first bits of roots of primes.
  function sha256(text) {
    const root = (n, power) => ((n ** power % 1) * 2 ** 32) | 0;
    const turn = (x, n) => (x >>> n) | (x << (32 - n));
    const primes = [];
    for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
    const k = primes.map((p) => root(p, 1 / 3));
    const sum = primes.slice(0, 8).map((p) => root(p, 1 / 2));
    const bytes = new TextEncoder().encode(text);
    const blocks = new DataView(new ArrayBuffer((((bytes.length + 8) >> 6) + 1) << 6));
    bytes.forEach((byte, i) => blocks.setUint8(i, byte));
    blocks.setUint8(bytes.length, 0x80);
    blocks.setUint32(blocks.byteLength - 4, bytes.length * 8);
    for (let at = 0; at < blocks.byteLength; at += 64) {
      const w = [];
      let [a, b, c, d, e, f, g, h] = sum;
      for (let i = 0; i < 64; i++) {
        if (i < 16) {
          w[i] = blocks.getInt32(at + 4 * i);
        } else {
          const x = w[i - 15], y = w[i - 2];
          w[i] = (w[i - 16] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + w[i - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10))) | 0;
        }
        const t = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
        const u = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        [a, b, c, d, e, f, g, h] = [(t + u) | 0, a, b, c, (d + t) | 0, e, f, g];
      }
      [a, b, c, d, e, f, g, h].forEach((x, i) => { sum[i] = (sum[i] + x) | 0; });
    }
    return sum.map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
  }

  // What was pasted may be a line of an .env file, or all of one: the field has dropped its line breaks.
  const valueIn = (pasted) => pasted.replace(/^.*KEY=/s, "").trim().replace(/^["']+|["']+$/g, "").trim();

  // The quick look sends nothing: the fingerprints came with the page.
  function look() {
    const value = valueIn($("#which-value").value);
    const keys = [...document.querySelectorAll("#fingerprints li")];
    if (!keys.length) return;
    const told = document.createElement("p");
    if (value) {
      const sum = sha256(value);
      const key = keys.find((one) => sum.startsWith(one.dataset.fingerprint));
      if (key) {
        const known = {
          On: t("script.which-on", "This is {key}, which is on.", { key: "|" }),
          Off: t("script.which-off", "This is {key}, which is off.", { key: "|" }),
          Expired: t("script.which-expired", "This is {key}, which is expired.", { key: "|" }),
        };
        const [before, after] = (known[key.dataset.state] ?? t("script.which", "This is {key}.", { key: "|" })).split(/\u2068?\|\u2069?/);
        told.append(before, $("a", key).cloneNode(true), after);
      } else if (keys[0].parentNode.dataset.some === undefined) told.append(t("script.which-none", "None of your keys has this value."));
      else told.append(t("script.which-none-known", "None of the keys whose fingerprint is known has this value. Try signing in with it."));
      if (key?.dataset.leak) {
        const leak = Object.assign(document.createElement("button"), { className: "danger", textContent: t("script.leaked", "This value leaked") });
        leak.setAttribute("form", "leak"); // and not the one that has the value
        $("#leak").action = key.dataset.leak;
        told.append(" ", leak);
      }
    }
    const verdict = $("#verdict");
    if (verdict.textContent !== told.textContent) verdict.replaceChildren(...(value ? [told] : []));
  }

  let looking = 0; // a value comes in one piece, or slowly: what it is not yet is no news
  document.addEventListener("input", (event) => {
    if (event.target.id !== "which-value") return;
    clearTimeout(looking);
    looking = setTimeout(look, 250);
  });
  document.addEventListener("keydown", (event) => { // only the button sends
    if (event.key !== "Enter" || event.target.id !== "which-value" || !$("#fingerprints")) return;
    event.preventDefault();
    look();
  });
  document.addEventListener("submit", () => clearTimeout(looking)); // the answer has the last word
  addEventListener("pagehide", () => { if ($("#which-value")) $("#which-value").value = ""; });
})();
