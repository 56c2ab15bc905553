// Puts in what has changed since the page was made. Without it the pages work all the same.
"use strict";

const body = document.body;
const live = document.getElementById("live");
const gone = document.getElementById("gone");
const SHOWN_MS = 1200; // how long a part stays marked after something moved there
const STEP_MS = 350; // an order takes so long along an arrow
const RECENT_MS = 5000; // what came to a part left the one before so long ago at most
const SIDEWAYS = ".scroll, .wide"; // what scrolls sideways
const COLUMN = 204; // from one part of the picture to the next, as in picture.py
const marks = new Map(); // what moved or failed just now
const beaten = new Map(); // when each part last did something
const still = matchMedia("(prefers-reduced-motion: reduce)");

function beats() {
  return new Map([...document.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, { ...part.dataset }]));
}

// Mark the parts whose figures have changed, from left to right, and the arrows that lead to them. An
// order passes several of them between two looks: so that it can be seen to walk, each waits its turn.
function mark(before) {
  if (!before.size) return;
  const parts = [...document.querySelectorAll("[data-part]")];
  const moved = parts.filter((part) => before.get(part.dataset.part)?.beat !== part.dataset.beat);
  for (const part of moved) beaten.set(part.dataset.part, performance.now());
  for (const part of moved) {
    const bad = before.get(part.dataset.part)?.bad;
    const column = part.querySelector("rect").x.baseVal.value / COLUMN;
    setTimeout(show, still.matches ? 0 : column * STEP_MS, part.dataset.part, bad !== part.dataset.bad && part.dataset.bad);
  }
}

function show(key, failed) {
  marks.set(key, failed ? "failed" : "moved");
  setTimeout(() => { marks.delete(key); dress(); }, SHOWN_MS);
  dress();
  if (still.matches) return;
  for (const arrow of document.querySelectorAll(`[data-to="${CSS.escape(key)}"]:not(.off)`)) {
    if (performance.now() - beaten.get(arrow.dataset.from) < RECENT_MS) walk(arrow);
  }
}

// Show the marks as they are now: the picture may have been drawn again since.
function dress() {
  for (const part of document.querySelectorAll("[data-part]")) {
    const mark = marks.get(part.dataset.part);
    part.classList.toggle("failed", mark === "failed");
    part.classList.toggle("moved", mark === "moved");
  }
}

// A dot along an arrow.
function walk(arrow) {
  const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  dot.setAttribute("r", 9);
  dot.setAttribute("class", "order");
  dot.style.offsetPath = `path("${arrow.getAttribute("d")}")`;
  arrow.after(dot);
  const way = dot.animate([{ offsetDistance: "0%" }, { offsetDistance: "100%" }], { duration: STEP_MS, easing: "ease-in-out" });
  way.onfinish = () => dot.remove();
}

function put(html) {
  const before = beats();
  const held = document.activeElement && live.contains(document.activeElement) ? document.activeElement : null;
  const address = held && held.getAttribute("href");
  const log = live.querySelector(".log");
  const atEnd = !log || log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  const top = log ? log.scrollTop : 0;
  const lefts = [...live.querySelectorAll(SIDEWAYS)].map((each) => each.scrollLeft);
  const orders = [...live.querySelectorAll(".order")]; // go on walking
  live.innerHTML = html;
  live.querySelector(".chain")?.append(...orders);
  dress();
  const grown = live.querySelector(".log");
  if (grown) grown.scrollTop = atEnd ? grown.scrollHeight : top;
  live.querySelectorAll(SIDEWAYS).forEach((each, index) => { each.scrollLeft = lefts[index] ?? 0; });
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
    live.classList.add("old");
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2000);
  };
  addEventListener("pagehide", () => source.close());
}

const log = document.querySelector(".log");
if (log) log.scrollTop = log.scrollHeight; // the newest line is the last
if (live) follow();
