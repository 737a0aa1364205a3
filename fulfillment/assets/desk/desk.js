/* Names for what Django's own widgets leave nameless to screen readers. */
"use strict";

function name(element, text) {
  if (element && text && !element.getAttribute("aria-label")) element.setAttribute("aria-label", text.trim());
}

function nameAll() {
  // The inputs of a table's row are named by their column.
  for (const cell of document.querySelectorAll(".tabular tr.form-row td[class*='field-']")) {
    const heading = cell.closest("table").querySelector(`th.column-${cell.className.match(/field-(\S+)/)[1]}`);
    for (const input of cell.querySelectorAll("input:not([type=hidden]), select")) name(input, heading?.textContent);
  }
  for (const box of document.querySelectorAll(".tabular td.delete input")) name(box, "Delete");
  // Of a date and a time under one label, each says which it is.
  for (const input of document.querySelectorAll(".vDateField, .vTimeField")) {
    const label = input.closest(".form-row")?.querySelector("label, legend")?.textContent ?? "";
    name(input, `${label.replace(":", "")} ${input.matches(".vDateField") ? "date" : "time"}`);
  }
  for (const tip of document.querySelectorAll("span.help-tooltip[aria-label]")) tip.setAttribute("role", "img");
  // A select2 box is named by the label of the select that it stands for.
  for (const box of document.querySelectorAll(".select2-selection[role=combobox]")) {
    const select = box.closest(".select2-container").previousElementSibling;
    const text = select?.labels?.[0]?.textContent ?? select?.getAttribute("aria-label");
    box.removeAttribute("aria-labelledby");
    name(box, text);
    const shown = box.querySelector(".select2-selection__rendered");
    shown.removeAttribute("role");
    shown.removeAttribute("aria-readonly");
  }
}

// Select2 and the rows of a table come later than the page.
let asked = 0;
new MutationObserver(() => {
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(nameAll);
}).observe(document.documentElement, { childList: true, subtree: true });
nameAll();
