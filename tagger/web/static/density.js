// How large the photos of a grid are. The server reads the cookie, so that the next page is laid out so from the beginning.

import { at, t } from "./core.js";

const choice = document.getElementById("density");
const SIZES = ["small", "", "large"];
const names = [t("small"), t("medium"), t("large")];
const tell = () => choice.setAttribute("aria-valuetext", names[choice.value]);

choice?.addEventListener("input", () => {
  const size = SIZES[choice.value];
  document.documentElement.dataset.density = size;
  document.cookie = `density=${size}; path=${at("/")}; max-age=31536000; samesite=lax`;
  tell();
});
if (choice) tell();
