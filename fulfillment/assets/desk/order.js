/* The form of an order: a pasted address goes into its fields, and the server says what a save would do. */
"use strict";

const form = document.getElementById("order_form");
const WAIT = 400;

function say(box, notes, end, good) {
  const list = document.createElement("ul");
  for (const text of notes) {
    const item = document.createElement("li");
    item.textContent = text;
    list.append(item);
  }
  const last = document.createElement("p");
  last.textContent = end;
  last.className = good ? "good" : "";
  box.replaceChildren(...(notes.length ? [list] : []), ...(end ? [last] : []));
}

async function ask(url, body, signal) {
  const response = await fetch(url, { method: "POST", body, signal, headers: { Accept: "application/json" } });
  if (response.redirected || !(response.headers.get("Content-Type") ?? "").includes("json")) {
    throw new Error("The desk could not answer. Reload the page; you may have been signed out.");
  }
  const told = await response.json();
  if (!response.ok) throw new Error(told.error ?? "The desk could not answer.");
  return told;
}

function fill(fields) {
  const labels = [];
  // What an earlier paste left, and nobody has touched, belongs to another address.
  for (const input of form.querySelectorAll(".filled")) input.value = "";
  for (const [name, value] of Object.entries(fields)) {
    const input = form.elements[name];
    if (!input) continue;
    input.value = value;
    input.classList.add("filled");
    input.addEventListener("input", () => input.classList.remove("filled"), { once: true });
    const label = input.labels[0]?.textContent.replace(":", "").trim().toLowerCase() ?? name;
    labels.push(label);
  }
  return labels;
}

function readPastes(section, check) {
  const [text, button, told] = ["textarea", "button", ".order-told"].map((one) => section.querySelector(one));
  section.hidden = false;
  async function split() {
    if (!text.value.trim()) return say(told, [], "Paste an address first.");
    const body = new FormData();
    body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    body.append("text", text.value);
    button.disabled = true;
    try {
      const found = await ask(section.dataset.url, body);
      const labels = fill(found.fields);
      const left = found.unplaced.map((piece) => `Not placed: ${piece}`);
      const end = labels.length ? `Filled in, for you to check: ${labels.join(", ")}.` : "Nothing could be placed.";
      say(told, [...left, ...found.notes], end);
      check();
    } catch (problem) {
      say(told, [problem.message], "");
    } finally {
      button.disabled = false;
    }
  }
  button.addEventListener("click", split);
  text.addEventListener("paste", () => setTimeout(split));
}

function checker(section) {
  const told = section.querySelector(".order-told");
  let timer = 0;
  let running = null;
  section.hidden = false;
  say(told, [], "Fill in the form; what TrepStar would say to it stands here.");
  async function check() {
    running?.abort();
    running = new AbortController();
    try {
      const found = await ask(section.dataset.url, new FormData(form), running.signal);
      const good = !found.findings.length;
      say(told, found.findings.map((one) => one.text), found.summary, good);
    } catch (problem) {
      if (problem.name !== "AbortError") say(told, [problem.message], "");
    }
  }
  return () => {
    clearTimeout(timer);
    timer = setTimeout(check, WAIT);
  };
}

if (form) {
  const preflight = form.querySelector(".order-check");
  const check = preflight ? checker(preflight) : () => {};
  const paste = form.querySelector(".order-paste");
  if (paste) readPastes(paste, check);
  if (preflight) {
    const outside = (event) => !paste?.contains(event.target);
    for (const kind of ["input", "change"]) form.addEventListener(kind, (event) => outside(event) && check());
    for (const kind of ["formset:added", "formset:removed"]) document.addEventListener(kind, check);
    // Select2 tells jQuery alone of a choice; the usual number of pieces is one.
    window.django?.jQuery(form).on("select2:select", (event) => {
      const pieces = event.target.closest("tr")?.querySelector("input[name$=quantity]");
      if (pieces && !pieces.value) pieces.value = "1";
      check();
    });
    if (form.querySelector(".order-copied")) check();
  }
  // A second press of Save while the first is under way.
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("input[type=submit]")) {
      setTimeout(() => (button.disabled = true));
      setTimeout(() => (button.disabled = false), 8000);
    }
  });
}
