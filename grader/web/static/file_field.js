// File fields in our own words: the button, what was chosen, and a refusal before a file that is too large is sent.
"use strict";

for (const box of document.querySelectorAll("[data-pick]")) {
  const input = box.querySelector("input[type=file]");
  const chosen = document.getElementById(`${input.id}-chosen`);
  const refusal = document.getElementById(`${input.id}-refusal`);
  box.classList.add("own-words");
  box.querySelector(".pick").hidden = false;
  chosen.hidden = false;

  const tell = () => {
    const { length, 0: first } = input.files;
    chosen.textContent =
      length > 1 ? chosen.dataset.several.replace("{count}", length) : (first?.name ?? chosen.dataset.none);
  };

  // Before anybody else hears of the change: htmx would send the file.
  box.addEventListener(
    "change",
    (event) => {
      const bytes = [...input.files].reduce((sum, file) => sum + file.size, 0);
      refusal.hidden = bytes <= Number(box.dataset.mostBytes);
      if (!refusal.hidden) {
        event.stopImmediatePropagation();
        refusal.textContent = refusal.dataset.words.replace("{size_mb}", (bytes / 2 ** 20).toFixed(1));
        input.value = "";
        const earlier = input.getAttribute("hx-target");
        if (earlier) document.querySelector(earlier).replaceChildren();
      }
      tell();
    },
    true,
  );
  // Browsers keep what was chosen when a page is loaded again.
  tell();
}
