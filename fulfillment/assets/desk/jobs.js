/* A job's page follows its progress; the page that asks is posted once, with the right number. */
"use strict";

// The page that asks before many orders are changed.
for (const form of document.querySelectorAll("form.bulk-form")) {
  const typed = form.querySelector("#id_typed");
  const button = form.querySelector("button");
  const right = () => !typed || typed.value.replaceAll(",", "").trim() === form.dataset.typed;
  const show = () => button.setAttribute("aria-disabled", String(!right()));
  typed?.addEventListener("input", show);
  show();
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent || !right()) {
      event.preventDefault();
      typed?.focus();
      return;
    }
    sent = true;
    button.setAttribute("aria-disabled", "true");
  });
  // Back from the next page, the form may be sent again.
  window.addEventListener("pageshow", () => {
    sent = false;
    show();
  });
}

// The page of a job that is under way.
const progress = document.getElementById("job-progress");
const EVERY = 1500;

async function follow() {
  if (document.hidden) return again();
  try {
    const answer = await fetch(progress.dataset.from, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return; // signed out, or the page is gone
    progress.innerHTML = await answer.text();
  } catch {
    return again(); // the network came and went
  }
  if (progress.querySelector("[data-ended]")) location.reload();
  else again();
}

function again() {
  setTimeout(follow, EVERY);
}

if (progress?.dataset.from) again();
