// Keeps a submission's progress up to date by server-sent events; while none come, it asks every now and then.
"use strict";

const ASK_EVERY_MS = 2000;

function follow(box) {
  const part = box.querySelector("[data-part]");
  if (part.querySelector("[data-over]")) return;
  const events = new EventSource(box.dataset.events);
  let timer = null;

  function show(html) {
    part.innerHTML = html;
    if (!part.querySelector("[data-over]")) return;
    events.close();
    clearInterval(timer);
    location.assign(box.dataset.address);
  }

  async function ask() {
    try {
      const answer = await fetch(box.dataset.state);
      if (answer.ok && !answer.redirected) show(await answer.text());
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // no network just now: it asks again
    }
  }

  function startAsking() {
    timer ??= setInterval(ask, ASK_EVERY_MS);
  }

  startAsking(); // until the first event: something between may hold them back
  events.addEventListener("error", startAsking);
  events.addEventListener("progress", (event) => {
    clearInterval(timer);
    timer = null;
    show(event.data);
  });
}

document.querySelectorAll("[data-events]").forEach(follow);
