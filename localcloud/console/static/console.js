// Puts in what has changed since the page was made. Without it the pages work all the same.
"use strict";

const body = document.body;
const live = document.getElementById("live");
const gone = document.getElementById("gone");
const SHOWN_MS = 1200; // how long a part stays marked after something moved there

function figures() {
  return new Map([...document.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part.dataset.figures]));
}

// Mark the parts whose figures have changed, and the arrows that lead to them.
function mark(before) {
  if (!before.size) return;
  for (const part of document.querySelectorAll("[data-part]")) {
    if (before.get(part.dataset.part) === part.dataset.figures) continue;
    const arrows = document.querySelectorAll(`[data-to="${CSS.escape(part.dataset.part)}"]`);
    for (const moved of [part, ...arrows]) {
      moved.classList.add("moved");
      setTimeout(() => moved.classList.remove("moved"), SHOWN_MS);
    }
  }
}

function put(html) {
  const before = figures();
  const held = document.activeElement && live.contains(document.activeElement) ? document.activeElement : null;
  const address = held && held.getAttribute("href");
  const log = live.querySelector(".log");
  const atEnd = !log || log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  const top = log ? log.scrollTop : 0;
  live.innerHTML = html;
  const grown = live.querySelector(".log");
  if (grown) grown.scrollTop = atEnd ? grown.scrollHeight : top;
  if (address) live.querySelector(`[href="${CSS.escape(address)}"]`)?.focus();
  mark(before);
}

function follow() {
  const asked = new URLSearchParams(location.search);
  asked.set("path", body.dataset.path);
  const source = new EventSource(`${body.dataset.root}events?${asked}`);
  let lost = false;
  source.addEventListener("live", (event) => put(JSON.parse(event.data)));
  source.onopen = () => {
    if (lost) location.reload();
  };
  source.onerror = () => {
    lost = true;
    gone.hidden = false;
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2000);
  };
  addEventListener("pagehide", () => source.close());
}

if (live) follow();
