// The list of conversations at the side, which narrow screens show only when they are asked to.
export class Sidebar {
  #sidebar;
  #menu;

  constructor(sidebar, menu) {
    this.#sidebar = sidebar;
    this.#menu = menu;
    menu.addEventListener("click", () => this.#set(!this.#isOpen));
    document.addEventListener("pointerdown", ({target}) => {
      if (!sidebar.contains(target) && !menu.contains(target)) this.#set(false);
    });
  }

  // Whether it was open.
  close() {
    const wasOpen = this.#isOpen;
    if (wasOpen) {
      this.#set(false);
      this.#menu.focus();
    }
    return wasOpen;
  }

  get #isOpen() {
    return this.#sidebar.classList.contains("open");
  }

  #set(isOpen) {
    this.#sidebar.classList.toggle("open", isOpen);
    this.#menu.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.#sidebar.querySelector("button").focus();
  }
}
