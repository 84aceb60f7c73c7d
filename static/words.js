// The words of scripts in a language other than English, and how times are written in it. WORDS is what package views makes of the
// translation. A page in English has no such script: its words are in the code.
(() => {
  "use strict";
  const { language, rightToLeft, texts } = WORDS;
  const plural = new Intl.PluralRules(language);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => (rightToLeft && name !== "n" ? "\u2068" + values[name] + "\u2069" : values[name]));
  const t = (id, english, values) => fill(texts[id]?.other ?? english, values);
  const tn = (id, n, one, other) => fill(texts[id]?.[plural.select(n)] ?? texts[id]?.other ?? (n === 1 ? one : other), { n });

  // As package times does it: patterns, and the parts that are put into them as they are.
  const put = (id, values) => texts["time." + id].other.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const months = texts["time.months-short"].other.split(/[,،、\s]+/);
  const times = {
    now: texts["time.just-now"].other,
    ago: (n, unit) => tn("time." + unit + "s-ago", n),
    date: (at, withYear) => put(withYear ? "day-year" : "day", { day: at.getDate(), month: months[at.getMonth()], year: at.getFullYear() }),
    comma: put("moment", { date: "", hours: "" }),
    twelve: (hours, pm) => put("twelve", { hours, half: put(pm ? "pm" : "am") }),
  };
  window.latchkeyWords = { t, tn, times };
})();
