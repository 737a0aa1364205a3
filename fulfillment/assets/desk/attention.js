/* From one row of the queue to the next with j, and back with k. The page works without it. */
"use strict";

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !["j", "k"].includes(event.key)) return;
  const rows = [...document.querySelectorAll(".waits-card")];
  const here = rows.indexOf(document.activeElement?.closest(".waits-card"));
  const there = event.key === "j" ? here + 1 : Math.max(here - 1, 0);
  rows[there]?.focus();
});
