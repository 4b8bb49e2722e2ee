// Makes the page of an answer quick: digits tick the rubric's items, what is typed is kept as a draft, comments of the
// team go in without a new page, and pictures can be turned and enlarged. The page does all but the last without this.
"use strict";

const AUTOSAVE_AFTER_MS = 1200;
const desk = document.querySelector(".rv-desk");
const judging = document.getElementById("judge");

const kept = [...document.querySelectorAll("form[data-autosave]")].map(keep);
if (judging) quicken(judging);

// A press in one form must not lose what was typed in the other a moment before.
document.addEventListener("submit", async (event) => {
  const others = kept.filter((one) => one.form !== event.target && one.isWaiting());
  if (!others.length) return;
  event.preventDefault();
  await Promise.all(others.map((one) => one.save()));
  event.target.requestSubmit(event.submitter);
});
addEventListener("pagehide", () => kept.filter((one) => one.isWaiting()).forEach((one) => one.save()));

// What is typed is kept a moment after the last key.
function keep(form) {
  const status = form.querySelector(".rv-kept");
  let waiting = 0;

  form.addEventListener("input", () => {
    stop();
    waiting = setTimeout(save, AUTOSAVE_AFTER_MS);
  });
  form.addEventListener("submit", stop);
  return { form, save, isWaiting: () => waiting !== 0 };

  function stop() {
    clearTimeout(waiting);
    waiting = 0;
  }

  async function save() {
    stop();
    const typed = new FormData(form);
    typed.set("act", "autosave");
    try {
      const sent = { method: "POST", body: new URLSearchParams(typed), keepalive: true };
      const answer = await fetch(location.href, sent);
      status.textContent = answer.ok ? status.dataset.saved : status.dataset.unsaved;
    } catch {
      status.textContent = status.dataset.unsaved;
    }
  }
}

// Keys, a sum and the team's comments for the form about a written answer.
function quicken(form) {
  const comment = form.elements.namedItem("comment");
  const none = form.querySelector(".rv-none input");
  const items = [...form.querySelectorAll(".rv-item:not(.rv-none) input[name=item]")];

  showSum();
  form.addEventListener("input", (event) => {
    keepApart(event.target);
    showSum();
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[value^='insert:']");
    if (!button) return;
    event.preventDefault();
    const words = button.closest("li").querySelector(".rv-words").textContent;
    comment.value = [comment.value.trim(), words].filter(Boolean).join("\n");
    comment.focus();
    form.dispatchEvent(new Event("input"));
  });
  if (desk.dataset.keys === "on") {
    const hint = form.querySelector(".rv-keys");
    if (hint) hint.hidden = false;
    document.addEventListener("keydown", (event) => {
      const digit = digitOf(event);
      const item = digit === 0 ? none : items[digit - 1];
      if (!item) return;
      event.preventDefault();
      item.click();
      item.focus();
    });
  }

  // That none of the items is met, and an item that is, cannot both be.
  function keepApart(ticked) {
    if (!ticked.checked) return;
    if (ticked === none) for (const item of items) item.checked = false;
    else if (items.includes(ticked)) none.checked = false;
  }

  function showSum() {
    const sum = form.querySelector(".rv-sum");
    if (!sum) return;
    const met = [...items, none].filter((item) => item.checked);
    const points = met.reduce((total, item) => total + Number(item.dataset.points), 0);
    sum.hidden = false;
    // Nothing chosen is no zero, neither here nor when it is sent.
    sum.querySelector("output").value = met.length ? String(Number(points.toFixed(6))) : "–";
  }
}

// The digit that a key stands for, NaN for none: not while somebody types, nor while an input method turns keys into
// characters; digits in full width are digits.
function digitOf(event) {
  if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.altKey || event.metaKey) return NaN;
  if (event.target.closest("textarea, select, input:not([type=checkbox])")) return NaN;
  const key = event.key.normalize("NFKC");
  return /^[0-9]$/.test(key) ? Number(key) : NaN;
}

const SVG = "http://www.w3.org/2000/svg";

for (const image of document.querySelectorAll(".rv-cells img.nb-image")) {
  const words = document.getElementById("picture-words").dataset;
  const frame = document.createElement("div");
  const tools = document.createElement("p");
  const region = document.createElement("div");
  let turn = 0;
  tools.className = "rv-buttons";
  region.className = "rv-picture";
  image.replaceWith(frame);
  frame.append(tools, region);
  tools.append(
    makeButton(words.left, () => show((turn + 270) % 360)),
    makeButton(words.right, () => show((turn + 90) % 360)),
    makeButton(words.large, (button) => {
      const isLarge = region.classList.toggle("is-large");
      button.setAttribute("aria-pressed", String(isLarge));
      region.tabIndex = isLarge ? 0 : -1;
      if (isLarge) region.setAttribute("role", "region");
      else region.removeAttribute("role");
    }),
  );
  region.setAttribute("aria-label", image.alt);
  show(0);

  // An SVG turns a picture by attributes alone and takes the room that the turned picture needs.
  function show(degrees) {
    turn = degrees;
    if (turn === 0) {
      region.replaceChildren(image);
      return;
    }
    const width = Number(image.getAttribute("width"));
    const height = Number(image.getAttribute("height"));
    const isSideways = turn % 180 !== 0;
    const drawing = document.createElementNS(SVG, "svg");
    const picture = document.createElementNS(SVG, "image");
    const [wide, high] = isSideways ? [height, width] : [width, height];
    set(drawing, { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "img", "aria-label": image.alt });
    const shift = `translate(${wide / 2} ${high / 2}) rotate(${turn}) translate(${-width / 2} ${-height / 2})`;
    set(picture, { href: image.src, width, height, transform: shift });
    drawing.append(picture);
    region.replaceChildren(drawing);
  }
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

function makeButton(label, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = label;
  button.addEventListener("click", () => press(button));
  return button;
}
