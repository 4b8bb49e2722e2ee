// Line numbers beside the YAML with the lines that are wrong, and folders that are dropped on the form.
"use strict";

for (const editor of document.querySelectorAll("[data-editor]")) {
  const text = editor.querySelector("textarea");
  const lines = editor.querySelector(".lines");
  const mistakes = document.getElementById("mistakes");
  let shown = "";
  lines.hidden = false;
  editor.classList.add("numbered");

  const number = () => {
    const wrong = new Set([...mistakes.querySelectorAll("[data-line]")].map((link) => Number(link.dataset.line)));
    const count = text.value.split("\n").length;
    const wanted = `${count}:${[...wrong]}`;
    if (wanted !== shown) {
      shown = wanted;
      lines.replaceChildren(
        ...Array.from({ length: count }, (_, place) => {
          const line = document.createElement("span");
          line.textContent = place + 1;
          line.classList.toggle("wrong-line", wrong.has(place + 1));
          return line;
        }),
      );
    }
    lines.scrollTop = text.scrollTop;
  };
  text.addEventListener("input", number);
  text.addEventListener("scroll", () => (lines.scrollTop = text.scrollTop));
  new MutationObserver(number).observe(mistakes, { childList: true, subtree: true });
  number();

  const goTo = (line) => {
    const all = text.value.split("\n");
    const start = all.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
    text.focus();
    text.setSelectionRange(start, start + (all[line - 1] ?? "").length);
    text.scrollTop = (text.scrollHeight / all.length) * Math.max(line - 5, 0);
  };
  mistakes.addEventListener("click", (event) => {
    const line = Number(event.target.closest("[data-line]")?.dataset.line);
    if (!line) return;
    event.preventDefault();
    goTo(line);
  });
  // A mistake on another page leads here with its line.
  const asked = Number(new URLSearchParams(location.search).get("line"));
  if (asked > 0) goTo(asked);
}

// A folder's files keep their paths, which a form sends as the files' names.
const filesIn = async (entry, path) => {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [new File([file], `${path}${file.name}`, { type: file.type })];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const each of some) found.push(...(await filesIn(each, `${path}${entry.name}/`)));
  }
};

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
  zone.addEventListener("drop", async (event) => {
    mark(false)(event);
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    if (!entries.length) return;
    const chosen = new DataTransfer();
    for (const entry of entries) for (const file of await filesIn(entry, "")) chosen.items.add(file);
    input.files = chosen.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
