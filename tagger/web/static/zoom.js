// The same place of several pictures, enlarged: whoever compares them sees which is sharper.

const LEAST = 2, MOST = 16, STEP = 1.25, PAN = 0.1;

// `list` holds the pictures, `button` switches it on and off; `whole` tells where all pixels of a picture are.
export class Zoom {
  constructor(list, button, whole) {
    Object.assign(this, { list, button, whole, x: 0.5, y: 0.5, times: 4 });
    button.addEventListener("click", () => this.toggle());
    list.addEventListener("pointermove", (event) => {
      const picture = event.target.closest(".choice");
      if (!this.isOn || !picture || (event.pointerType !== "mouse" && !event.pressure)) return;
      const box = picture.getBoundingClientRect();
      this.show((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    });
    list.addEventListener("wheel", (event) => {
      if (!this.isOn || !event.target.closest(".choice")) return;
      event.preventDefault();
      this.times = Math.min(MOST, Math.max(LEAST, this.times * (event.deltaY < 0 ? STEP : 1 / STEP)));
      this.show();
    }, { passive: false });
  }

  get isOn() { return this.button.getAttribute("aria-pressed") === "true"; }

  toggle(on = !this.isOn) {
    this.button.setAttribute("aria-pressed", String(on));
    this.list.classList.toggle("zoomed", on);
    if (on) this.load();
    this.show();
  }

  // Other pictures are there now.
  renew() { if (this.isOn) this.toggle(true); }

  // By arrows, where Shift is held: a step to where they point.
  pan(across, down) { this.show(this.x + across * PAN, this.y + down * PAN); }

  show(x = this.x, y = this.y) {
    [this.x, this.y] = [x, y].map((one) => Math.min(1, Math.max(0, one)));
    this.list.style.setProperty("--at", `${100 * this.x}% ${100 * this.y}%`);
    this.list.style.setProperty("--times", this.times);
  }

  // All pixels, as soon as they are there.
  load() {
    for (const picture of this.list.querySelectorAll("img")) {
      const large = new Image();
      large.src = this.whole(picture);
      large.decode().then(() => { picture.src = large.src; }, () => {});
    }
  }
}
