// Lets a file be dropped on the form as well as chosen; htmx then asks what is in it.
"use strict";

for (const zone of document.querySelectorAll("[data-drop]")) {
  const input = zone.querySelector("input[type=file]");
  for (const hint of zone.querySelectorAll("[data-needs-script]")) hint.hidden = false;

  const mark = (over) => (event) => {
    event.preventDefault();
    zone.classList.toggle("over", over);
  };
  zone.addEventListener("dragenter", mark(true));
  zone.addEventListener("dragover", mark(true));
  zone.addEventListener("dragleave", mark(false));
  zone.addEventListener("drop", (event) => {
    mark(false)(event);
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// A file that misses the zone would be opened by the browser, and the page with all that was typed would be gone.
for (const name of ["dragover", "drop"]) {
  document.addEventListener(name, (event) => event.preventDefault());
}
