// Dead letters: queue one or all again.

import { say, t, tell, tn } from "./core.js";

async function retry(button, photos) {
  button.disabled = true;
  try {
    const done = await tell("/retry", { photos });
    const then = done.service ? t("The service looks at them now.") : t("They wait for tagger backfill or tagger run.");
    say(tn("{n} queued again.", "{n} queued again.", done.queued) + " " + then);
    for (const section of document.querySelectorAll("section.reason")) {
      if (photos) section.querySelector(`li:has(button[data-photo="${photos[0]}"])`)?.remove();
      if (!photos || !section.querySelector("li")) section.remove();
    }
  } catch (error) {
    say(error.message);
    button.disabled = false;
  }
}

document.getElementById("all")?.addEventListener("click", (event) => retry(event.target, null));
for (const button of document.querySelectorAll("button[data-photo]")) {
  button.addEventListener("click", () => retry(button, [Number(button.dataset.photo)]));
}
