// Labels of the library for what is typed so far.

import { ask, make } from "./core.js";

// One Chinese, Japanese or Korean sign may be a word.
const SIGN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

export const tooShort = (text) => text.length < 2 && !SIGN.test(text);

export const suggested = (text) => tooShort(text) ? Promise.resolve([]) : ask("/suggest?q=" + encodeURIComponent(text)).catch(() => []);

// A field for the name of a label: `list` is its datalist.
export function suggestLabels(field, list) {
  let timer, asked = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = ++asked, found = await suggested(field.value.trim());
      if (mine === asked) list.replaceChildren(...found.map((label) => make("option", { value: label.name })));
    }, 150);
  });
}
