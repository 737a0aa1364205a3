/* From one row of the queue to the next with j, and back with k. The page works without it. */
"use strict";

// On a narrow screen the reasons stand in one line: the present one is brought into sight.
const tab = document.querySelector(".waits-tabs [aria-current]");
const bar = tab?.closest("nav");
if (bar) bar.scrollLeft = tab.offsetLeft - bar.offsetLeft - 16;

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !["j", "k"].includes(event.key)) return;
  const rows = [...document.querySelectorAll(".waits-card")];
  const here = rows.indexOf(document.activeElement?.closest(".waits-card"));
  const there = event.key === "j" ? here + 1 : Math.max(here - 1, 0);
  rows[there]?.focus();
});
