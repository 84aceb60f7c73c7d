// What goes with acts on several keys at once. The page names this script, and app.js fetches it then.
(() => {
  "use strict";
  const { $, t, tn } = window.latchkey;

  // How many keys are selected is said where something is done with them.
  function countSelected() {
    const act = $("[data-count]");
    if (!act) return;
    const n = new FormData(act.closest("form")).getAll("key").length;
    act.textContent = n ? tn("script.delete-keys", n, "Delete {n} key…", "Delete {n} keys…") : act.dataset.count;
    $("[data-selected]")?.replaceChildren(t("script.selected", "{n} selected", { n }));
  }
  document.addEventListener("change", countSelected);
  document.addEventListener("htmx:after:swap", countSelected);
  countSelected();
})();
