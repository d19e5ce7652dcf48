// The rules of a label: a change is previewed at once, and applied when the person says so.

import { ask, make, percent, say, t } from "./core.js";
import { wouldChange } from "./preview.js";

const form = document.getElementById("rules"), preview = document.getElementById("preview"), apply = document.getElementById("apply");
const general = Number(form.dataset.general), path = `/labels/${encodeURIComponent(form.dataset.key)}/rules`;
let timer, asked = 0;

function wanted() {
  const threshold = Number(form.elements.threshold.value);
  return {
    rename: form.elements.rename.value.trim(),
    merge_into: form.elements.merge_into.value.trim(),
    silence: form.elements.silence.checked,
    threshold: Math.abs(threshold - general) < 0.001 ? -1 : threshold,
  };
}

const send = (to, method) => ask(to, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(wanted()) });

async function look() {
  const mine = ++asked;
  preview.replaceChildren(make("p", { class: "quiet" }, t("comparing …")));
  try {
    const found = await send(path + "/preview", "POST");
    if (mine !== asked) return;
    preview.replaceChildren(make("h2", {}, t("What would change")), ...wouldChange(found));
    apply.disabled = false;
  } catch (error) {
    if (mine !== asked) return;
    preview.replaceChildren(make("p", { class: "notice bad", role: "alert" }, error.message));
    apply.disabled = true;
  }
}

function soon() {
  document.getElementById("shown-threshold").textContent = percent(Number(form.elements.threshold.value));
  clearTimeout(timer);
  timer = setTimeout(look, 350);
}

form.addEventListener("input", soon);
// What was typed before this script was there, or is kept by the browser from an earlier visit.
const changed = (one) => one.type === "checkbox" ? one.checked !== one.defaultChecked : "defaultValue" in one && one.value !== one.defaultValue;
if ([...form.elements].some(changed)) soon();
form.addEventListener("reset", () => setTimeout(soon));
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  apply.disabled = true;
  try {
    const done = await send(path, "PUT");
    say(done.by === "service" ? t("The rule is kept; the service applies it now.") : t("The rule is kept and is being applied."));
  } catch (error) {
    say(error.message);
    apply.disabled = false;
  }
});
