// The status as it changes: what the server makes of it is put into the place of what was there.

import { at, say, t, tell, tn } from "./core.js";

const lost = document.getElementById("lost");
let loading = false, again = false;

async function renew() {
  if (loading) { again = true; return; }
  loading = true;
  try {
    const answer = await fetch(at("/status"), { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html"), now = document.getElementById("now"), next = page.getElementById("now");
    if (!next) { location.reload(); return; }
    if (next.innerHTML !== now.innerHTML) {
      // Whoever reads on with the keyboard stays where they are, and what was opened stays open.
      const focused = document.activeElement?.id, open = [...now.querySelectorAll("details")].map((one) => one.open);
      [...next.querySelectorAll("details")].forEach((one, place) => { one.open = open[place] ?? false; });
      now.replaceWith(next);
      if (focused && next.querySelector(`#${CSS.escape(focused)}`)) document.getElementById(focused).focus({ preventScroll: true });
    }
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  }
  loading = false;
  if (again) { again = false; renew(); }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-reason]");
  if (!button) return;
  button.disabled = true;
  try {
    const done = await tell("/retry", { reason: button.dataset.reason });
    const then = done.service ? t("The service looks at them now.") : t("They wait for tagger backfill or tagger run.");
    say(tn("{n} queued again.", "{n} queued again.", done.queued) + " " + then);
    button.closest("li").remove();
    renew();
  } catch (error) {
    say(error.message);
    button.disabled = false;
  }
});

const events = new EventSource(at("/api/v1/events"));
events.addEventListener("status", renew);
events.addEventListener("error", () => { lost.hidden = false; });
